#include "models/cooling/transient.hpp"

#include <algorithm>
#include <cmath>

#include "models/cooling/plant_parts.hpp"
#include "models/cooling/pumps.hpp"
#include "models/cooling/transient_heat.hpp"
#include "models/numerics/root.hpp"

namespace mw::models {
namespace {

constexpr double least_speed = 0.1;

struct Plant {
  const CoolingParameters& p;
  const CoolingSizing& s;
  const PlantLaw& law;
  const PlantInputs& in;
  CoolingPower steady;               // what the plant would come to if all were well
  std::vector<double> heat, design;  // W by loop: now and at design, of racks that have flow
  double set = 0, fws_set = 0;       // degC

  Plant(const CoolingParameters& cooling, const CoolingSizing& sizing, const PlantLaw& plant,
        const PlantInputs& inputs)
      : p(cooling),
        s(sizing),
        law(plant),
        in(inputs),
        heat(plant.loops.size(), 0),
        design(plant.loops.size(), 0) {
    double all = 0;
    for (const std::int32_t r : law.racks) all += in.liquid_heat[static_cast<std::size_t>(r)];
    steady = cooling_step(p, s, {{all}, {in.air_heat}, in.supply}, in.weather);
    set = sim::to_degc(in.supply);
    fws_set = steady.fws_supply - steady.supply_excess;
    for (std::size_t l = 0; l < law.loops.size(); ++l)
      for (const auto& run : law.loops[l].runs)
        for (std::int32_t i = run.first; i < run.first + run.count; ++i) {
          const auto rack = static_cast<std::size_t>(law.racks[static_cast<std::size_t>(i)]);
          if (!in.faults.isolated.empty() && in.faults.isolated[rack]) continue;
          heat[l] += in.liquid_heat[rack];
          design[l] += law.kinds[static_cast<std::size_t>(run.kind)].heat;
        }
  }
  LoopFaults faults(std::size_t l) const {
    return in.faults.loops.empty() ? LoopFaults{} : in.faults.loops[l];
  }
  double share(std::size_t l) const {
    if (p.flow_control == FlowControl::constant || design[l] <= 0) return 1;
    return std::clamp(heat[l] / design[l], p.tcs.least_flow, 1.0);
  }
  double tcs_pressure(double share) const {
    return law.tcs_held + (law.tcs_header - law.tcs_held) * share * share;
  }
  double fws_share(const PlantState& state) const {
    double asked = 0, all = 0;
    for (std::size_t l = 0; l < law.loops.size(); ++l) {
      asked += law.loops[l].fws_flow * faults(l).valve.value_or(state.loops[l].valve);
      all += law.loops[l].fws_flow;
    }
    return asked / all;
  }
  double fws_pressure(double share) const {
    return law.fws_held + (law.fws_header - law.fws_held) * share * share;
  }
  double least_demand() const { return p.rejection == RejectionKind::tower ? -1 : 0; }
  double most_demand() const { return s.trim_capacity > 0 ? 2 : 1; }
  double fan_speed(double demand) const { return std::clamp(demand, 0.0, 1.0); }
  /// Heat given off outdoors to water that enters at `inlet`.
  double rejected(double demand, double capacity, double inlet) const {
    if (capacity <= 0) return 0;
    const Outdoors out{cooler_air(p, in.weather), in.weather};
    const double all = rejected_heat(s.rejection, fan_speed(demand), capacity, inlet, out);
    // A tower that gives off too much with its fans at rest is passed by.
    return (1 - in.faults.fans_out) * std::max(all, 0.0) * (demand < 0 ? 1 + demand : 1);
  }
};

/// A controller's turn: the output moves with the error and with its change.
double turn(const PiParameters& pi, double interval, double error, double& last, double output,
            double least, double most) {
  const double moved = output + pi.gain * (error - last + error * interval / pi.reset.value);
  last = error;
  return std::clamp(moved, least, most);
}

void control(const Plant& plant, const PlantFlows& flows, PlantState& state) {
  const LoopsParameters& c = plant.p.loops;
  const double dt = c.interval.value;
  for (std::size_t l = 0; l < state.loops.size(); ++l) {
    LoopState& loop = state.loops[l];
    loop.pressure = flows.loops[l].pressure;
    loop.share = plant.share(l);
    const double lack = (plant.tcs_pressure(loop.share) - loop.pressure) / plant.law.tcs_header;
    loop.speed =
        turn(c.pump_speed, dt, lack, loop.speed_error, loop.speed, least_speed, c.most_speed);
    loop.valve = turn(c.valve, dt, loop.supply - plant.set, loop.valve_error, loop.valve,
                      plant.p.fws.least_flow, 1);
  }
  state.fws_pressure = flows.fws_pressure;
  const double lack =
      (plant.fws_pressure(plant.fws_share(state)) - state.fws_pressure) / plant.law.fws_header;
  state.fws_speed = turn(c.pump_speed, dt, lack, state.fws_speed_error, state.fws_speed,
                         least_speed, c.most_speed);
  state.demand = turn(c.rejection, dt, state.fws_supply - plant.fws_set, state.demand_error,
                      state.demand, plant.least_demand(), plant.most_demand());
}

/// Speed at which a pump makes that head at that flow.
double speed_for(const PumpCurve& curve, double flow, double head) {
  return std::sqrt((head + curve.fall * flow * flow) / curve.shut_off);
}

}  // namespace

void start_plant(const CoolingParameters& p, const CoolingSizing& s, const PlantLaw& law,
                 const PlantInputs& in, PlantState& state) {
  const PlantFaults none;
  const PlantInputs well{in.liquid_heat, in.gpu, in.air_heat, in.supply, in.weather, none};
  const Plant plant(p, s, law, well);
  state = {};
  state.started = true;
  state.loops.resize(law.loops.size());
  for (auto* each : {&state.junction, &state.plate, &state.outlet}) each->resize(law.racks.size());
  state.fws_supply = state.buffer = plant.steady.fws_supply;
  const double tcs_total = s.tcs_pressure;
  double heat = 0, fws_capacity = 0;
  for (std::size_t l = 0; l < law.loops.size(); ++l) {
    const TcsLoop& loop = law.loops[l];
    LoopState& now = state.loops[l];
    now.share = plant.share(l);
    const double flow = loop.flow * now.share, capacity = flow * law.tcs_heat;
    const double head = law.tcs_held + (tcs_total - law.tcs_held) * now.share * now.share;
    now.speed = speed_for(loop.pump, flow / loop.cdus, head);
    now.pressure = plant.tcs_pressure(now.share);
    const double through = plant.heat[l] + pumping_power(flow, head, p.tcs.pump_efficiency.value);
    const auto needed = [&](double valve) {
      return plant.set + through / capacity -
             through / loop_conductance(p, law, loop, {}, flow, loop.fws_flow * valve);
    };
    const double least = p.fws.least_flow;
    now.valve = needed(least) >= state.fws_supply ? least
                : needed(1) <= state.fws_supply
                    ? 1
                    : find_root([&](double g) { return needed(g) - state.fws_supply; }, least, 1);
    now.returns = state.fws_supply +
                  through / loop_conductance(p, law, loop, {}, flow, loop.fws_flow * now.valve);
    now.supply = now.returns - through / capacity;
    now.valve_error = now.supply - plant.set;
    heat += through;
    fws_capacity += loop.fws_flow * now.valve * law.fws_heat;
    for (const auto& run : loop.runs) {
      const CooledRack& kind = law.kinds[static_cast<std::size_t>(run.kind)];
      for (auto i = static_cast<std::size_t>(run.first);
           i < static_cast<std::size_t>(run.first + run.count); ++i) {
        const auto rack = static_cast<std::size_t>(law.racks[i]);
        const double rise = in.liquid_heat[rack] / (kind.flow * now.share * law.tcs_heat);
        state.outlet[i] = now.supply + rise;
        state.plate[i] = state.junction[i] = now.supply + rise / 2;
        if (kind.gpus == 0) continue;
        state.plate[i] +=
            in.gpu[rack] * kind.film_resistance * std::pow(now.share, -kind.film_exponent);
        state.junction[i] = state.plate[i] + in.gpu[rack] * kind.junction_resistance;
      }
    }
  }
  // The facility water: pumps, then what must go outdoors and how.
  const double share = plant.fws_share(state);
  const double fws_flow = fws_capacity / law.fws_heat;
  const double fws_head =
      law.fws_held + (p.fws.pressure.value.value - law.fws_held) * share * share;
  state.fws_speed = speed_for(law.fws_pump, fws_flow / p.loops.fws_pumps, fws_head);
  state.fws_pressure = plant.fws_pressure(share);
  heat += pumping_power(fws_flow, fws_head, p.fws.pump_efficiency.value);
  state.fws_return = state.fws_supply + heat / fws_capacity;
  heat -= reused_heat(p, heat, state.fws_return, in.weather);
  const double inlet = state.fws_supply + heat / fws_capacity;
  const FanSpeed fan = rejection_speed(s.rejection, heat, fws_capacity, inlet,
                                       {cooler_air(p, in.weather), in.weather});
  state.demand = fan.speed;
  if (!fan.enough)
    state.demand =
        std::min(plant.most_demand(), 1 + (heat - plant.rejected(1, fws_capacity, inlet)) /
                                              std::max(s.trim_capacity, 1.0));
  if (fan.speed <= 0 && plant.least_demand() < 0) {
    const double at_rest = plant.rejected(0, fws_capacity, inlet);
    if (at_rest > heat) state.demand = heat / at_rest - 1;
  }
  state.demand_error = state.fws_supply - plant.fws_set;
}

CoolingPower plant_step(const CoolingParameters& p, const CoolingSizing& s, const PlantLaw& law,
                        const PlantInputs& in, sim::Time from, sim::Time to, PlantState& state,
                        PlantWork& work) {
  if (!state.started) start_plant(p, s, law, in, state);
  const Plant plant(p, s, law, in);
  const sim::Time interval = sim::from_seconds(p.loops.interval.value);
  const double seconds = sim::to_seconds(to - from);
  work.heat = {};
  work.hottest = state.junction;
  work.warmest_supply = -sim::zero_celsius_in_kelvin;

  CoolingPower out;
  air_step(p, s, in.air_heat, in.weather, out);
  out.cdu = s.cdus * p.cdu.electronics.value.value;
  PlantHeat::Means means;
  PlantHeatTerms terms;
  terms.loops.resize(law.loops.size());
  const Outdoors outdoors{cooler_air(p, in.weather), in.weather};
  settle_flows(p, law, state, in.faults, work.flows);
  for (sim::Time t = from; t < to;) {
    if (t % interval == 0) {
      control(plant, work.flows, state);
      settle_flows(p, law, state, in.faults, work.flows);
    }
    const sim::Time next = std::min(to, (t / interval + 1) * interval);
    const double dt = sim::to_seconds(next - t), part = dt / seconds;

    double fws_capacity = 0, pumps = 0, passed = 0;
    for (std::size_t l = 0; l < law.loops.size(); ++l) {
      const PlantFlows::Loop& flows = work.flows.loops[l];
      auto& term = terms.loops[l];
      term.capacity = flows.flow * law.tcs_heat;
      term.fws_capacity = flows.fws_flow * law.fws_heat;
      term.conductance =
          loop_conductance(p, law, law.loops[l], plant.faults(l), flows.flow, flows.fws_flow);
      term.pump = flows.pump;
      fws_capacity += term.fws_capacity;
      pumps += flows.pump;
      passed += term.conductance * (state.loops[l].returns - state.buffer);
    }
    terms.fws_pump = work.flows.fws_pump;
    const bool flowing = fws_capacity > 0;
    terms.reused = flowing ? reused_heat(p, std::max(passed + terms.fws_pump, 0.0),
                                         state.fws_return, in.weather)
                           : 0;
    terms.trimmed = flowing ? std::max(state.demand - 1, 0.0) * s.trim_capacity : 0;
    // The coolers' heat is nearly linear in the temperature of what enters.
    const double inlet = state.fws_return - (flowing ? terms.reused / fws_capacity : 0);
    terms.about = state.fws_return;
    terms.rejected_at = plant.rejected(state.demand, fws_capacity, inlet);
    constexpr double nudge = 0.1;  // K
    terms.rejected_slope =
        (plant.rejected(state.demand, fws_capacity, inlet + nudge) - terms.rejected_at) / nudge;

    const double before = means.rejected;
    PlantHeat heat(law, in, work.flows, terms, state, work);
    heat.advance(dt, means);
    const double rejected = (means.rejected - before) / dt;

    double speed = plant.fan_speed(state.demand);
    if (state.demand > 1 && terms.rejected_at <= 0) speed = 0;
    out.tcs_pump += pumps * part;
    out.fws_pump += terms.fws_pump * part;
    out.fan_speed += speed * part;
    out.rejection_fan +=
        (1 - in.faults.fans_out) * rejection_fan(s.rejection, speed, rejected) * part;
    out.trim_heat += terms.trimmed * part;
    out.reuse_heat += terms.reused * part;
    const ChillerPower trim =
        chiller_step(p.trim, terms.trimmed, s.trim_capacity, state.fws_supply, in.weather);
    out.trim += trim.electric * part;
    double water =
        trim.water + (1 - in.faults.fans_out) * pad_water(p, s.rejection, speed, in.weather);
    if (flowing)
      water += rejection_water(s.rejection, p.tower, speed, fws_capacity, rejected, outdoors);
    out.water += water * part;
    for (const auto& loop : work.flows.loops) out.tcs_flow += loop.flow * part;
    out.fws_flow += work.flows.fws_flow * part;
    if (state.demand >= 1) {
      // Full fans are enough while they hold the coolant, within what controllers leave.
      constexpr double band = 0.1;  // K
      bool held = terms.trimmed == 0;
      for (const LoopState& loop : state.loops) held = held && loop.supply <= plant.set + band;
      out.outdoors_full = out.outdoors_full || !held;
    }
    t = next;
  }
  out.rejected_heat = means.rejected / seconds;
  out.tcs_supply = means.supply / seconds;
  out.tcs_return = means.rack_outlet / seconds;
  out.fws_supply = means.fws_supply / seconds;
  out.fws_return = means.fws_return / seconds;
  out.supply_excess = std::max(0.0, work.warmest_supply - plant.set);
  return out;
}

}  // namespace mw::models
