#pragma once
#include <span>

#include "models/cooling/climate.hpp"
#include "sim/describe.hpp"
#include "sim/quantity.hpp"

namespace mw::models {

enum class TowerModel { merkel, york };
inline std::span<const char* const> enum_names(TowerModel) {
  static constexpr const char* names[] = {"merkel", "york"};
  return names;
}

/// A wet cooling tower by one rated point, behind a plate exchanger that keeps its water apart from
/// the facility's. Defaults without a source are engineering values.
struct TowerParameters {
  TowerModel model = TowerModel::merkel;
  sim::Temperature wet_bulb = sim::temperature_from_degc(25.55);
  sim::Temperature water_in = sim::temperature_from_degc(35.0);
  sim::Temperature water_out = sim::temperature_from_degc(29.44);
  sim::Sourced<double> water_over_air{1.2, sim::Confidence::data_sheet,
                                      "default of Modelica Buildings' Merkel tower"};
  sim::Sourced<double> fan_share{
      0.0133, sim::Confidence::assumed,
      "ASHRAE 90.1 for axial fans: 3.23 L/s of 35 -> 29.4 degC water per W of fan, recalled"};
  sim::Sourced<double> free_convection{
      0.125, sim::Confidence::data_sheet,
      "fraFreCon of Modelica Buildings' towers: capacity with the fans off"};
  sim::Sourced<sim::TemperatureDifference> exchanger_approach{
      {2}, sim::Confidence::assumed, "Millwright"};
  sim::Sourced<double> cycles{4, sim::Confidence::assumed, "Millwright"};
  sim::Sourced<double> drift{2e-5, sim::Confidence::assumed,
                             "Millwright: 0.001-0.005 % of the flow with drift eliminators"};
};
template <sim::Describes<TowerParameters> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("model", self.model,
        About{.text = "Merkel's theory, or the YorkCalc polynomial (valid for wet bulbs up to 26.7 "
                      "degC, ranges of 1.1 to 22.2 K and 75 to 125 % of the rated flow)"});
  visit("wet_bulb", self.wet_bulb, About{.text = "Wet bulb at the rated point", .min = 250});
  visit("water_in", self.water_in, About{.text = "Water in at the rated point", .min = 250});
  visit("water_out", self.water_out, About{.text = "Water out at the rated point", .min = 250});
  visit(
      "water_over_air", self.water_over_air,
      About{
          .text = "Mass flow of water over that of air at the rated point", .min = 0.1, .max = 5});
  visit("fan_share", self.fan_share,
        About{.text = "Fan power at full speed over rated heat", .min = 0, .max = 0.2});
  visit("free_convection", self.free_convection,
        About{.text = "Share of the air flow that passes with the fans off", .min = 0, .max = 0.5});
  visit("exchanger_approach", self.exchanger_approach,
        About{.text = "Facility water less tower water, at both ends of the exchanger",
              .min = 0,
              .max = 20});
  visit("cycles", self.cycles,
        About{.text = "Cycles of concentration; blow-down is evaporation / (cycles - 1)",
              .min = 1.1,
              .max = 50});
  visit("drift", self.drift,
        About{.text = "Water lost as droplets, as a share of the flow", .min = 0, .max = 0.01});
}
void check(const TowerParameters& tower, sim::Problems& problems);

/// YorkCalc: water leaving less wet bulb (K) for a range (K), a wet bulb (degC) and the ratio of
/// the water's to the air's share of the rated flow (EnergyPlus CoolingTower:VariableSpeed).
double york_approach(double range, double wet_bulb, double water_over_air);

/// What follows from the rated point, for towers of 1 W rated heat. Temperatures in degC.
struct Tower {
  TowerModel model;
  double capacity_flow;  // W/K of water
  double air_flow;       // kg/s
  double ua;             // W/K, of Merkel's theory, over the heat capacity of dry air
  double rated_wet_bulb;
  double free_convection;
  double exchanger_approach;
  double fan;  // W at full speed
};
Tower make_tower(const TowerParameters& parameters);

/// Heat (W) of a tower of 1 W rated heat at a share `speed` of the fan speed, `flow` of the rated
/// water flow and facility water entering its exchanger at `inlet`.
double tower_heat(const Tower& tower, double speed, double flow, double inlet,
                  const Weather& weather);

/// Water it takes from the mains for that heat (m3/s): evaporation, by the balance of the air that
/// leaves saturated, blow-down and drift.
double tower_water(const TowerParameters& parameters, const Tower& tower, double speed, double flow,
                   double heat, const Weather& weather);

}  // namespace mw::models
