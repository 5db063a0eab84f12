#pragma once
#include <numeric>
#include <vector>

#include "models/power/distribution_flow.hpp"

namespace mw::models::test {

/// A tree with its loads at rest: what flows through it in one sub-step.
struct Tree {
  ElectricalParameters parameters;
  Distribution law;
  std::vector<FeedNodeState> states;
  Feeding feeding;
  DistributionFlow flow;
  double room_heat = 0;
  bool overloaded = false;

  Tree(const ElectricalParameters& e, const std::vector<FedRacks>& racks, double mechanical_w = 0)
      : parameters(e), law(make_distribution(e, racks, {mechanical_w})) {
    states = initial_feeds(law);
    turn(1, 0);
  }
  void turn(double voltage, sim::Time now, const std::vector<std::int32_t>& lost = {}) {
    feed(law, states, {voltage}, lost, now, parameters, feeding);
  }
  /// Power at the meter, W, with these loads of the racks.
  double step(const std::vector<double>& racks, double mechanical_w = 0,
              sim::Time dt = 100 * sim::millisecond) {
    const double seconds = sim::to_seconds(dt);
    flow.begin(law, 1);
    for (std::size_t r = 0; r < racks.size(); ++r)
      add_load(law, feeding, flow, 0, law.node_of_rack[r], racks[r]);
    room_heat = flow_it(law, states, feeding, flow, 0, seconds);
    flow_rest(law, states, feeding, flow, 0, mechanical_w, seconds);
    overloaded = watch(law, states, feeding, flow, 0, 0, dt);
    return flow.meter[0];
  }
  double out(std::size_t node, int path) { return flow.at(law.nodes.size(), 0, node, path); }
  double out(std::size_t node) { return out(node, 0) + out(node, 1); }
  double lost() const { return std::accumulate(flow.lost.begin(), flow.lost.end(), 0.0); }
};

/// Half of the loss constant, half with the square of the load; eta at the full rating.
inline ElectricalStage stage(std::string name, Feeds feeds, double efficiency) {
  ElectricalStage s;
  s.name = std::move(name);
  s.feeds = feeds;
  s.loss.no_load = s.loss.resistive = 0.5 * (1 / efficiency - 1);
  return s;
}

}  // namespace mw::models::test
