#include "models/cooling/plant.hpp"

#include <algorithm>
#include <cmath>

#include "models/cooling/exchangers.hpp"
#include "models/cooling/plant_parts.hpp"
#include "models/cooling/psychrometrics.hpp"
#include "models/cooling/pumps.hpp"
#include "models/numerics/root.hpp"

namespace mw::models {
namespace {

/// The liquid side at one load, as functions of the share of the facility water flow.
struct LiquidSide {
  const CoolingParameters& p;
  const CoolingSizing& s;
  Outdoors out;
  double tcs_fraction;
  double tcs_capacity;  // W/K
  double heat;          // W through the CDU
  double hot_inlet;     // degC, if the set point is held
  double film_tcs;
  double reused;  // W to the heat customer

  double fws_capacity(double g) const { return s.fws_capacity * g; }
  double fws_pump(double g) const { return pump(p.fws, s.fws_flow, p.fws.pressure.value.value, g); }
  double outdoor_heat(double g) const { return heat + fws_pump(g); }
  /// W per K between the CDU's two inlets.
  double cdu_conductance(double g) const {
    const double fws = fws_capacity(g);
    const double ua =
        series_conductance(film_tcs, s.fws_film * std::pow(g, p.cdu.film_exponent.value));
    const double least = std::min(tcs_capacity, fws);
    return least * counterflow_effectiveness(ua / least, least / std::max(tcs_capacity, fws));
  }
  /// Warmest facility water that holds the coolant at its set point.
  double needed(double g) const { return hot_inlet - heat / cdu_conductance(g); }
  /// What is left for the outdoor air and the trim chiller.
  double to_reject(double g) const { return outdoor_heat(g) - reused; }
  /// Coldest facility water with the fans at full speed, `trim` W taken off behind the coolers.
  double reached(double g, double trim) const {
    const double inlet = rejection_inlet(s.rejection, to_reject(g) - trim, fws_capacity(g), out);
    return inlet - to_reject(g) / fws_capacity(g);
  }
};

/// Share of the facility water flow at which the water needed is exactly the design one.
double valve(const LiquidSide& side, double fws_set) {
  const double least = side.p.fws.least_flow;
  if (side.needed(least) >= fws_set) return least;
  if (side.needed(1) <= fws_set) return 1;
  return find_root([&](double g) { return side.needed(g) - fws_set; }, least, 1);
}

/// Fan speed that cools the facility water to `fws_supply`.
FanSpeed fan_speed(const LiquidSide& side, double g, double fws_supply) {
  const double heat = side.to_reject(g);
  return rejection_speed(side.s.rejection, heat, side.fws_capacity(g),
                         fws_supply + heat / side.fws_capacity(g), side.out);
}

void liquid_step(const CoolingParameters& p, const CoolingSizing& s, const CoolingLoad& load,
                 const Outdoors& outdoors, CoolingPower& out) {
  const double supply = sim::to_degc(load.supply);
  out.tcs_supply = out.tcs_return = out.fws_supply = out.fws_return = supply;
  if (s.design_heat <= 0) return;

  LiquidSide side{p, s, outdoors, 1, 0, 0, 0, 0, 0};
  const double rack_heat = std::max(load.liquid_heat.value, 0.0);
  if (p.flow_control == FlowControl::proportional) {
    side.tcs_fraction = std::clamp(rack_heat / s.design_heat, p.tcs.least_flow, 1.0);
  }
  out.tcs_flow = s.tcs_flow * side.tcs_fraction;
  out.tcs_pump = pump(p.tcs, s.tcs_flow, s.tcs_pressure, side.tcs_fraction);
  out.cdu = s.cdus * p.cdu.electronics.value.value;
  side.tcs_capacity = s.tcs_capacity * side.tcs_fraction;
  side.heat = rack_heat + out.tcs_pump;
  side.hot_inlet = supply + side.heat / side.tcs_capacity;
  side.film_tcs = s.tcs_film * std::pow(side.tcs_fraction, p.cdu.film_exponent.value);

  // 1. The primary valve alone: facility water as warm as at design.
  double g = valve(side, supply - p.cdu.approach.value.value);
  double fws_supply = side.needed(g);
  const double returns = fws_supply + side.outdoor_heat(g) / side.fws_capacity(g);
  side.reused = reused_heat(p, side.outdoor_heat(g), returns, outdoors.weather);
  FanSpeed fan = fan_speed(side, g, fws_supply);
  // 2. Fans at full speed are not enough: more facility water, so that it may be warmer.
  if (!fan.enough) {
    const auto lack = [&](double flow) { return side.reached(flow, 0) - side.needed(flow); };
    if (g < 1 && lack(1) <= 0) {
      g = find_root(lack, g, 1);
      fan.enough = true;
    } else {
      g = 1;
    }
    fws_supply = side.needed(g);
  }
  // 3. Then the trim chiller takes what full fans leave; beyond its capacity all gets warmer.
  const double outdoor = side.to_reject(g);
  const double fws_capacity = side.fws_capacity(g);
  bool held = fan.enough;
  if (!held) {
    const double inlet = fws_supply + outdoor / fws_capacity;
    const double dry = rejected_heat(s.rejection, 1, fws_capacity, inlet, outdoors);
    held = outdoor - dry <= s.trim_capacity;
    out.trim_heat = held ? outdoor - dry : s.trim_capacity;
    if (!held) fws_supply = side.reached(g, s.trim_capacity);
    if (held && dry == 0) fan.speed = 0;
    const ChillerPower trim =
        chiller_step(p.trim, out.trim_heat, s.trim_capacity, fws_supply, outdoors.weather);
    out.trim = trim.electric;
    out.water += trim.water;
  }
  out.fan_speed = fan.speed;
  out.reuse_heat = side.reused;
  out.rejected_heat = outdoor - out.trim_heat;
  out.rejection_fan = rejection_fan(s.rejection, out.fan_speed, out.rejected_heat);
  out.water += rejection_water(s.rejection, p.tower, out.fan_speed, fws_capacity, out.rejected_heat,
                               outdoors);
  out.fws_pump = side.fws_pump(g);
  out.fws_flow = s.fws_flow * g;
  out.fws_supply = fws_supply;
  out.fws_return = fws_supply + side.outdoor_heat(g) / fws_capacity;
  const double hot_inlet = fws_supply + side.heat / side.cdu_conductance(g);
  out.tcs_supply = hot_inlet - side.heat / side.tcs_capacity;
  out.tcs_return = out.tcs_supply + rack_heat / side.tcs_capacity;
  out.supply_excess = held ? 0 : std::max(0.0, out.tcs_supply - supply);
  out.outdoors_full = out.trim_heat > 0 || out.supply_excess > 0;
}

}  // namespace

double held_part(const LoopParameters& loop, double design_pressure) {
  return std::min(loop.held_pressure.value.value, design_pressure);
}

double pump(const LoopParameters& loop, double design_flow, double design_pressure,
            double fraction) {
  return pumping_power(design_flow * fraction,
                       loop_pressure(fraction, held_part(loop, design_pressure), design_pressure),
                       loop.pump_efficiency.value);
}

double reused_heat(const CoolingParameters& p, double heat, double degc, const Weather& weather) {
  if (!p.reuse || degc < sim::to_degc(p.reuse->least_return)) return 0;
  const double cold = sim::to_degc(p.reuse->full_below), warm = sim::to_degc(p.reuse->none_above);
  const double season = std::clamp((warm - weather.dry_bulb) / (warm - cold), 0.0, 1.0);
  return std::min(heat, p.reuse->demand.value * std::max(season, p.reuse->summer_share));
}

double cooler_air(const CoolingParameters& p, const Weather& weather) {
  const bool wetted = p.adiabatic && p.rejection == RejectionKind::dry_cooler &&
                      weather.dry_bulb > sim::to_degc(p.adiabatic->above);
  if (!wetted) return weather.dry_bulb;
  return weather.dry_bulb -
         p.adiabatic->effectiveness.value * (weather.dry_bulb - weather.wet_bulb);
}

double pad_water(const CoolingParameters& p, const Rejection& rejection, double fan_speed,
                 const Weather& weather) {
  const double air = cooler_air(p, weather);
  if (air == weather.dry_bulb || rejection.units <= 0) return 0;
  // The pads move the air along its wet bulb; what it gains is the water used.
  const double moist = humidity_ratio_from_wet_bulb(air, weather.wet_bulb, weather.pressure);
  const double air_mass =
      fan_speed * rejection.units * rejection.cooler.capacity_flow / air_heat_capacity;
  return air_mass * std::max(0.0, moist - weather.humidity_ratio) / 1000;
}

CoolingPower cooling_step(const CoolingParameters& p, const CoolingSizing& s,
                          const CoolingLoad& load, const Weather& weather) {
  CoolingPower out;
  liquid_step(p, s, load, {cooler_air(p, weather), weather}, out);
  air_step(p, s, load.air_heat.value, weather, out);
  out.water += pad_water(p, s.rejection, out.fan_speed, weather);
  return out;
}

}  // namespace mw::models
