#pragma once
#include <string>
#include <vector>

#include "models/numerics/monotone_curve.hpp"
#include "sim/describe.hpp"
#include "sim/host_device.hpp"

namespace mw::models {

/// One point of a data sheet's efficiency curve; both are shares of one (load: of the rating).
struct EfficiencyPoint {
  double load = 0;
  double efficiency = 1;
};
template <sim::Describes<EfficiencyPoint> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("load", self.load,
        About{.text = "Output over rated output", .min = 1e-3, .max = 2, .required = true});
  visit("efficiency", self.efficiency,
        About{.text = "Output over input", .min = 0.1, .max = 1, .required = true});
}

/// What a transformer, UPS, power supply or DC-DC stage loses: three terms relative to its rating,
/// or a data sheet's points. With x = output / rating:
///   loss / rating = no_load + proportional x + resistive x^2
/// or loss = output (1/efficiency(x) - 1) with a monotone curve; below the first point the watts
/// lost stay what they are there (assumed: control and magnetising losses do not vanish).
struct ConverterParameters {
  double no_load = 0;
  double proportional = 0;
  double resistive = 0;
  std::vector<EfficiencyPoint> efficiency;
  sim::Confidence confidence = sim::Confidence::assumed;
  std::string source;
};
template <sim::Describes<ConverterParameters> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("no_load", self.no_load,
        About{.text = "Loss at no load, as a share of the rated output", .min = 0, .max = 0.5});
  visit("proportional", self.proportional, About{.text = "Loss per output", .min = 0, .max = 0.5});
  visit("resistive", self.resistive,
        About{.text = "Loss that grows with the square of the load, at rated output, as a share "
                      "of it",
              .min = 0,
              .max = 0.5});
  visit("efficiency", self.efficiency,
        About{.text = "A measured curve instead of the three terms: load and efficiency, by "
                      "rising load"});
  visit("confidence", self.confidence, About{.text = "How sure these figures are"});
  visit("source", self.source, About{.text = "Where they come from"});
}
void check(const ConverterParameters& converter, sim::Problems& problems);

/// The same as plain numbers.
struct ConverterLaw {
  double no_load = 0;
  double proportional = 0;
  double resistive = 0;
  MonotoneCurve efficiency;  // used if it has points
};
ConverterLaw make_converter_law(const ConverterParameters& converter);

/// Watts lost when modules of together `rating` W deliver `output` W, shared equally.
MW_HD inline double converter_loss(const ConverterLaw& law, double rating, double output) {
  if (law.efficiency.points == 0) {
    const double x = output / rating;
    return rating * (law.no_load + (law.proportional + law.resistive * x) * x);
  }
  const double lowest = law.efficiency.x[0] * rating;
  const double base = output < lowest ? lowest : output;
  return base * (1 / law.efficiency(base / rating) - 1);
}

}  // namespace mw::models
