#include "models/economics/costs.hpp"

#include <doctest/doctest.h>

#include <cmath>

namespace mw::models {

TEST_CASE("T35: capital recovery") {
  // CRF = r / (1 - (1 + r)^-n).
  CHECK(std::fabs(capital_recovery_factor(0.1, 5) - 0.263797) < 1e-6);
  CHECK(std::fabs(capital_recovery_factor(0.1, 14) - 0.135746) < 1e-6);
  CHECK(capital_recovery_factor(0, 4) == 0.25);
  CHECK(capital_recovery_factor(1e-9, 4) == doctest::Approx(0.25).epsilon(1e-8));
}

TEST_CASE("T33: cost per million tokens and tokens per megawatt of published GPU-hour prices") {
  CHECK(usd_per_million_tokens(2.21, 1000) == doctest::Approx(0.61389).epsilon(1e-5));
  CHECK(usd_per_million_tokens(1.95, 10000) == doctest::Approx(0.05417).epsilon(1e-4));
  CHECK(tokens_per_second_per_mw(1000, 2.10) == doctest::Approx(476190).epsilon(1e-5));
  CHECK(tokens_per_second_per_mw(10000, 2.17) == doctest::Approx(4608295).epsilon(1e-6));
}

TEST_CASE("T34: GPUs that a budget carries in whole racks") {
  // NVIDIA's slide: 1 GW at 2.50566 and 3.63679 kW per GPU.
  CHECK(std::abs(gpus_within(1e9, 2505.66, 72) - 399096) <= 72);
  CHECK(std::abs(gpus_within(1e9, 1e9 / 274968, 72) - 274968) == 0);
  CHECK(399096.0 / 274968.0 == doctest::Approx(1.45143).epsilon(1e-5));
  CHECK(gpus_within(1e6, 1e6 / 71.5, 72) == 0);
}

TEST_CASE("T36: capacity and peak charges of a year") {
  // 329.17 USD per MW and day for 365 days; 100 MW at 70 USD per kW and year.
  EconomicsParameters e;
  e.demand_price.value = {329.17 / 1e6 / 86400};
  CHECK(demand_bill(e, {1e6}, {seconds_per_year}).value ==
        doctest::Approx(120147.05).epsilon(1e-9));
  e.demand_price.value = {70 / 1e3 / seconds_per_year};
  CHECK(demand_bill(e, {100e6}, {seconds_per_year}).value == doctest::Approx(7.0e6).epsilon(1e-9));
}

TEST_CASE("A gigawatt of IT at PUE 1.1 and 50 USD/MWh pays 481.8 million a year for energy") {
  EconomicsParameters e;
  e.energy_price.value = {50 / 3.6e9};
  CHECK(energy_bill(e, {1.1e9 * seconds_per_year}).value == doctest::Approx(481.8e6).epsilon(1e-9));
}

TEST_CASE("The cost of a token is the yearly cost over the yearly tokens, part by part") {
  EconomicsParameters e;
  e.interest.value = 0;
  e.it_life_years = 4;
  e.facility_life_years = 10;
  e.it_capital.value = {20};
  e.facility_capital.value = {10};
  e.energy_price.value = {1e-8};
  e.demand_price.value = {1e-9};
  e.operation.value = {2 / seconds_per_year};
  e.maintenance_share.value = 0.02;
  e.water_price.value = {3};
  YearOfSite year;
  year.it_design = {1e6};
  year.it_without_price = {4e5};
  year.rack_prices = {9e6};
  year.energy = {2e13};
  year.peak = {1.2e6};
  year.water = {1000};
  const YearlyCost cost = yearly_cost(e, year);
  CHECK(cost.it_capital == doctest::Approx((9e6 + 8e6) / 4));
  CHECK(cost.facility_capital == doctest::Approx(1e6));
  CHECK(cost.energy == doctest::Approx(2e5));
  CHECK(cost.demand == doctest::Approx(1e-9 * 1.2e6 * seconds_per_year));
  CHECK(cost.other == doctest::Approx(2e6 + 2e5 + 3e3));
  const TokenCost token = token_cost(cost, {5e12});
  CHECK(token.total() * 5e6 == doctest::Approx(cost.total()).epsilon(1e-12));
  CHECK(token.energy == doctest::Approx(0.04));
  // 100 GPUs in use half of the time.
  CHECK(usd_per_gpu_hour(cost, 100, 0.5) == doctest::Approx(cost.total() / (50 * 8760)));
}

TEST_CASE("Revenue counts prompt and generated tokens at their own prices") {
  const TokenPrices prices{{0.55e-6}, {2.19e-6}};
  CHECK(token_revenue(prices, {4e6}, {1e6}).value == doctest::Approx(2.2 + 2.19));
}

}  // namespace mw::models
