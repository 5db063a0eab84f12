#pragma once
#include <optional>
#include <string>

#include "models/cooling/chiller.hpp"
#include "models/cooling/climate.hpp"
#include "models/cooling/loops.hpp"
#include "models/cooling/rejection.hpp"
#include "sim/describe.hpp"
#include "sim/quantity.hpp"

// The steady plant: racks -> technology cooling system (TCS) -> CDU -> facility water system (FWS)
// -> heat reuse, if any -> dry coolers or wet towers -> trim chillers, if any; the heat that racks
// give to air goes through fan coils (CRAH) to a chilled loop, with an economiser that spares the
// chillers while the weather allows.
namespace mw::models {

enum class FlowControl { constant, proportional };
inline std::span<const char* const> enum_names(FlowControl) {
  static constexpr const char* names[] = {"constant", "proportional"};
  return names;
}

/// One pumped loop. Defaults are engineering values without a public source.
struct LoopParameters {
  double glycol = 0.25;
  sim::Sourced<sim::Pressure> pressure{{100e3}, sim::Confidence::assumed, "Millwright"};
  sim::Sourced<sim::Pressure> held_pressure{{50e3}, sim::Confidence::assumed, "Millwright"};
  sim::Sourced<double> pump_efficiency{0.69, sim::Confidence::assumed,
                                       "Millwright: pump 0.75, motor 0.95, drive 0.97"};
  double least_flow = 0.3;
  std::optional<sim::Pressure> pump_head;
};
template <sim::Describes<LoopParameters> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("glycol", self.glycol,
        About{.text = "Mass fraction of propylene glycol; 0 is water, 0.15 to 0.57 else",
              .min = 0,
              .max = 0.57});
  visit("pressure", self.pressure,
        About{.text = "Pressure drop at design flow outside the racks", .min = 0});
  visit("held_pressure", self.held_pressure,
        About{.text = "Part of the head that does not fall with the flow", .min = 0});
  visit("pump_efficiency", self.pump_efficiency,
        About{.text = "Hydraulic over electric power", .min = 0.05, .max = 1});
  visit("least_flow", self.least_flow,
        About{.text = "Smallest share of the design flow", .min = 0.05, .max = 1});
  visit(
      "pump_head", self.pump_head,
      About{.text = "Head of the pumps at design flow and speed; otherwise what the loop asks for",
            .min = 0});
}

struct CduParameters {
  sim::Sourced<sim::TemperatureDifference> approach{
      {3}, sim::Confidence::assumed, "Millwright: TCS supply over FWS supply at design"};
  sim::Sourced<double> film_exponent{0.7, sim::Confidence::assumed,
                                     "Millwright: plate exchangers 0.6-0.8"};
  sim::Sourced<sim::Power> capacity{{1.3e6}, sim::Confidence::assumed, "Millwright"};
  sim::Sourced<sim::Power> electronics{
      {500}, sim::Confidence::assumed, "Millwright: controls and valves of one CDU, pumps apart"};
};
template <sim::Describes<CduParameters> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("approach", self.approach,
        About{.text = "TCS supply less FWS supply at design", .min = 0.5, .max = 20});
  visit("film_exponent", self.film_exponent,
        About{.text = "Film conductance follows the flow to this power", .min = 0, .max = 1});
  visit("capacity", self.capacity, About{.text = "Design heat of one CDU", .min = 1e3});
  visit("electronics", self.electronics,
        About{.text = "Constant power of one CDU without its pumps", .min = 0});
}

enum class Economiser { none, water, air };
inline std::span<const char* const> enum_names(Economiser) {
  static constexpr const char* names[] = {"none", "water", "air"};
  return names;
}

/// Cooling of the heat that racks give to air.
struct AirSideParameters {
  sim::Sourced<sim::Temperature> supply{sim::temperature_from_degc(27), sim::Confidence::data_sheet,
                                        "ASHRAE TC 9.9: upper end of the recommended range"};
  sim::Sourced<sim::TemperatureDifference> air_rise{{12}, sim::Confidence::assumed, "Millwright"};
  sim::Sourced<sim::Pressure> fan_pressure{{350}, sim::Confidence::assumed, "Millwright"};
  sim::Sourced<double> fan_efficiency{0.6, sim::Confidence::assumed, "Millwright"};
  double least_fan_speed = 0.4;
  sim::Sourced<sim::Temperature> water{sim::temperature_from_degc(20), sim::Confidence::assumed,
                                       "Millwright: chilled-water supply"};
  sim::Sourced<sim::TemperatureDifference> water_rise{{8}, sim::Confidence::assumed, "Millwright"};
  sim::Sourced<double> pump_share{0.01, sim::Confidence::assumed,
                                  "Millwright: chilled-water pump power per heat"};
  sim::Sourced<sim::TemperatureDifference> free_cooling_approach{
      {6},
      sim::Confidence::assumed,
      "Millwright: water leaving the free-cooling coil over outdoor air"};
  Economiser economiser = Economiser::water;
  sim::Sourced<sim::Temperature> highest_dew_point{
      sim::temperature_from_degc(15), sim::Confidence::data_sheet,
      "ASHRAE TC 9.9: upper end of the recommended range"};
  sim::Sourced<double> free_cooling_fan_share{0.02, sim::Confidence::assumed,
                                              "Millwright: fan power per heat"};
  ChillerParameters chiller;
  double margin = 1.2;
};
template <sim::Describes<AirSideParameters> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("supply", self.supply, About{.text = "Air to the racks", .min = 270, .max = 330});
  visit("air_rise", self.air_rise, About{.text = "Rise of the air in the racks", .min = 1});
  visit("fan_pressure", self.fan_pressure,
        About{.text = "Pressure rise of the CRAH fans at design flow", .min = 0});
  visit("fan_efficiency", self.fan_efficiency,
        About{.text = "Air power over electric power", .min = 0.05, .max = 1});
  visit("least_fan_speed", self.least_fan_speed,
        About{.text = "Lowest CRAH fan speed", .min = 0, .max = 1});
  visit("water", self.water, About{.text = "Chilled-water supply", .min = 270, .max = 320});
  visit("water_rise", self.water_rise, About{.text = "Rise of the chilled water", .min = 1});
  visit("pump_share", self.pump_share,
        About{.text = "Chilled-water pump power per heat", .min = 0, .max = 0.2});
  visit("free_cooling_approach", self.free_cooling_approach,
        About{.text = "Water leaving the free-cooling coil less outdoor air", .min = 0.5});
  visit(
      "economiser", self.economiser,
      About{.text = "What spares the chiller: a coil in the chilled water (water), outdoor air let "
                    "into the room (air), or nothing"});
  visit("highest_dew_point", self.highest_dew_point,
        About{.text = "Outdoor dew point above which no outdoor air is let in",
              .min = 250,
              .max = 320});
  visit("free_cooling_fan_share", self.free_cooling_fan_share,
        About{.text = "Fan power per heat given off by the economiser", .min = 0, .max = 0.2});
  visit("chiller", self.chiller, About{.text = "Chiller of the air side"});
  visit("margin", self.margin,
        About{.text = "Chiller capacity over design heat", .min = 0, .max = 10});
}

/// Evaporative pads before the dry coolers.
struct AdiabaticParameters {
  sim::Temperature above = sim::temperature_from_degc(25);
  sim::Sourced<double> effectiveness{0.75, sim::Confidence::assumed, "Millwright: 0.6-0.9 usual"};
};
template <sim::Describes<AdiabaticParameters> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("above", self.above, About{.text = "Outdoor air above which pads are wetted", .min = 250});
  visit("effectiveness", self.effectiveness,
        About{.text = "Share of the way from dry bulb to wet bulb", .min = 0, .max = 1});
}

/// A heat customer on the facility water's return: a district network or a greenhouse.
struct HeatReuseParameters {
  sim::Power demand{};
  sim::Temperature full_below = sim::temperature_from_degc(-10);
  sim::Temperature none_above = sim::temperature_from_degc(16);
  double summer_share = 0;
  sim::Temperature least_return = sim::temperature_from_degc(40);
};
template <sim::Describes<HeatReuseParameters> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("demand", self.demand,
        About{.text = "Most that the customer takes", .min = 0, .required = true});
  visit("full_below", self.full_below,
        About{.text = "Outdoor air below which all of it is taken; the demand falls linearly above",
              .min = 200});
  visit("none_above", self.none_above,
        About{.text = "Outdoor air above which only the summer share is left", .min = 200});
  visit(
      "summer_share", self.summer_share,
      About{.text = "Share of the demand that is there all year (hot water)", .min = 0, .max = 1});
  visit("least_return", self.least_return,
        About{.text = "Coldest facility water return that is of use", .min = 270});
}
void check(const HeatReuseParameters& reuse, sim::Problems& problems);

struct CoolingParameters {
  static constexpr const char* catalog = "cooling";
  std::string text;
  sim::Temperature supply = sim::temperature_from_degc(45);
  std::optional<sim::VolumeFlowPerPower> flow;
  FlowControl flow_control = FlowControl::proportional;
  LoopParameters tcs;
  CduParameters cdu;
  LoopParameters fws;
  sim::TemperatureDifference fws_rise{10};
  RejectionKind rejection = RejectionKind::dry_cooler;
  DryCoolerParameters dry_cooler;
  TowerParameters tower;
  FixedApproachParameters fixed_approach;
  double oversizing = 1;
  std::optional<AdiabaticParameters> adiabatic;
  double trim_share = 0;
  ChillerParameters trim;
  std::optional<HeatReuseParameters> reuse;
  AirSideParameters air;
  LoopsParameters loops;
};
template <sim::Describes<CoolingParameters> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("text", self.text, About{.text = "What the plant is, in one line"});
  visit("supply", self.supply,
        About{.text = "Set point of the coolant supplied to the racks", .min = 275, .max = 345});
  visit("flow", self.flow,
        About{.text = "Coolant per heat at design, for all racks; without it each rack's own",
              .min = 0});
  visit("flow_control", self.flow_control,
        About{.text = "Coolant flow constant, or in proportion to the heat"});
  visit("tcs", self.tcs, About{.text = "Loop through the racks"});
  visit("cdu", self.cdu, About{.text = "Coolant distribution units"});
  visit("fws", self.fws, About{.text = "Loop from the CDUs to the dry coolers"});
  visit("fws_rise", self.fws_rise,
        About{.text = "Rise of the facility water at design", .min = 1, .max = 40});
  visit("rejection", self.rejection,
        About{.text =
                  "What gives the heat to the outdoor air: dry coolers, wet towers, or water at a "
                  "fixed approach to it, for screening"});
  visit("dry_cooler", self.dry_cooler, About{.text = "The type of dry cooler, by its rated point"});
  visit("tower", self.tower, About{.text = "The type of wet tower, by its rated point"});
  visit("fixed_approach", self.fixed_approach, About{.text = "The fixed approach"});
  visit("oversizing", self.oversizing,
        About{.text = "Rated heat of all dry coolers or towers over design heat",
              .min = 0.1,
              .max = 20});
  visit("adiabatic", self.adiabatic, About{.text = "Evaporative pads before the dry coolers"});
  visit("trim_share", self.trim_share,
        About{.text = "Trim chillers' capacity over design heat; 0: none", .min = 0, .max = 2});
  visit("trim", self.trim, About{.text = "The trim chillers"});
  visit("reuse", self.reuse, About{.text = "A customer for the heat"});
  visit("air", self.air, About{.text = "Cooling of the heat that racks give to air"});
  visit(
      "loops", self.loops,
      About{.text = "How the plant is divided, what it holds and how it is controlled, where it is "
                    "followed in time"});
}
void check(const CoolingParameters& cooling, sim::Problems& problems);

/// What the plant is built for: sums over the racks at design power.
struct CoolingDesign {
  sim::Power liquid_heat;
  sim::Power air_heat;
  sim::VolumeFlow rack_flow;    // sum of the racks' flow rules
  sim::Pressure rack_pressure;  // largest drop over a rack at that flow
};

/// Sizes that follow from parameters and design, in W, W/K, m3/s, Pa.
struct CoolingSizing {
  double design_heat = 0;   // into TCS, without pump heat
  double tcs_flow = 0;      // m3/s
  double tcs_capacity = 0;  // W/K at design flow
  double tcs_pressure = 0;
  double fws_flow = 0;
  double fws_capacity = 0;
  double tcs_film = 0;  // W/K of either side of the CDUs at design flow
  double fws_film = 0;
  int cdus = 0;
  Rejection rejection{};
  double trim_capacity = 0;
  double air_design_heat = 0;
  double crah_fan = 0;  // W at full speed
  double chiller_capacity = 0;
};
CoolingSizing size_cooling(const CoolingParameters& cooling, const CoolingDesign& design);

/// Designs that cannot work (the CDU cannot warm the facility water that much, ...).
void check_sizing(const CoolingParameters& cooling, const CoolingDesign& design,
                  sim::Problems& problems);

struct CoolingLoad {
  sim::Power liquid_heat;
  sim::Power air_heat;
  sim::Temperature supply;  // set point now
};

/// What the plant draws and what it reaches; temperatures in degC, flows in m3/s, heats in W.
struct CoolingPower {
  double tcs_pump = 0;
  double fws_pump = 0;
  double cdu = 0;
  double rejection_fan = 0;  // dry coolers or towers
  double trim = 0;           // compressors and condenser fans
  double crah_fan = 0;
  double air_pump = 0;
  double air_chiller = 0;  // compressors and condenser fans
  double air_free_fan = 0;
  double total() const {
    return tcs_pump + fws_pump + cdu + rejection_fan + trim + crah_fan + air_pump + air_chiller +
           air_free_fan;
  }
  double tcs_supply = 0, tcs_return = 0, tcs_flow = 0;
  double fws_supply = 0, fws_return = 0, fws_flow = 0;
  double fan_speed = 0;
  double rejected_heat = 0;  // given off by the dry coolers or towers
  double reuse_heat = 0;     // to the customer
  double trim_heat = 0;      // taken up by the trim chillers
  double air_free_heat = 0;  // given off by the air side's economiser
  double air_chiller_heat = 0;
  double supply_excess = 0;    // K by which the coolant is warmer than its set point
  double unmet_air_heat = 0;   // W that the air side cannot take: the room warms up
  double water = 0;            // m3/s taken from the mains
  bool outdoors_full = false;  // dry coolers or towers alone cannot hold the set point
};

/// The steady state for a load and weather. Always finite, with bounded work; what cannot be met is
/// reported in supply_excess and unmet_air_heat.
CoolingPower cooling_step(const CoolingParameters& cooling, const CoolingSizing& sizing,
                          const CoolingLoad& load, const Weather& weather);

}  // namespace mw::models
