#include "models/control/power_steering.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "sim/index.hpp"

namespace mw::models {
namespace {

using sim::idx;

int ranks_of(const PolicyLaw& law, const SteeredPower& power) {
  if (!law.ranks) return 1;
  return std::clamp(static_cast<int>(power.given_rank.size()) + 1, 2, int{most_ranks});
}

SteeringState::Asked asked_nothing(std::int32_t devices, const sim::SetPointParameters& range) {
  const double step = range.quantum > 0 ? range.quantum : 1e-3;
  return {-1, 1e-3 / (devices * step), step, range.min, range.max};
}

/// Limits that have moved by a step or more are asked for. Set-points of a large site lie far apart
/// in memory: they are called for some turns before they are needed.
void ask(SteeringState& state, std::span<const sim::SetPointParameters> ranges,
         std::span<sim::SetPointState> limits, sim::Time now) {
  struct Move {
    std::int32_t group;
    double value;
  };
  std::vector<Move> moves;
  const auto granted = state.allocation.granted();
  for (const std::int32_t group : state.allocation.regranted()) {
    auto& asked = state.asked[idx(group)];
    // Rounded down, and up only where the product of an exact share is a hair below it.
    const double steps =
        std::floor(static_cast<double>(granted[idx(group)]) * asked.steps_per_mw + 1e-9);
    if (steps == asked.steps) continue;
    asked.steps = steps;
    moves.push_back({group, std::clamp(steps * asked.step_w, asked.min, asked.max)});
  }
  constexpr std::size_t ahead = 12;
  for (std::size_t i = 0; i < moves.size(); ++i) {
    if (i + ahead < moves.size()) {
      const auto next = idx(moves[i + ahead].group);
      __builtin_prefetch(&limits[next].requested);
      __builtin_prefetch(&limits[next].refusals);
      __builtin_prefetch(&ranges[next].min);
      __builtin_prefetch(&ranges[next].ramp);
    }
    const auto& [group, value] = moves[i];
    // Asking again for what already holds would only fill the queue of pending requests.
    if (value != limits[idx(group)].requested)
      sim::request(limits[idx(group)], ranges[idx(group)], now, value);
  }
}

/// Rooms follow their readings down at once, and up in steps of this share of the budget: a meter's
/// ripple need not move every limit of the site.
constexpr double deadband = 1e-3;

Milliwatts signed_milliwatts(double w) {
  return w < 0 ? -milliwatts(-w) : milliwatts(w);
}

/// By domain: the rooms as readings tell them, without what is held back and without the deadband,
/// and whether this is not the first excursion in a row.
struct PlainRooms {
  std::vector<Milliwatts> rooms;
  std::vector<char> goes_on;
};
PlainRooms update_rooms(const PowerControlParameters& p, const SteeredPower& power,
                        const SteeringReadings& readings, SteeringState& state,
                        SteeringResult& result) {
  PlainRooms plain{state.rooms, std::vector<char>(power.tree.domains(), 0)};
  for (std::size_t v = 0; v < power.tree.domains(); ++v) {
    const double budget = readings.budgets_w[v];
    if (!std::isfinite(budget)) {
      state.rooms[v] = plain.rooms[v] = unlimited;
      continue;
    }
    const DomainReading& r = readings.domains[v];
    if (!r.known) continue;
    const double k = power.domain_per_gpu_watt[v];
    double& held = state.held_back[v];
    // What an earlier decision promised is what can be broken: not a budget that is new.
    if (r.power_w > std::max(state.promised_w[v], budget)) {
      plain.goes_on[v] = held >= 1 ? 1 : 0;
      held += (r.power_w - budget * (1 - p.guard_band)) / k;
      ++result.excursions;
    } else {
      held = held < 1 ? 0 : held / 2;
    }
    // Below zero where what does not follow the GPUs is above the budget alone: shedding asks by
    // how much.
    const double room_now = room_w(budget, p.guard_band, k, r);
    plain.rooms[v] = signed_milliwatts(room_now);
    const Milliwatts room = signed_milliwatts(room_now - held);
    if (room < state.rooms[v] || room > state.rooms[v] + milliwatts(deadband * budget / k))
      state.rooms[v] = room;
    state.promised_w[v] = budget;
  }
  return plain;
}

/// Devices may draw more than the least that they accept. Where an excursion goes on although all
/// limits of a domain are at their least, what its GPUs draw is the least there is.
void see_least(const SteeredPower& power, const SteeringReadings& readings,
               std::span<const sim::SetPointParameters> ranges,
               std::span<const sim::SetPointState> limits, const SteeringState& state,
               PlainRooms& plain) {
  if (std::none_of(plain.goes_on.begin(), plain.goes_on.end(), [](char on) { return on != 0; }))
    return;
  std::vector<Milliwatts> least(power.tree.domains(), 0);
  for (std::size_t i = 0; i < limits.size(); ++i) {
    if (state.wants[i].off()) continue;
    const ResourceGroup& g = power.tree.groups[i];
    for (auto v = g.domain; v >= 0; v = power.tree.parent[idx(v)]) {
      least[idx(v)] += g.least;
      if (limits[i].effective > ranges[i].min) plain.goes_on[idx(v)] = 0;
    }
  }
  for (std::size_t v = 0; v < least.size(); ++v)
    if (plain.goes_on[v])
      plain.rooms[v] -= std::max<Milliwatts>(0, milliwatts(readings.domains[v].gpus_w) - least[v]);
}

/// Groups whose wants may change; all of them where ranks have, or nothing is known of before.
void pick_news(const PolicyLaw& law, const PolicyView& view, bool first, SteeringState& state) {
  auto ranks = law.ranks ? service_ranks(view) : std::vector<std::int32_t>{};
  const bool all = first || !law.news || ranks != state.ranks;
  state.ranks = std::move(ranks);
  if (all && state.news.size() == state.wants.size()) return;
  state.news.clear();
  if (!all) return law.news(view, state.wants, state.news);
  state.news.resize(state.wants.size());
  std::iota(state.news.begin(), state.news.end(), 0);
}

/// Groups of racks that are off want nothing.
void leave_out_off(const SteeredPower& power, const SteeringReadings& readings, bool all,
                   SteeringState& state) {
  if (power.racks.empty()) return;
  const auto is_off = [&](std::size_t b) {
    return state.switches[b].shed || (!readings.out.empty() && readings.out[b] != 0);
  };
  bool any = false;
  for (std::size_t b = 0; b < power.racks.size() && !any; ++b) any = is_off(b);
  if (!any) return;
  for (std::size_t i = 0; i < state.wants.size(); ++i) {
    if (!is_off(idx(power.rack_of_group[i]))) continue;
    state.wants[i].power = -1;
    if (!all) state.news.push_back(static_cast<std::int32_t>(i));
  }
}

}  // namespace

double room_w(double budget_w, double guard_band, double per_gpu_watt,
              const DomainReading& reading) {
  const double rest = reading.power_w - per_gpu_watt * reading.gpus_w;
  return (budget_w * (1 - guard_band) - rest) / per_gpu_watt;
}

SteeringResult steering_step(const PowerControlParameters& p, const SteeredPower& power,
                             const SteeringReadings& readings, SteeringState& state,
                             std::span<const sim::SetPointParameters> ranges,
                             std::span<sim::SetPointState> limits, sim::Time now) {
  SteeringResult result;
  const PolicyLaw* law = law_of(p.policy);
  const std::size_t groups = power.tree.groups.size();
  if (!law || groups == 0) return result;
  // Without any reading of the site nothing is known yet: what the design allowed stays.
  if (state.rooms.empty()) {
    if (!readings.domains[0].known) return result;
    state.rooms.assign(power.tree.domains(), unlimited);
    state.held_back.assign(power.tree.domains(), 0);
    state.promised_w.assign(power.tree.domains(), std::numeric_limits<double>::infinity());
    state.wants.assign(groups, {});
  }
  state.switches.resize(power.racks.size());
  PlainRooms plain = update_rooms(p, power, readings, state, result);
  if (!power.racks.empty()) see_least(power, readings, ranges, limits, state, plain);
  const PolicyView view{p.how,
                        power.tree.groups,
                        readings.groups,
                        power.service,
                        power.given_rank,
                        readings.services,
                        {readings.client, sim::to_seconds(now), power.group_names,
                         power.service_names, power.devices, state.rooms}};
  const bool first = state.allocation.empty();
  if (first) {
    state.allocation =
        PowerAllocation(power.tree, ranks_of(*law, power), law->headroom, grain_of(p.how, groups));
    state.asked.clear();
    for (std::size_t i = 0; i < groups; ++i)
      state.asked.push_back(asked_nothing(power.devices[i], ranges[i]));
  }
  pick_news(*law, view, first, state);
  law->want(view, state.news, state.wants);
  // Those of racks that come back are new to policies that look at changes alone.
  const std::vector<Milliwatts> rooms = shed({p, power.tree, power.racks, power.rack_of_group,
                                              power.domain_per_gpu_watt, readings.out, now},
                                             view, plain.rooms, state.rooms, state.switches);
  leave_out_off(power, readings, state.news.size() == groups, state);
  state.allocation.allocate(power.tree, rooms, state.wants, state.news);
  result.below_least = state.allocation.shed_devices(power.devices);
  ask(state, ranges, limits, now);
  return result;
}

InitialLimits initial_steered_limits(const PowerControlParameters& p, const SteeredPower& power,
                                     std::span<const double> budgets_w,
                                     std::span<const DomainReading> design,
                                     std::span<const sim::SetPointParameters> ranges) {
  SteeringState state;
  std::vector<sim::SetPointState> limits;
  for (const auto& range : ranges) limits.push_back(sim::initial_set_point(range.max));
  std::vector<sim::SetPointParameters> at_once(ranges.begin(), ranges.end());
  for (auto& range : at_once) range.latency = {};
  const std::vector<GroupReading> none(power.tree.groups.size());
  const std::vector<ServiceReading> services(power.given_rank.size());
  steering_step(p, power, {budgets_w, design, none, services, {}}, state, at_once, limits, 0);
  InitialLimits initial;
  for (const auto& limit : limits) initial.w.push_back(limit.requested);
  initial.switches = state.switches;
  return initial;
}

}  // namespace mw::models
