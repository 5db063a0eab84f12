#include "models/site/power_turn.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "sim/index.hpp"

namespace mw::models {
namespace {

using sim::idx;

constexpr sim::Time never = std::numeric_limits<sim::Time>::max();

/// The utility's voltage over nominal.
double utility_voltage(const SiteParameters& site, sim::Time now) {
  double voltage = 1;
  for (const auto& event : site.events)
    if (event.kind == EventKind::utility_dip && holds(event, now))
      voltage = std::min(voltage, *event.voltage);
  return voltage;
}

/// Modules out of service by [node][path].
std::vector<std::int32_t> lost_modules(const SiteParameters& site, sim::Time now) {
  const auto& law = site.distribution;
  std::vector<std::int32_t> lost(2 * law.nodes.size(), 0);
  for (const auto& event : site.events) {
    const bool feed = event.kind == EventKind::feed_loss;
    if ((!feed && event.kind != EventKind::unit_loss) || !holds(event, now)) continue;
    for (std::size_t n = 0; n < law.nodes.size(); ++n) {
      const DistributionNode& node = law.nodes[n];
      if (feed
              ? node.paths < 2
              : law.stage_of(node).name != *event.stage || (event.unit && node.unit != *event.unit))
        continue;
      for (int p = 0; p < node.paths; ++p) {
        if (event.feed && static_cast<int>(*event.feed) != p) continue;
        // A block that stands by is a module too.
        const int all = node.modules + (node.reserve > 0 ? 1 : 0);
        std::int32_t& out = lost[2 * n + idx(p)];
        out = std::min(all, out + event.modules.value_or(all));
      }
    }
  }
  return lost;
}

/// How long a rack without power still works; `never` while it has power or is off.
sim::Time ride_of(const SiteState& state, const SiteParameters& site, int rack) {
  const RackFeedState& feed = state.rack_feeds[idx(rack)];
  const double seconds = ride_time(site.group(rack).store, feed.stored_j, feed.watt);
  return seconds > 1e9 ? never : std::max(sim::Time{0}, sim::from_seconds(seconds));
}

/// The next moment at which power may be back.
sim::Time next_relief(const SiteState& state, const SiteParameters& site) {
  return std::min({next_change(site.events, state.now),
                   next_supply_change(site.electrical.generator, state.supply)});
}

/// Voltage at a rack's input over nominal.
double rack_voltage(const SiteParameters& site, const SiteState& state, const Feeding& feeding,
                    int rack) {
  const std::int32_t node = site.distribution.node_of_rack[idx(rack)];
  if (node >= 0) return feeding.voltage(idx(node));
  return state.supply.on_generator ? 1 : utility_voltage(site, state.now);
}

void note_paths(const SiteParameters& site, const std::vector<FeedNodeState>& before,
                const SiteState& state, std::vector<SiteNote>& notes) {
  for (std::size_t n = 0; n < before.size(); ++n)
    for (int p = 0; p < site.distribution.nodes[n].paths; ++p) {
      const bool was = before[n].path[idx(p)].on_battery,
                 is = state.feeds[n].path[idx(p)].on_battery;
      const bool empty = state.feeds[n].path[idx(p)].empty && !before[n].path[idx(p)].empty;
      if (was == is && !empty) continue;
      notes.push_back({state.now,
                       empty ? "battery_empty"
                       : is  ? "on_battery"
                             : "off_battery",
                       site.distribution.name_of(n),
                       fmt::format("path {}, {:.1f} kWh left", p == 0 ? 'a' : 'b',
                                   std::max(0.0, state.feeds[n].path[idx(p)].battery_j) / 3.6e6)});
    }
}

/// Racks that lose or regain power.
bool turn_racks(SiteState& state, const SiteParameters& site, const Feeding& feeding, int& dark,
                int& lit) {
  const sim::Time relief = next_relief(state, site);
  for (int r = 0; r < site.rack_count(); ++r) {
    RackFeedState& feed = state.rack_feeds[idx(r)];
    RackState& rack = state.rack_states[idx(r)];
    const bool fed = rack_is_fed(site, state, feeding, r);
    feed.riding = false;
    if (rack.off_for(OffCause::power)) {
      if (!fed) feed.fed_since = -1;
      if (!fed) continue;
      if (feed.fed_since < 0) feed.fed_since = state.now;
      if (state.now < feed.fed_since + site.group(r).rack.storage.restart.ns) continue;
      feed.fed_since = -1;
      rack.set(OffCause::power, false);
      ++lit;
      continue;
    }
    if (!rack.powered()) continue;
    const std::int32_t node = site.distribution.node_of_rack[idx(r)];
    const sim::Time ride = ride_of(state, site, r);
    bool falls = false;
    if (fed)
      falls = node >= 0 && ride < sim::from_seconds(feeding.gap_s(idx(node)));
    else  // rides on to the next sub-step, or until power may be back
      falls = ride < std::min(site.sub_step, relief - state.now);
    feed.riding = !fed && !falls;
    if (!falls) continue;
    rack.set(OffCause::power, true);
    feed.fed_since = -1;
    ++dark;
  }
  return dark + lit > 0;
}

}  // namespace

std::vector<RackFeedState> initial_rack_feeds(const SiteParameters& site) {
  std::vector<RackFeedState> feeds;
  for (int r = 0; r < site.rack_count(); ++r)
    feeds.push_back({site.group(r).store.capacity, site.group(r).rack.design_power.value.value});
  return feeds;
}

bool rack_is_fed(const SiteParameters& site, const SiteState& state, const Feeding& feeding,
                 int rack) {
  const double voltage = rack_voltage(site, state, feeding, rack);
  return voltage > 0 && voltage >= site.distribution.least_rack_voltage;
}

bool turn_power(SiteState& state, const SiteParameters& site, Feeding& feeding,
                std::vector<SiteNote>* notes) {
  const bool generator_before = state.supply.on_generator;
  const auto before = notes ? state.feeds : std::vector<FeedNodeState>{};
  const HeadOfTree head{supply_step(site.electrical.generator, state.supply,
                                    utility_voltage(site, state.now), state.now)};
  feed(site.distribution, state.feeds, head, lost_modules(site, state.now), state.now,
       site.electrical, feeding);
  int dark = 0, lit = 0;
  const bool changed = turn_racks(state, site, feeding, dark, lit);
  state.totals.went_dark += dark;
  if (!notes) return changed;
  if (state.supply.on_generator != generator_before)
    notes->push_back(
        {state.now, state.supply.on_generator ? "on_generator" : "off_generator", "site", ""});
  note_paths(site, before, state, *notes);
  if (dark > 0) notes->push_back({state.now, "racks_dark", "site", fmt::format("{} racks", dark)});
  if (lit > 0) notes->push_back({state.now, "racks_back", "site", fmt::format("{} racks", lit)});
  return changed;
}

sim::Time next_power_change(const SiteState& state, const SiteParameters& site) {
  sim::Time next =
      std::min(next_supply_change(site.electrical.generator, state.supply),
               next_feed_change(site.distribution, state.feeds, site.electrical, state.now));
  for (int r = 0; r < site.rack_count(); ++r) {
    const RackFeedState& feed = state.rack_feeds[idx(r)];
    if (feed.fed_since >= 0)
      next = std::min(next, feed.fed_since + site.group(r).rack.storage.restart.ns);
    // Those that ride on their stores do so for whole sub-steps.
    if (!feed.riding) continue;
    const sim::Time ride = ride_of(state, site, r);
    if (ride < never)
      next =
          std::min(next, state.now + std::max(ride / site.sub_step, sim::Time{1}) * site.sub_step);
  }
  return std::max(next, state.now + 1);
}

void check_power_events(const SiteParameters& site, sim::Problems& problems) {
  const auto& law = site.distribution;
  for (std::size_t i = 0; i < site.events.size(); ++i) {
    const auto& event = site.events[i];
    const std::string at = fmt::format("events[{}]", i);
    if (event.kind == EventKind::feed_loss &&
        std::none_of(law.nodes.begin(), law.nodes.end(),
                     [](const auto& n) { return n.paths == 2; }))
      problems.add(at + ".kind", "no stage of the electrical chain has two feeds",
                   "use a chain with `redundancy: two_n`, such as ac_2n");
    if (event.kind != EventKind::unit_loss) continue;
    const auto stage = std::find_if(law.stages.begin(), law.stages.end(),
                                    [&](const auto& s) { return s.name == *event.stage; });
    if (stage == law.stages.end()) {
      std::string names;
      for (const auto& s : law.stages) names += (names.empty() ? "" : ", ") + s.name;
      problems.add(at + ".stage", fmt::format("there is no stage `{}`", *event.stage),
                   "the chain has " + names);
      continue;
    }
    if (event.unit && *event.unit >= stage->units)
      problems.add(at + ".unit",
                   fmt::format("stage `{}` has {} unit{}", stage->name, stage->units,
                               stage->units == 1 ? "" : "s"),
                   fmt::format("write 0 to {}, or leave it out for all", stage->units - 1));
  }
}

}  // namespace mw::models
