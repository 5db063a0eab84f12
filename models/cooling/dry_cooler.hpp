#pragma once
#include <string>

#include "sim/describe.hpp"
#include "sim/quantity.hpp"

namespace mw::models {

/// A dry cooler by one rated point; the defaults are the record BAC Trillium TDFS1238N-C60ET40B as
/// shipped with Modelica Buildings. Crossflow, both sides unmixed; air and coolant capacity flows
/// equal at the rated point; fan power with the cube of the speed (Modelica Buildings' DryCooler).
struct DryCoolerParameters {
  sim::Power heat{2931e3};
  sim::Temperature air = sim::temperature_from_degc(35.0);
  sim::Temperature coolant_in = sim::temperature_from_degc(46.11);
  sim::Temperature coolant_out = sim::temperature_from_degc(40.55);
  sim::Power fan{117.68e3};
  double air_over_coolant_film = 0.5;
  double air_exponent = 0.8;
  double coolant_exponent = 0.85;
  sim::Confidence confidence = sim::Confidence::data_sheet;
  std::string source =
      "BAC Trillium TDFS1238N-C60ET40B, record in Modelica Buildings (DryCooler, April 2026); film "
      "ratio and exponents from its HADryCoil";
};
template <sim::Describes<DryCoolerParameters> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("heat", self.heat, About{.text = "Rated heat", .min = 1});
  visit("air", self.air, About{.text = "Air temperature at the rated point", .min = 200});
  visit("coolant_in", self.coolant_in, About{.text = "Coolant in at the rated point", .min = 200});
  visit("coolant_out", self.coolant_out,
        About{.text = "Coolant out at the rated point", .min = 200});
  visit("fan", self.fan, About{.text = "Fan power at full speed", .min = 0});
  visit("air_over_coolant_film", self.air_over_coolant_film,
        About{.text = "Film conductance on the air side over that on the coolant side",
              .min = 0.01,
              .max = 100});
  visit(
      "air_exponent", self.air_exponent,
      About{.text = "Air film conductance follows the air flow to this power", .min = 0, .max = 1});
  visit(
      "coolant_exponent", self.coolant_exponent,
      About{.text = "Coolant film conductance follows its flow to this power", .min = 0, .max = 1});
  visit("confidence", self.confidence, About{.text = "How sure these figures are"});
  visit("source", self.source, About{.text = "Where they come from"});
}
void check(const DryCoolerParameters& cooler, sim::Problems& problems);

/// What follows from the rated point. Temperatures in degC.
struct DryCooler {
  double capacity_flow;  // W/K, coolant and air alike, at the rated point
  double effectiveness, ntu, ua;
  double coolant_film, air_film;  // W/K at the rated point
  double coolant_exponent, air_exponent;
  double rated_coolant_in, rated_air;
  double heat, fan;  // W
};
DryCooler make_dry_cooler(const DryCoolerParameters& parameters);

/// Heat (W) given off at a share `speed` of the fan speed and `flow` of the rated coolant flow.
double dry_cooler_heat(const DryCooler& cooler, double speed, double flow, double coolant_in,
                       double air);

/// Fan power at a speed.
double dry_cooler_fan(const DryCooler& cooler, double speed);

/// The speed that gives off `heat` with the coolant entering at `coolant_in`; 1 and not enough if
/// full speed gives off less.
struct FanSpeed {
  double speed;
  bool enough;
};
FanSpeed dry_cooler_speed(const DryCooler& cooler, double heat, double flow, double coolant_in,
                          double air);

/// The coolant inlet temperature at which full speed gives off `heat`.
double dry_cooler_inlet(const DryCooler& cooler, double heat, double flow, double air);

}  // namespace mw::models
