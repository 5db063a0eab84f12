#include "models/economics/costs.hpp"

namespace mw::models {

YearlyCost yearly_cost(const EconomicsParameters& e, const YearOfSite& year) {
  const double racks =
      year.rack_prices.value + e.it_capital.value.value * year.it_without_price.value;
  const double facility = e.facility_capital.value.value * year.it_design.value;
  YearlyCost cost;
  cost.it_capital = racks * capital_recovery_factor(e.interest.value, e.it_life_years);
  cost.facility_capital =
      facility * capital_recovery_factor(e.interest.value, e.facility_life_years);
  cost.energy = energy_bill(e, year.energy).value;
  cost.demand = demand_bill(e, year.peak, {seconds_per_year}).value;
  cost.other = e.operation.value.value * year.it_design.value * seconds_per_year +
               e.maintenance_share.value * facility + e.water_price.value.value * year.water.value;
  return cost;
}

sim::Money energy_bill(const EconomicsParameters& e, sim::Energy energy) {
  return {e.energy_price.value.value * energy.value};
}

sim::Money demand_bill(const EconomicsParameters& e, sim::Power peak, sim::Seconds period) {
  return {e.demand_price.value.value * peak.value * period.value};
}

TokenCost token_cost(const YearlyCost& cost, sim::Tokens tokens_per_year) {
  const double per_million = 1e6 / tokens_per_year.value;
  return {cost.capital() * per_million, cost.energy * per_million, cost.demand * per_million,
          cost.other * per_million};
}

double usd_per_gpu_hour(const YearlyCost& cost, double gpus, double utilisation) {
  return cost.total() / (gpus * utilisation * (seconds_per_year / 3600));
}

sim::Money token_revenue(const TokenPrices& prices, sim::Tokens input, sim::Tokens output) {
  return {prices.input.value * input.value + prices.output.value * output.value};
}

}  // namespace mw::models
