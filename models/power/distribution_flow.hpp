#pragma once
#include <array>
#include <vector>

#include "models/power/distribution.hpp"
#include "sim/time.hpp"

// Power through the tree: which paths are live, and what flows through them in each sub-step.
namespace mw::models {

/// What lasts of one path of a node.
struct FeedPathState {
  bool open = false;  // its breaker has opened
  double heat = 0;    // of the thermal release; opens at 1
  bool on_battery = false;
  bool empty = false;  // its batteries are, and nothing has come back
  double battery_j = 0;
  double battery_w = 0;       // what they would have to give, or give
  sim::Time back_since = -1;  // its source has been back since then
};
template <sim::Describes<FeedPathState> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("open", self.open, About{.text = "Its breaker has opened"});
  visit("heat", self.heat, About{.text = "Of the thermal release; it opens at 1"});
  visit("on_battery", self.on_battery, About{.text = "Its batteries carry the load"});
  visit("empty", self.empty, About{.text = "Its batteries are empty"});
  visit("battery_j", self.battery_j, About{.text = "Energy in its batteries, J"});
  visit("battery_w", self.battery_w, About{.text = "What they would have to give, or give, W"});
  visit("back_since", self.back_since, About{.text = "Its source has been back since then, ns"});
}

/// What lasts of a node, and what a run adds up.
struct FeedNodeState {
  std::array<FeedPathState, 2> path;
  double peak_w = 0;  // highest sub-step of what it delivers
  double output_j = 0, loss_j = 0;
  sim::Time overloaded = 0;  // time above what it may deliver
  int opened = 0;            // how often a breaker opened
};
template <sim::Describes<FeedNodeState> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("path", self.path, About{.text = "Its one or two paths"});
  visit("peak_w", self.peak_w, About{.text = "Highest sub-step of what it delivers, W"});
  visit("output_j", self.output_j, About{.text = "Energy delivered, J"});
  visit("loss_j", self.loss_j, About{.text = "Energy lost, J"});
  visit("overloaded", self.overloaded, About{.text = "Time above what it may deliver, ns"});
  visit("opened", self.opened, About{.text = "How often a breaker opened"});
}

std::vector<FeedNodeState> initial_feeds(const Distribution& law);

/// What stands at the head of the tree.
struct HeadOfTree {
  double voltage = 1;  // over nominal; 0: nothing
};

/// What feeds a path in an epoch.
struct PathFeed {
  enum class Source : std::uint8_t { none, mains, battery };
  Source source = Source::none;
  double voltage = 0;  // over nominal, behind it
  double sharing = 0;  // W output of its modules at work
  double reserve = 0;  // W output that stands by
  double gap_s = 0;    // without power when its source changed at the epoch's begin
  bool live() const { return source != Source::none; }
};
struct Feeding {
  std::vector<PathFeed> paths;  // [node][path]
  const PathFeed& of(std::size_t node, int path) const {
    return paths[2 * node + static_cast<std::size_t>(path)];
  }
  bool live(std::size_t node) const { return of(node, 0).live() || of(node, 1).live(); }
  /// Voltage and gap at the loads tied to a node: the best of its live paths.
  double voltage(std::size_t node) const;
  double gap_s(std::size_t node) const;
};

/// Who feeds whom in an epoch that begins at `now`. `lost` counts modules out of service by
/// [node][path]; a path with none left is dead, and so is what hangs behind it alone. A second call
/// for the same moment changes nothing, and its gaps are 0.
void feed(const Distribution& law, std::vector<FeedNodeState>& states, const HeadOfTree& head,
          std::span<const std::int32_t> lost, sim::Time now, const ElectricalParameters& electrical,
          Feeding& feeding);

/// The next moment at which the feeding changes by itself: a load returns to its source, batteries
/// run empty.
sim::Time next_feed_change(const Distribution& law, const std::vector<FeedNodeState>& states,
                           const ElectricalParameters& electrical, sim::Time now);

/// A breaker that opened.
struct Opened {
  std::size_t node = 0;
  int path = 0;
  double after_s = 0;  // since the epoch's begin
  double load = 0;     // over its rated current
};

/// Work space of an epoch; kept between epochs. Sums are over nodes in their order.
struct DistributionFlow {
  std::vector<double> output;  // W, [bin][node][path]
  std::vector<double> lost;    // W, [bin][node], those of batteries included
  std::vector<double> stored;  // W, [bin]: growth of what batteries hold
  std::vector<double> meter;   // W, [bin]: drawn at the head
  std::vector<Opened> opened;
  std::vector<double> at_node;  // work space: [node][bin]

  void begin(const Distribution& law, int bins);
  double& at(std::size_t nodes, int bin, std::size_t node, int path) {
    return output[2 * (static_cast<std::size_t>(bin) * nodes + node) +
                  static_cast<std::size_t>(path)];
  }
};

/// Adds what a load tied to a node draws in a sub-step: half from each path if both live.
void add_load(const Distribution& law, const Feeding& feeding, DistributionFlow& flow, int bin,
              std::int32_t node, double watt);

/// Adds what racks draw, [rack][bin], to every bin. Sums are made in the order of racks.
void add_racks(const Distribution& law, const Feeding& feeding, DistributionFlow& flow, int bins,
               std::span<const double> input);

/// From the racks up to what feeds all; their loads have been added. What the branch loses
/// (W, a sub-step's) goes into the air of its rooms.
double flow_it(const Distribution& law, std::vector<FeedNodeState>& states, const Feeding& feeding,
               DistributionFlow& flow, int bin, double dt);

/// The rest, with what the plant draws: up to the meter.
void flow_rest(const Distribution& law, std::vector<FeedNodeState>& states, const Feeding& feeding,
               DistributionFlow& flow, int bin, double mechanical_w, double dt);

/// Whether the plant's drives have power.
bool plant_fed(const Distribution& law, const Feeding& feeding);

/// Breakers, peaks and overloads of a sub-step of `dt` seconds that begins `after_s` after the
/// epoch's begin. Says whether any node delivered more than it may.
bool watch(const Distribution& law, std::vector<FeedNodeState>& states, const Feeding& feeding,
           DistributionFlow& flow, int bin, double after_s, sim::Time dt);

}  // namespace mw::models
