#pragma once
#include <string>

#include "models/economics/finance.hpp"
#include "sim/describe.hpp"
#include "sim/quantity.hpp"

namespace mw::models {

struct EconomicsParameters {
  static constexpr const char* catalog = "economics";
  std::string text;
  sim::Sourced<double> interest{0.1, sim::Confidence::assumed, "Millwright"};
  double it_life_years = 5;
  double facility_life_years = 14;
  sim::Sourced<sim::MoneyPerPower> it_capital;
  sim::Sourced<sim::MoneyPerPower> facility_capital;
  sim::Sourced<sim::MoneyPerEnergy> energy_price;
  sim::Sourced<sim::MoneyPerPowerTime> demand_price;
  sim::Sourced<sim::MoneyPerPowerTime> operation;
  sim::Sourced<double> maintenance_share;
  sim::Sourced<sim::MoneyPerVolume> water_price;
};
template <sim::Describes<EconomicsParameters> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("text", self.text, About{.text = "What the set of figures is, in one line"});
  visit("interest", self.interest, About{.text = "Yearly cost of capital", .min = 0, .max = 1});
  visit("it_life_years", self.it_life_years,
        About{.text = "Years over which racks are paid off", .min = 0.5, .max = 50});
  visit("facility_life_years", self.facility_life_years,
        About{.text = "Years over which building, power and cooling are paid off",
              .min = 0.5,
              .max = 100});
  visit("it_capital", self.it_capital,
        About{.text = "Price of racks per watt of their design power, for racks without a price",
              .min = 0});
  visit("facility_capital", self.facility_capital,
        About{.text = "Price of land, shell, power and cooling per watt of IT design power",
              .min = 0});
  visit("energy_price", self.energy_price,
        About{.text = "Price of energy at the meter", .min = -1e-5});
  visit("demand_price", self.demand_price,
        About{.text = "Price of the peak power at the meter (capacity, network)", .min = 0});
  visit("operation", self.operation,
        About{.text = "Staff, insurance, tax and the rest, per watt of IT design power", .min = 0});
  visit("maintenance_share", self.maintenance_share,
        About{.text = "Yearly maintenance as a share of facility capital", .min = 0, .max = 0.5});
  visit("water_price", self.water_price, About{.text = "Price of water", .min = 0});
}

/// What a site is and uses in one year.
struct YearOfSite {
  sim::Power it_design;         // sum of the racks' design power
  sim::Power it_without_price;  // the part of it in racks whose price is not known
  sim::Money rack_prices;       // sum of the known ones
  sim::Energy energy;           // at the meter
  sim::Power peak;              // at the meter, as billed
  sim::Volume water;
};

/// USD per year, by where it goes.
struct YearlyCost {
  double it_capital = 0;
  double facility_capital = 0;
  double energy = 0;
  double demand = 0;
  double other = 0;  // operation, maintenance, water
  double capital() const { return it_capital + facility_capital; }
  double total() const { return it_capital + facility_capital + energy + demand + other; }
};
YearlyCost yearly_cost(const EconomicsParameters& economics, const YearOfSite& year);

/// The bill for an energy, and for a peak over a period.
sim::Money energy_bill(const EconomicsParameters& economics, sim::Energy energy);
sim::Money demand_bill(const EconomicsParameters& economics, sim::Power peak, sim::Seconds period);

/// Levelised cost of a token, split as the yearly cost. For a constant yearly output this is
/// PV(cost) / PV(tokens), since both sides carry the same annuity factor. USD per million tokens.
struct TokenCost {
  double capital = 0;
  double energy = 0;
  double demand = 0;
  double other = 0;
  double total() const { return capital + energy + demand + other; }
};
TokenCost token_cost(const YearlyCost& cost, sim::Tokens tokens_per_year);

/// USD per GPU and hour in use.
double usd_per_gpu_hour(const YearlyCost& cost, double gpus, double utilisation);

struct TokenPrices {
  sim::MoneyPerToken input;
  sim::MoneyPerToken output;
};
template <sim::Describes<TokenPrices> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("input", self.input, About{.text = "Price of a prompt token", .min = 0});
  visit("output", self.output, About{.text = "Price of a generated token", .min = 0});
}
sim::Money token_revenue(const TokenPrices& prices, sim::Tokens input, sim::Tokens output);

}  // namespace mw::models
