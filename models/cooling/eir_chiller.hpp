#pragma once
#include <array>
#include <string>

#include "sim/describe.hpp"
#include "sim/quantity.hpp"

namespace mw::models {

/// A catalogue chiller by DOE-2's electric-EIR curves (EnergyPlus Chiller:Electric:EIR). The two
/// quadratic surfaces are a0 + a1 x + a2 x^2 + a3 y + a4 y^2 + a5 x y in the leaving chilled water
/// x and the entering condenser fluid y, both in degC; they hold between the given limits only.
struct EirCurves {
  sim::Power capacity;
  double cop = 0;
  std::array<double, 6> capacity_by_temperature{};
  std::array<double, 6> eir_by_temperature{};
  std::array<double, 3> eir_by_load{};
  double least_load = 0.1;
  std::array<double, 2> leaving{};   // degC
  std::array<double, 2> entering{};  // degC
  sim::Confidence confidence = sim::Confidence::assumed;
  std::string source;
};
template <sim::Describes<EirCurves> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("capacity", self.capacity,
        About{.text = "Capacity at the reference point", .min = 1, .required = true});
  visit("cop", self.cop, About{.text = "COP at the reference point", .min = 0.5, .required = true});
  visit("capacity_by_temperature", self.capacity_by_temperature,
        About{.text = "Capacity over that at the reference point: six coefficients",
              .required = true});
  visit("eir_by_temperature", self.eir_by_temperature,
        About{.text = "Power per capacity over that at the reference point: six coefficients",
              .required = true});
  visit("eir_by_load", self.eir_by_load,
        About{.text = "Power over that at full load: three coefficients of the load share",
              .required = true});
  visit("least_load", self.least_load,
        About{.text = "Load share below which the machine cycles", .min = 0, .max = 1});
  visit("leaving", self.leaving,
        About{.text = "Coldest and warmest leaving water of the curves, degC", .required = true});
  visit("entering", self.entering,
        About{.text = "Coldest and warmest entering condenser fluid of the curves, degC",
              .required = true});
  visit("confidence", self.confidence, About{.text = "How sure these figures are"});
  visit("source", self.source, About{.text = "Where they come from"});
}
void check(const EirCurves& curves, sim::Problems& problems);

/// Capacity and compressor power of one machine. The load share is that of the capacity available.
struct EirPoint {
  double capacity;  // W, available at these temperatures
  double power;     // W
};
EirPoint eir_point(const EirCurves& curves, double leaving, double entering, double load_share);

}  // namespace mw::models
