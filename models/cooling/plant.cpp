#include "models/cooling/plant.hpp"

#include <fmt/format.h>

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

/// What the heat customer takes of `heat` in that weather from water that returns at `degc`.
double reused_heat(const CoolingParameters& p, double heat, double degc, const Weather& weather) {
  if (!p.reuse || degc < sim::to_degc(p.reuse->least_return)) return 0;
  const double cold = sim::to_degc(p.reuse->full_below), warm = sim::to_degc(p.reuse->none_above);
  const double season = std::clamp((warm - weather.dry_bulb) / (warm - cold), 0.0, 1.0);
  return std::min(heat, p.reuse->demand.value * std::max(season, p.reuse->summer_share));
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
}

/// Share of the air side's heat that the economiser takes: the part of the range, of the water or
/// of the room's air, that lies above what the weather offers.
double free_share(const AirSideParameters& a, const Weather& weather) {
  switch (a.economiser) {
    case Economiser::none:
      return 0;
    case Economiser::water: {
      const double range = a.water_rise.value.value;
      const double coldest = weather.dry_bulb + a.free_cooling_approach.value.value;
      return std::clamp((sim::to_degc(a.water.value) + range - coldest) / range, 0.0, 1.0);
    }
    case Economiser::air: {
      const double wettest = humidity_ratio_from_vapour_pressure(
          saturation_pressure(sim::to_degc(a.highest_dew_point.value)), weather.pressure);
      if (weather.humidity_ratio > wettest) return 0;
      const double rise = a.air_rise.value.value;
      return std::clamp((sim::to_degc(a.supply.value) + rise - weather.dry_bulb) / rise, 0.0, 1.0);
    }
  }
  return 0;
}

void air_step(const CoolingParameters& p, const CoolingSizing& s, const CoolingLoad& load,
              const Weather& weather, CoolingPower& out) {
  if (s.air_design_heat <= 0) return;
  const AirSideParameters& a = p.air;
  const double room_heat = std::max(load.air_heat.value, 0.0);
  const double speed = std::clamp(room_heat / s.air_design_heat, a.least_fan_speed, 1.0);
  out.crah_fan = s.crah_fan * affinity(speed).power;
  const double heat = room_heat + out.crah_fan;
  const double supply = sim::to_degc(a.water.value);
  const double free = free_share(a, weather);
  // Heat that leaves with outdoor air does not pass the water.
  const double by_air = a.economiser == Economiser::air ? free * heat : 0;
  out.air_pump = a.pump_share.value * (heat - by_air);
  const double water_heat = heat - by_air + out.air_pump;
  out.air_free_heat = a.economiser == Economiser::water ? free * water_heat : by_air;
  const double rest = heat + out.air_pump - out.air_free_heat;
  out.air_chiller_heat = std::min(rest, s.chiller_capacity);
  out.unmet_air_heat = rest - out.air_chiller_heat;
  out.air_free_fan = a.free_cooling_fan_share.value * out.air_free_heat;
  const ChillerPower chiller =
      chiller_step(a.chiller, out.air_chiller_heat, s.chiller_capacity, supply, weather);
  out.air_chiller = chiller.electric;
  out.water += chiller.water;
}

}  // namespace

void check(const CoolingParameters& p, sim::Problems& problems) {
  if (p.adiabatic && p.rejection != RejectionKind::dry_cooler)
    problems.add("adiabatic", "wetted pads belong to dry coolers",
                 "leave them out, or write `rejection: dry_cooler`");
  for (const auto& [name, loop] : {std::pair{"tcs", &p.tcs}, std::pair{"fws", &p.fws}}) {
    if (loop->glycol > 0 && loop->glycol < 0.15) {
      problems.add(name, "the properties of the mixture are known from 15 % glycol on",
                   "write `glycol: 0` for water, or 0.15 to 0.57");
    }
  }
}

void check(const HeatReuseParameters& reuse, sim::Problems& problems) {
  if (reuse.full_below >= reuse.none_above)
    problems.add("full_below", "is not below none_above", "write the colder temperature here");
}

namespace {

/// A catalogue machine far from its catalogue would give figures without meaning.
void check_curves(const char* key, const ChillerParameters& chiller, double leaving,
                  sim::Problems& problems) {
  if (!chiller.curves) return;
  const auto& range = chiller.curves->leaving;
  if (leaving < range[0] - 0.01 || leaving > range[1] + 0.01)
    problems.add(
        key,
        fmt::format("its curves hold for water leaving at {:g} to {:g} degC, but the plant "
                    "asks for {:.4g} degC",
                    range[0], range[1], leaving),
        "leave out `curves` (a share of Carnot), or change the water temperature");
}

}  // namespace

void check_sizing(const CoolingParameters& p, const CoolingDesign& design,
                  sim::Problems& problems) {
  if (design.air_heat.value > 0)
    check_curves("air.chiller.curves", p.air.chiller, sim::to_degc(p.air.water.value), problems);
  if (design.liquid_heat.value <= 0) return;
  if (p.trim_share > 0)
    check_curves("trim.curves", p.trim, sim::to_degc(p.supply) - p.cdu.approach.value.value,
                 problems);
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
  s.rejection.kind = p.rejection;
  s.rejection.cooler = make_dry_cooler(p.dry_cooler);
  s.rejection.tower = make_tower(p.tower);
  s.rejection.fixed = p.fixed_approach;
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
    s.rejection.units = p.oversizing * outdoor / s.rejection.rated_heat();
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
  const bool wetted = p.adiabatic && p.rejection == RejectionKind::dry_cooler &&
                      air > sim::to_degc(p.adiabatic->above);
  if (wetted) {
    air -= p.adiabatic->effectiveness.value * (weather.dry_bulb - weather.wet_bulb);
  }
  liquid_step(p, s, load, {air, weather}, out);
  air_step(p, s, load, weather, out);
  if (wetted && s.rejection.units > 0) {
    // The pads move the air along its wet bulb; what it gains is the water used.
    const double moist = humidity_ratio_from_wet_bulb(air, weather.wet_bulb, weather.pressure);
    const double air_mass =
        out.fan_speed * s.rejection.units * s.rejection.cooler.capacity_flow / air_heat_capacity;
    out.water += air_mass * std::max(0.0, moist - weather.humidity_ratio) / 1000;
  }
  return out;
}

}  // namespace mw::models
