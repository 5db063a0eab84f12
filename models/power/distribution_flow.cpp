#include "models/power/distribution_flow.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace mw::models {
namespace {

constexpr sim::Time never = std::numeric_limits<sim::Time>::max();
constexpr sim::Time shortest_ride = 10 * sim::millisecond;  // with less, batteries are empty

bool feeds_it(const Distribution& law, const DistributionNode& node) {
  return law.stage_of(node).feeds == Feeds::it;
}
bool feeds_plant(const Distribution& law, const DistributionNode& node) {
  return law.stage_of(node).feeds == Feeds::mechanical;
}
bool heads_plant(const Distribution& law, const DistributionNode& node) {
  return node.parent < 0 && feeds_plant(law, node);
}

PathFeed best_of(const PathFeed& a, const PathFeed& b) {
  if (!a.live()) return b;
  if (!b.live()) return a;
  return a.voltage > b.voltage || (a.voltage == b.voltage && a.gap_s <= b.gap_s) ? a : b;
}

/// What stands above a path.
PathFeed above(const Distribution& law, const Feeding& feeding, const DistributionNode& node,
               int path, const PathFeed& head) {
  if (node.parent >= 0) {
    const auto p = static_cast<std::size_t>(node.parent);
    if (law.nodes[p].paths == 2 && node.paths == 2) return feeding.of(p, path);
    return best_of(feeding.of(p, 0), feeding.of(p, 1));
  }
  if (!heads_plant(law, node)) return head;
  PathFeed best;
  bool shared = false;
  for (std::size_t n = 0; n < law.nodes.size(); ++n) {
    if (law.nodes[n].mechanical <= 0) continue;
    shared = true;
    best = best_of(best, best_of(feeding.of(n, 0), feeding.of(n, 1)));
  }
  return shared ? best : head;
}

sim::Time battery_time(const StorageLaw& battery, const FeedPathState& path) {
  const double seconds = ride_time(battery, path.battery_j, path.battery_w);
  return seconds > 1e9 ? never : sim::from_seconds(std::max(seconds, 0.0));
}

/// Draws `watt` from what stands above a node's path.
void draw(const Distribution& law, const Feeding& feeding, DistributionFlow& flow, int bin,
          const DistributionNode& node, int path, double watt) {
  if (watt == 0) return;
  const std::size_t nodes = law.nodes.size();
  if (node.parent >= 0) {
    const auto p = static_cast<std::size_t>(node.parent);
    if (law.nodes[p].paths == 2 && node.paths == 2)
      flow.at(nodes, bin, p, path) += watt;
    else
      add_load(law, feeding, flow, bin, node.parent, watt);
    return;
  }
  if (!heads_plant(law, node)) {
    flow.meter[static_cast<std::size_t>(bin)] += watt;
    return;
  }
  add_load(law, feeding, flow, bin, -2, watt);
}

/// A node's own sub-step: losses, batteries, and what it draws from above.
void pass_on(const Distribution& law, FeedNodeState& state, const Feeding& feeding,
             DistributionFlow& flow, int bin, std::size_t n, double dt) {
  const DistributionNode& node = law.nodes[n];
  const ConverterLaw& loss = law.stage_of(node).loss;
  const std::size_t nodes = law.nodes.size();
  double& lost = flow.lost[static_cast<std::size_t>(bin) * nodes + n];
  for (int path = 0; path < node.paths; ++path) {
    const PathFeed& from = feeding.of(n, path);
    if (!from.live()) continue;
    FeedPathState& at = state.path[static_cast<std::size_t>(path)];
    const double out = flow.at(nodes, bin, n, path);
    double own = from.sharing > 0 ? converter_loss(loss, from.sharing, out) : 0;
    if (from.reserve > 0) own += converter_loss(loss, from.reserve, 0);
    lost += own;
    double input = out + own;
    if (node.battery.capacity > 0) {
      StorageFlow battery;
      at.battery_w = input;
      if (from.source == PathFeed::Source::battery) {
        battery = discharge(node.battery, at.battery_j, input, dt);
        input = 0;
      } else if (at.battery_j < node.battery.capacity) {
        battery = charge(node.battery, at.battery_j, dt);
        input += battery.drawn;
      }
      lost += battery.loss;
      flow.stored[static_cast<std::size_t>(bin)] += battery.change;
    }
    draw(law, feeding, flow, bin, node, path, input);
  }
}

}  // namespace

double Feeding::voltage(std::size_t node) const {
  return best_of(of(node, 0), of(node, 1)).voltage;
}
double Feeding::gap_s(std::size_t node) const {
  return best_of(of(node, 0), of(node, 1)).gap_s;
}

std::vector<FeedNodeState> initial_feeds(const Distribution& law) {
  std::vector<FeedNodeState> states(law.nodes.size());
  for (std::size_t n = 0; n < states.size(); ++n)
    for (int p = 0; p < law.nodes[n].paths; ++p)
      states[n].path[static_cast<std::size_t>(p)].battery_j = law.nodes[n].battery.capacity;
  return states;
}

void feed(const Distribution& law, std::vector<FeedNodeState>& states, const HeadOfTree& head,
          std::span<const std::int32_t> lost, sim::Time now, const ElectricalParameters& electrical,
          Feeding& feeding) {
  PathFeed at_head;
  at_head.voltage = head.voltage;
  if (head.voltage > 0) at_head.source = PathFeed::Source::mains;
  feeding.paths.assign(2 * law.nodes.size(), {});
  for (std::size_t n = 0; n < law.nodes.size(); ++n) {
    const DistributionNode& node = law.nodes[n];
    for (int p = 0; p < node.paths; ++p) {
      const auto i = 2 * n + static_cast<std::size_t>(p);
      FeedPathState& state = states[n].path[static_cast<std::size_t>(p)];
      PathFeed& made = feeding.paths[i];
      // A block that stands by takes the place of the first that is lost.
      int out = lost.empty() ? 0 : lost[i];
      made.reserve = out > 0 ? 0 : node.reserve;
      if (node.reserve > 0 && out > 0) --out;
      made.sharing = node.sharing * std::max(0, node.modules - out) / node.modules;
      if (state.open || out >= node.modules) {
        state.on_battery = state.empty = false;
        state.back_since = -1;
        continue;
      }
      const PathFeed from = above(law, feeding, node, p, at_head);
      if (node.battery.capacity <= 0) {
        made.source = from.live() ? PathFeed::Source::mains : PathFeed::Source::none;
        made.voltage = from.voltage;
        made.gap_s = from.gap_s;
        continue;
      }
      const auto& battery = *electrical.stages[static_cast<std::size_t>(node.stage)].battery;
      const bool good = from.live() && from.voltage >= battery.least_voltage.value;
      if (!good) {
        if (!state.on_battery) made.gap_s = sim::to_seconds(battery.transfer.ns);
        state.on_battery = true;
        state.back_since = -1;
      } else if (state.on_battery) {
        if (state.back_since < 0) state.back_since = now;
        if (now >= state.back_since + battery.walk_in.ns) state.on_battery = false;
      }
      if (state.on_battery && battery_time(node.battery, state) < shortest_ride) state.empty = true;
      if (state.on_battery && state.empty) {
        if (!good) continue;  // dark
        state.on_battery = false;
      }
      if (!state.on_battery) {
        state.empty = false;
        state.back_since = -1;
        made.gap_s = from.gap_s;
      }
      made.source = state.on_battery ? PathFeed::Source::battery : PathFeed::Source::mains;
      made.voltage = state.on_battery ? 1 : from.voltage;
    }
  }
}

sim::Time next_feed_change(const Distribution& law, const std::vector<FeedNodeState>& states,
                           const ElectricalParameters& electrical, sim::Time now) {
  sim::Time next = never;
  for (std::size_t n = 0; n < law.nodes.size(); ++n) {
    const DistributionNode& node = law.nodes[n];
    if (node.battery.capacity <= 0) continue;
    const auto& battery = *electrical.stages[static_cast<std::size_t>(node.stage)].battery;
    for (int p = 0; p < node.paths; ++p) {
      const FeedPathState& path = states[n].path[static_cast<std::size_t>(p)];
      if (!path.on_battery) continue;
      if (path.back_since >= 0) next = std::min(next, path.back_since + battery.walk_in.ns);
      if (path.battery_w <= 0) continue;
      const sim::Time left = battery_time(node.battery, path);
      if (left >= shortest_ride && left < never - now) next = std::min(next, now + left);
    }
  }
  return std::max(next, now + 1);
}

void DistributionFlow::begin(const Distribution& law, int bins) {
  const auto n = static_cast<std::size_t>(bins);
  output.assign(2 * n * law.nodes.size(), 0);
  lost.assign(n * law.nodes.size(), 0);
  stored.assign(n, 0);
  meter.assign(n, 0);
  opened.clear();
}

void add_load(const Distribution& law, const Feeding& feeding, DistributionFlow& flow, int bin,
              std::int32_t node, double watt) {
  const std::size_t nodes = law.nodes.size();
  if (node >= 0) {
    const auto n = static_cast<std::size_t>(node);
    const bool a = feeding.of(n, 0).live(), b = feeding.of(n, 1).live();
    if (a) flow.at(nodes, bin, n, 0) += b ? 0.5 * watt : watt;
    if (b) flow.at(nodes, bin, n, 1) += a ? 0.5 * watt : watt;
    return;
  }
  double share = 0;  // of the plant's load, of live nodes
  if (node == -2)
    for (std::size_t n = 0; n < nodes; ++n)
      if (law.nodes[n].mechanical > 0 && feeding.live(n)) share += law.nodes[n].mechanical;
  if (share <= 0) {
    flow.meter[static_cast<std::size_t>(bin)] += watt;
    return;
  }
  for (std::size_t n = 0; n < nodes; ++n)
    if (law.nodes[n].mechanical > 0 && feeding.live(n))
      add_load(law, feeding, flow, bin, static_cast<std::int32_t>(n),
               watt * (law.nodes[n].mechanical / share));
}

void add_racks(const Distribution& law, const Feeding& feeding, DistributionFlow& flow, int bins,
               std::span<const double> input) {
  const auto n = static_cast<std::size_t>(bins);
  flow.at_node.assign((law.nodes.size() + 1) * n, 0);  // the last: tied to the meter itself
  for (std::size_t r = 0; r < law.node_of_rack.size(); ++r) {
    const std::int32_t node = law.node_of_rack[r];
    double* sum = &flow.at_node[(node < 0 ? law.nodes.size() : static_cast<std::size_t>(node)) * n];
    for (std::size_t b = 0; b < n; ++b) sum[b] += input[r * n + b];
  }
  for (std::size_t node = 0; node <= law.nodes.size(); ++node)
    for (std::size_t b = 0; b < n; ++b)
      if (const double watt = flow.at_node[node * n + b]; watt != 0)
        add_load(law, feeding, flow, static_cast<int>(b),
                 node == law.nodes.size() ? -1 : static_cast<std::int32_t>(node), watt);
}

double flow_it(const Distribution& law, std::vector<FeedNodeState>& states, const Feeding& feeding,
               DistributionFlow& flow, int bin, double dt) {
  const std::size_t nodes = law.nodes.size();
  for (std::size_t n = nodes; n-- > 0;)
    if (feeds_it(law, law.nodes[n])) pass_on(law, states[n], feeding, flow, bin, n, dt);
  double lost = 0;
  for (std::size_t n = 0; n < nodes; ++n)
    if (feeds_it(law, law.nodes[n])) lost += flow.lost[static_cast<std::size_t>(bin) * nodes + n];
  return lost;
}

void flow_rest(const Distribution& law, std::vector<FeedNodeState>& states, const Feeding& feeding,
               DistributionFlow& flow, int bin, double mechanical_w, double dt) {
  std::int32_t plant = -2;  // where its load is tied: the last of its stages
  for (std::size_t n = 0; n < law.nodes.size(); ++n)
    if (feeds_plant(law, law.nodes[n])) plant = static_cast<std::int32_t>(n);
  add_load(law, feeding, flow, bin, plant, mechanical_w);
  for (std::size_t n = law.nodes.size(); n-- > 0;)
    if (!feeds_it(law, law.nodes[n])) pass_on(law, states[n], feeding, flow, bin, n, dt);
}

bool plant_fed(const Distribution& law, const Feeding& feeding) {
  PathFeed best;
  bool any = false;
  for (std::size_t n = 0; n < law.nodes.size(); ++n) {
    if (!feeds_plant(law, law.nodes[n]) && law.nodes[n].mechanical <= 0) continue;
    // The last stage of the branch decides, or without one whatever shares the load.
    if (feeds_plant(law, law.nodes[n])) best = {};
    best = best_of(best, best_of(feeding.of(n, 0), feeding.of(n, 1)));
    any = true;
  }
  return !any || (best.live() && best.voltage >= law.least_rack_voltage);
}

bool watch(const Distribution& law, std::vector<FeedNodeState>& states, const Feeding& feeding,
           DistributionFlow& flow, int bin, double after_s, sim::Time dt) {
  const std::size_t nodes = law.nodes.size();
  const double seconds = sim::to_seconds(dt);
  bool over = false;
  for (std::size_t n = 0; n < nodes; ++n) {
    const DistributionNode& node = law.nodes[n];
    FeedNodeState& state = states[n];
    double out = 0, carries = 0;
    for (int p = 0; p < node.paths; ++p) {
      const PathFeed& from = feeding.of(n, p);
      if (!from.live()) continue;
      const double own = flow.at(nodes, bin, n, p);
      out += own;
      carries += from.sharing;
      FeedPathState& path = state.path[static_cast<std::size_t>(p)];
      if (node.breaker.rating <= 0 || path.open) continue;
      const double rating = node.breaker.rating * (from.sharing / node.sharing);
      const double x = own / (rating * from.voltage);
      const double until = time_to_open(node.breaker, path.heat, x);
      path.heat = breaker_heat(node.breaker, path.heat, x, seconds);
      if (until > seconds) continue;
      path.open = true;
      ++state.opened;
      flow.opened.push_back({n, p, after_s + until, x});
    }
    state.peak_w = std::max(state.peak_w, out);
    state.output_j += out * seconds;
    state.loss_j += flow.lost[static_cast<std::size_t>(bin) * nodes + n] * seconds;
    if (out > std::min(node.usable, carries) * (1 + 1e-9)) {
      state.overloaded += dt;
      over = true;
    }
  }
  return over;
}

}  // namespace mw::models
