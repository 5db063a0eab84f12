#include <algorithm>
#include <cmath>

#include "models/cooling/exchangers.hpp"
#include "models/cooling/pumps.hpp"
#include "models/cooling/transient.hpp"

namespace mw::models {
namespace {

Branch pipe(double resistance, int alike, bool open = true) {
  Branch b;
  b.resistance = resistance;
  b.alike = alike;
  b.open = open && alike > 0;
  return b;
}
Branch pumps(const PumpCurve& curve, double speed, double resistance, int alike) {
  Branch b = pipe(resistance, alike);
  b.pump = curve;
  b.speed = speed;
  b.check_valve = true;
  return b;
}

/// A valve that holds `flow` at a share of it: pressure held plus friction at design, over it.
double controlled_resistance(double held, double header, double share, double flow) {
  return (held / (share * share) + header - held) / (flow * flow);
}

int open_racks(const PlantLaw& law, const RackRun& run, const PlantFaults& faults) {
  if (faults.isolated.empty()) return run.count;
  int open = 0;
  for (std::int32_t i = run.first; i < run.first + run.count; ++i)
    open += faults.isolated[static_cast<std::size_t>(law.racks[static_cast<std::size_t>(i)])] == 0;
  return open;
}

/// Pumps from junction 0 to 1, a pipe from 1 to 2, branches from 2 back to 0. What is known of the
/// flow gives the first guess of the pressures, so that the answer depends on the state alone.
FluidGraph loop_graph(const Branch& pump, double pipe_resistance) {
  FluidGraph graph(3);
  boost::add_edge(0, 1, pump, graph);
  boost::add_edge(1, 2, pipe(pipe_resistance, 1), graph);
  return graph;
}
NetworkState guess(double header, double pipe_resistance, double flow) {
  NetworkState state;
  state.pressure = {0, header + pipe_resistance * flow * flow, header};
  return state;
}

void settle_loop(const CoolingParameters& p, const PlantLaw& law, const TcsLoop& loop,
                 const LoopState& now, int cdus, const PlantFaults& faults, PlantFlows::Loop& out) {
  FluidGraph graph =
      loop_graph(pumps(loop.pump, now.speed, loop.cdu_resistance, cdus), loop.pipe_resistance);
  for (const auto& run : loop.runs) {
    const CooledRack& kind = law.kinds[static_cast<std::size_t>(run.kind)];
    boost::add_edge(2, 0,
                    pipe(controlled_resistance(law.tcs_held, law.tcs_header, now.share, kind.flow),
                         open_racks(law, run, faults)),
                    graph);
  }
  const double header = law.tcs_held + (law.tcs_header - law.tcs_held) * now.share * now.share;
  NetworkState state = guess(header, loop.pipe_resistance, now.share * loop.flow);
  solve_network(graph, state);
  const double of_cdu = std::max(state.flow[0], 0.0);
  out.flow = of_cdu * cdus;
  out.run.assign(state.flow.begin() + 2, state.flow.end());
  for (double& v : out.run) v = std::max(v, 0.0);
  out.pressure = state.pressure[2] - state.pressure[0];
  out.pump = cdus * pumping_power(of_cdu, std::max(pump_head(loop.pump, now.speed, of_cdu), 0.0),
                                  p.tcs.pump_efficiency.value);
}

}  // namespace

void settle_flows(const CoolingParameters& p, const PlantLaw& law, const PlantState& state,
                  const PlantFaults& faults, PlantFlows& flows) {
  const std::size_t loops = law.loops.size();
  flows.loops.resize(loops);
  const int fws_pumps = std::max(0, p.loops.fws_pumps - faults.fws_pumps_out);
  FluidGraph graph =
      loop_graph(pumps(law.fws_pump, state.fws_speed, 0, fws_pumps), law.fws_pipe_resistance);
  std::vector<int> cdus(loops);
  double asked = 0;
  for (std::size_t l = 0; l < loops; ++l) {
    const TcsLoop& loop = law.loops[l];
    const LoopFaults* fault = faults.loops.empty() ? nullptr : &faults.loops[l];
    cdus[l] = std::max(0, loop.cdus - (fault ? fault->cdus_out : 0));
    settle_loop(p, law, loop, state.loops[l], cdus[l], faults, flows.loops[l]);
    const double valve = fault && fault->valve ? *fault->valve : state.loops[l].valve;
    asked += loop.fws_flow * valve;
    boost::add_edge(2, 0,
                    pipe(controlled_resistance(law.fws_held, law.fws_header, std::max(valve, 1e-3),
                                               loop.fws_flow / loop.cdus),
                         cdus[l], valve > 1e-3),
                    graph);
  }
  double design = 0;
  for (const auto& loop : law.loops) design += loop.fws_flow;
  const double share = asked / design;
  const double header = law.fws_held + (law.fws_header - law.fws_held) * share * share;
  NetworkState network = guess(header, law.fws_pipe_resistance, asked);
  solve_network(graph, network);
  const double of_pump = std::max(network.flow[0], 0.0);
  flows.fws_flow = 0;
  for (std::size_t l = 0; l < loops; ++l) {
    flows.loops[l].fws_flow = std::max(network.flow[2 + l], 0.0) * cdus[l];
    flows.fws_flow += flows.loops[l].fws_flow;
  }
  flows.fws_pressure = network.pressure[2] - network.pressure[0];
  flows.fws_pump =
      fws_pumps * pumping_power(of_pump,
                                std::max(pump_head(law.fws_pump, state.fws_speed, of_pump), 0.0),
                                p.fws.pump_efficiency.value);
}

double loop_conductance(const CoolingParameters& p, const PlantLaw& law, const TcsLoop& loop,
                        const LoopFaults& faults, double flow, double fws_flow) {
  const int running = std::max(0, loop.cdus - faults.cdus_out);
  const double tcs = flow * law.tcs_heat, fws = fws_flow * law.fws_heat;
  const double least = std::min(tcs, fws);
  if (running == 0 || least <= 0) return 0;
  // Each CDU that runs has a share of the flow that may be more than its share at design.
  const double part = static_cast<double>(running) / loop.cdus;
  const double n = p.cdu.film_exponent.value;
  const double ua =
      faults.conductance * part *
      series_conductance(loop.tcs_film * std::pow(flow / (loop.flow * part), n),
                         loop.fws_film * std::pow(fws_flow / (loop.fws_flow * part), n));
  return least * counterflow_effectiveness(ua / least, least / std::max(tcs, fws));
}

}  // namespace mw::models
