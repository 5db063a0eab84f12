#pragma once
#include <algorithm>
#include <optional>
#include <span>

#include "models/cooling/climate.hpp"
#include "models/cooling/eir_chiller.hpp"
#include "sim/describe.hpp"
#include "sim/quantity.hpp"

namespace mw::models {

enum class HeatSink { dry_bulb, wet_bulb };
inline std::span<const char* const> enum_names(HeatSink) {
  static constexpr const char* names[] = {"dry_bulb", "wet_bulb"};
  return names;
}

/// A compressor as a share of the ideal (Carnot) one. Catalogue curves end below 16 degC leaving
/// water, so they say nothing of trim chillers at 30 to 42 degC; this form extrapolates soberly.
/// With `curves` it is a catalogue machine instead, for chilled water within their range.
struct ChillerParameters {
  sim::Sourced<double> carnot_share{
      0.53, sim::Confidence::calibrated,
      "York YCAL0033EE air-cooled chiller (DOE-2 curves of the EnergyPlus and Modelica Buildings "
      "data sets, COP of the whole machine): within 7 % from 6.67 to 10 degC leaving and 25 to 45 "
      "degC air with these approaches and fans; warmer water is extrapolation"};
  sim::Sourced<sim::TemperatureDifference> evaporator_approach{
      {3}, sim::Confidence::assumed, "Millwright"};
  sim::Sourced<sim::TemperatureDifference> condenser_approach{
      {12}, sim::Confidence::assumed, "Millwright: air-cooled condenser over dry bulb"};
  sim::Sourced<sim::TemperatureDifference> least_lift{
      {10}, sim::Confidence::assumed, "Millwright: head pressure control"};
  sim::Sourced<double> most_cop{12, sim::Confidence::assumed, "Millwright"};
  sim::Sourced<double> condenser_fan_share{
      0.03, sim::Confidence::assumed, "Millwright: fan power per heat rejected; dry coolers 0.04"};
  HeatSink sink = HeatSink::dry_bulb;
  sim::Sourced<double> cycles{4, sim::Confidence::assumed, "Millwright"};
  std::optional<EirCurves> curves;
  sim::Sourced<sim::TemperatureDifference> entering_approach{
      {0}, sim::Confidence::assumed, "Millwright: air enters the condenser as it is"};
  int units = 1;
};
template <sim::Describes<ChillerParameters> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit(
      "carnot_share", self.carnot_share,
      About{
          .text = "COP over the ideal COP between the same temperatures", .min = 0.05, .max = 0.9});
  visit("evaporator_approach", self.evaporator_approach,
        About{.text = "Leaving coolant over evaporating temperature", .min = 0, .max = 30});
  visit("condenser_approach", self.condenser_approach,
        About{.text = "Condensing temperature over outdoor air", .min = 0, .max = 50});
  visit("least_lift", self.least_lift,
        About{.text = "Smallest difference between condensing and evaporating", .min = 1});
  visit("most_cop", self.most_cop, About{.text = "Upper bound of the COP", .min = 1, .max = 50});
  visit("condenser_fan_share", self.condenser_fan_share,
        About{.text = "Condenser fan power per heat rejected", .min = 0, .max = 0.2});
  visit("sink", self.sink,
        About{.text = "Condensers cooled by outdoor air, or by towers of their own, for which the "
                      "wet bulb counts in place of the air temperature"});
  visit("cycles", self.cycles,
        About{.text = "Cycles of concentration of those towers", .min = 1.1, .max = 50});
  visit("curves", self.curves,
        About{.text = "A catalogue machine in place of the share of Carnot; its size scales with "
                      "the capacity"});
  visit("entering_approach", self.entering_approach,
        About{.text = "Condenser fluid that enters such a machine, less outdoor air or wet bulb",
              .min = 0,
              .max = 20});
  visit("units", self.units,
        About{.text = "Machines of equal size; as few run as can carry the load",
              .min = 1,
              .max = 1000});
}
void check(const ChillerParameters& chiller, sim::Problems& problems);

/// COP of the compressor for a leaving temperature and outdoor air, both in degC.
inline double chiller_cop(const ChillerParameters& p, double leaving, double air) {
  const double evaporating = leaving - p.evaporator_approach.value.value;
  const double lift = air + p.condenser_approach.value.value - evaporating;
  const double ideal =
      (evaporating + sim::zero_celsius_in_kelvin) / std::max(lift, p.least_lift.value.value);
  return std::min(p.carnot_share.value * ideal, p.most_cop.value);
}

/// Compressors and condenser fans (W), and the water of wet condensers (m3/s), for a heat taken up
/// at the evaporators of machines with that capacity (at their reference point, if they have one).
struct ChillerPower {
  double electric = 0;
  double water = 0;
};
ChillerPower chiller_step(const ChillerParameters& p, double heat, double capacity, double leaving,
                          const Weather& weather);

}  // namespace mw::models
