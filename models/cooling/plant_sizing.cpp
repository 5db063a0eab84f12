#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "models/cooling/exchangers.hpp"
#include "models/cooling/fluid.hpp"
#include "models/cooling/plant.hpp"
#include "models/cooling/plant_parts.hpp"
#include "models/cooling/pumps.hpp"

namespace mw::models {

double volumetric_heat_capacity(double glycol, double degc) {
  const FluidProperties fluid = coolant(glycol, degc);
  return fluid.density * fluid.heat_capacity;
}

namespace {

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

namespace {

/// Pumps given by their head must push the design flow at their highest speed.
void check_pumps(const char* key, const CoolingParameters& p, const LoopParameters& loop,
                 double asked, sim::Problems& problems) {
  if (!loop.pump_head) return;
  // n^2 times the head without flow, less what the design flow takes from it.
  const double ratio = p.loops.shut_off_head.value, n = p.loops.most_speed;
  const double reached = loop.pump_head->value * (n * n * ratio - ratio + 1);
  if (reached < asked)
    problems.add(
        key,
        fmt::format("the pumps do not reach the design flow: it takes {:.4g} kPa, and they "
                    "make {:.4g} kPa at their highest speed",
                    asked * 1e-3, reached * 1e-3),
        "give pumps with more head, or lower the flow or the pressure drops");
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
  const CduDesign cdu = cdu_design(p, design);
  check_pumps("tcs.pump_head", p, p.tcs, cdu.tcs_pressure, problems);
  check_pumps("fws.pump_head", p, p.fws, p.fws.pressure.value.value, problems);
  if (cdu.effectiveness > 0.98) {
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

}  // namespace mw::models
