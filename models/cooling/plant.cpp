#include "models/cooling/plant.hpp"

#include <algorithm>
#include <cmath>

#include "models/cooling/exchangers.hpp"
#include "models/cooling/fluid.hpp"
#include "models/cooling/psychrometrics.hpp"
#include "models/cooling/pumps.hpp"
#include "models/numerics/root.hpp"

namespace mw::models {
namespace {

// Air at 1 atm and 27 degC (ASHRAE Fundamentals, ch. 1 and 33).
constexpr double air_density = 1.17;
constexpr double air_heat_capacity = 1006;

/// W per K carried by 1 m3/s.
double volumetric_heat_capacity(double glycol, double degc) {
  const FluidProperties fluid = coolant(glycol, degc);
  return fluid.density * fluid.heat_capacity;
}

double pump(const LoopParameters& loop, double design_flow, double design_pressure,
            double fraction) {
  const double held = std::min(loop.held_pressure.value.value, design_pressure);
  return pumping_power(design_flow * fraction, loop_pressure(fraction, held, design_pressure),
                       loop.pump_efficiency.value);
}

/// What the CDUs are asked for at design; shared by sizing and its check.
struct CduDesign {
  double tcs_flow, tcs_capacity, tcs_pressure;
  double heat;           // W through the CDU, pump heat included
  double tcs_rise;       // K from TCS supply to the CDU's hot inlet
  double effectiveness;  // of the side with the smaller capacity flow
  double z;
};
CduDesign cdu_design(const CoolingParameters& p, const CoolingDesign& d) {
  CduDesign c{};
  const double supply = sim::to_degc(p.supply);
  c.tcs_flow = p.flow ? p.flow->value * d.liquid_heat.value : d.rack_flow.value;
  // Properties at the middle of the loop's range; the second pass knows the rise.
  double rise = 10;
  for (int pass = 0; pass < 3; ++pass) {
    c.tcs_capacity = c.tcs_flow * volumetric_heat_capacity(p.tcs.glycol, supply + rise / 2);
    rise = d.liquid_heat.value / c.tcs_capacity;
  }
  c.tcs_pressure = d.rack_pressure.value + p.tcs.pressure.value.value;
  c.heat = d.liquid_heat.value + pump(p.tcs, c.tcs_flow, c.tcs_pressure, 1);
  c.tcs_rise = c.heat / c.tcs_capacity;
  const double fws_capacity = c.heat / p.fws_rise.value;
  const double least = std::min(c.tcs_capacity, fws_capacity);
  c.z = least / std::max(c.tcs_capacity, fws_capacity);
  c.effectiveness = c.heat / (least * (c.tcs_rise + p.cdu.approach.value.value));
  return c;
}

/// The liquid side at one load, as functions of the share of the facility water flow.
struct LiquidSide {
  const CoolingParameters& p;
  const CoolingSizing& s;
  double air;  // degC at the dry coolers' inlet
  double tcs_fraction;
  double tcs_capacity;  // W/K
  double heat;          // W through the CDU
  double hot_inlet;     // degC, if the set point is held
  double film_tcs;

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
  double cooler_flow(double g) const {
    return fws_capacity(g) / (s.coolers * s.cooler.capacity_flow);
  }
  /// Coldest facility water with the fans at full speed, `trim` W taken off behind the coolers.
  double reached(double g, double trim) const {
    const double inlet =
        dry_cooler_inlet(s.cooler, (outdoor_heat(g) - trim) / s.coolers, cooler_flow(g), air);
    return inlet - outdoor_heat(g) / fws_capacity(g);
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
  const double outdoor = side.outdoor_heat(g);
  return dry_cooler_speed(side.s.cooler, outdoor / side.s.coolers, side.cooler_flow(g),
                          fws_supply + outdoor / side.fws_capacity(g), side.air);
}

void liquid_step(const CoolingParameters& p, const CoolingSizing& s, const CoolingLoad& load,
                 double air, CoolingPower& out) {
  const double supply = sim::to_degc(load.supply);
  out.tcs_supply = out.tcs_return = out.fws_supply = out.fws_return = supply;
  if (s.design_heat <= 0) return;

  LiquidSide side{p, s, air, 1, 0, 0, 0, 0};
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
  const double outdoor = side.outdoor_heat(g);
  const double fws_capacity = side.fws_capacity(g);
  bool held = fan.enough;
  if (!held) {
    const double inlet = fws_supply + outdoor / fws_capacity;
    const double dry = s.coolers * dry_cooler_heat(s.cooler, 1, side.cooler_flow(g), inlet, air);
    held = outdoor - dry <= s.trim_capacity;
    out.trim_heat = held ? outdoor - dry : s.trim_capacity;
    if (!held) fws_supply = side.reached(g, s.trim_capacity);
    if (held && dry == 0) fan.speed = 0;
    out.trim = chiller_power(p.trim, out.trim_heat, fws_supply, air);
  }
  out.fan_speed = fan.speed;
  out.dry_cooler_heat = outdoor - out.trim_heat;
  out.dry_cooler_fan = s.coolers * dry_cooler_fan(s.cooler, out.fan_speed);
  out.fws_pump = side.fws_pump(g);
  out.fws_flow = s.fws_flow * g;
  out.fws_supply = fws_supply;
  out.fws_return = fws_supply + outdoor / fws_capacity;
  const double hot_inlet = fws_supply + side.heat / side.cdu_conductance(g);
  out.tcs_supply = hot_inlet - side.heat / side.tcs_capacity;
  out.tcs_return = out.tcs_supply + rack_heat / side.tcs_capacity;
  out.supply_excess = held ? 0 : std::max(0.0, out.tcs_supply - supply);
}

void air_step(const CoolingParameters& p, const CoolingSizing& s, const CoolingLoad& load,
              double air, CoolingPower& out) {
  if (s.air_design_heat <= 0) return;
  const AirSideParameters& a = p.air;
  const double room_heat = std::max(load.air_heat.value, 0.0);
  const double speed = std::clamp(room_heat / s.air_design_heat, a.least_fan_speed, 1.0);
  out.crah_fan = s.crah_fan * affinity(speed).power;
  const double heat = room_heat + out.crah_fan;
  out.air_pump = a.pump_share.value * heat;
  const double water_heat = heat + out.air_pump;
  // Outdoor air takes the part of the water's range that lies above it; the chiller the rest.
  const double supply = sim::to_degc(a.water.value);
  const double range = a.water_rise.value.value;
  const double coldest = air + a.free_cooling_approach.value.value;
  const double free = std::clamp((supply + range - coldest) / range, 0.0, 1.0);
  out.air_free_heat = free * water_heat;
  const double rest = water_heat - out.air_free_heat;
  out.air_chiller_heat = std::min(rest, s.chiller_capacity);
  out.unmet_air_heat = rest - out.air_chiller_heat;
  out.air_free_fan = a.free_cooling_fan_share.value * out.air_free_heat;
  out.air_chiller = chiller_power(a.chiller, out.air_chiller_heat, supply, air);
}

}  // namespace

void check(const CoolingParameters& p, sim::Problems& problems) {
  for (const auto& [name, loop] : {std::pair{"tcs", &p.tcs}, std::pair{"fws", &p.fws}}) {
    if (loop->glycol > 0 && loop->glycol < 0.15) {
      problems.add(name, "the properties of the mixture are known from 15 % glycol on",
                   "write `glycol: 0` for water, or 0.15 to 0.57");
    }
  }
}

void check_sizing(const CoolingParameters& p, const CoolingDesign& design,
                  sim::Problems& problems) {
  if (design.liquid_heat.value <= 0) return;
  if ((p.flow ? p.flow->value : design.rack_flow.value) <= 0) {
    problems.add("flow", "heat into liquid, but no coolant flow", "write `flow: 1.5 L/min/kW`");
    return;
  }
  if (cdu_design(p, design).effectiveness > 0.98) {
    problems.add("fws_rise",
                 "the CDU would have to warm the facility water to the coolant's own "
                 "return temperature",
                 "lower fws_rise, lower the coolant flow, or raise the CDU's approach");
  }
}

CoolingSizing size_cooling(const CoolingParameters& p, const CoolingDesign& design) {
  CoolingSizing s;
  s.cooler = make_dry_cooler(p.dry_cooler);
  if (design.liquid_heat.value > 0) {
    const CduDesign cdu = cdu_design(p, design);
    s.design_heat = design.liquid_heat.value;
    s.tcs_flow = cdu.tcs_flow;
    s.tcs_capacity = cdu.tcs_capacity;
    s.tcs_pressure = cdu.tcs_pressure;
    s.fws_capacity = cdu.heat / p.fws_rise.value;
    const double fws_middle =
        sim::to_degc(p.supply) - p.cdu.approach.value.value + p.fws_rise.value / 2;
    s.fws_flow = s.fws_capacity / volumetric_heat_capacity(p.fws.glycol, fws_middle);
    const double ntu = counterflow_ntu(std::min(cdu.effectiveness, 0.98), cdu.z);
    const FilmPair films = split_films(ntu * std::min(s.tcs_capacity, s.fws_capacity), 1);
    s.tcs_film = films.first;
    s.fws_film = films.second;
    s.cdus = static_cast<int>(std::ceil(cdu.heat / p.cdu.capacity.value.value));
    const double outdoor = cdu.heat + pump(p.fws, s.fws_flow, p.fws.pressure.value.value, 1);
    s.coolers = p.oversizing * outdoor / s.cooler.heat;
    s.trim_capacity = p.trim_share * outdoor;
  }
  if (design.air_heat.value > 0) {
    const AirSideParameters& a = p.air;
    s.air_design_heat = design.air_heat.value;
    const double flow =
        s.air_design_heat / (air_density * air_heat_capacity * a.air_rise.value.value);
    s.crah_fan = pumping_power(flow, a.fan_pressure.value.value, a.fan_efficiency.value);
    s.chiller_capacity = a.margin * (s.air_design_heat + s.crah_fan) * (1 + a.pump_share.value);
  }
  return s;
}

CoolingPower cooling_step(const CoolingParameters& p, const CoolingSizing& s,
                          const CoolingLoad& load, const Weather& weather) {
  CoolingPower out;
  double air = weather.dry_bulb;
  const bool wetted = p.adiabatic && air > sim::to_degc(p.adiabatic->above);
  if (wetted) {
    air -= p.adiabatic->effectiveness.value * (weather.dry_bulb - weather.wet_bulb);
  }
  liquid_step(p, s, load, air, out);
  air_step(p, s, load, weather.dry_bulb, out);
  if (wetted && s.coolers > 0) {
    // The pads move the air along its wet bulb; what it gains is the water used.
    const double moist = humidity_ratio_from_wet_bulb(air, weather.wet_bulb, weather.pressure);
    const double air_mass = out.fan_speed * s.coolers * s.cooler.capacity_flow / air_heat_capacity;
    out.water = air_mass * std::max(0.0, moist - weather.humidity_ratio) / 1000;
  }
  return out;
}

}  // namespace mw::models
