#include "models/site/rack_switches.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "models/inference/switching.hpp"
#include "sim/index.hpp"

namespace mw::models {
namespace {

using sim::idx;

/// At the rack's input beside its GPUs, all of them and the hosts idle.
double idle_rest_w(const SiteRacks& racks) {
  const double gpus = racks.idle_gpu_w() * racks.rack.gpus();
  const RackPower p = rack_step(racks.law, {.gpu_w = gpus});
  return std::max(0.0, p.input - gpus);
}

/// By rack of the site: whether replicas in it are to drain.
std::vector<char> draining_racks(const SiteState& state, const SiteParameters& site) {
  std::vector<char> racks(idx(site.rack_count()), 0);
  for (std::size_t b = 0; b < site.switch_racks.size(); ++b)
    racks[idx(site.switch_racks[b])] = state.parked[b].effective > 0.5 ? 1 : 0;
  return racks;
}

/// By rack: whether all its replicas have drained.
std::vector<char> drained_racks(const SiteState& state, const SiteParameters& site) {
  std::vector<char> racks(idx(site.rack_count()), 1);
  for (const GpuGroup& g : state.allocation)
    if (g.use == GpuUse::serving) {
      const ReplicaState& replica = state.pods[idx(g.pod)].replicas[idx(g.replica)];
      if (replica.off == Outage::none && !is_drained(state.pods[idx(g.pod)], idx(g.replica)))
        racks[idx(g.rack)] = 0;
    }
  return racks;
}

void drain(SiteState& state, const SiteParameters& site, const std::vector<char>& racks) {
  for (PodState& pod : state.pods)
    for (ReplicaState& replica : pod.replicas) replica.draining = false;
  for (const GpuGroup& g : state.allocation)
    if (g.use == GpuUse::serving && racks[idx(g.rack)] != 0)
      state.pods[idx(g.pod)].replicas[idx(g.replica)].draining = true;
  // A pod's share of the requests is its share of the replicas in service; with none, of all.
  for (std::size_t s = 0; s < site.services.size(); ++s) {
    std::vector<std::int32_t> ends;
    std::int32_t sum = 0;
    bool all = true;
    for (int i = 0; i < site.services[s].pods; ++i) {
      const PodState& pod = state.pods[idx(site.services[s].first_pod + i)];
      for (const ReplicaState& replica : pod.replicas) {
        const bool in = !replica.draining;
        sum += in ? 1 : 0;
        all = all && in;
      }
      ends.push_back(sum);
    }
    if (all || sum == 0) ends.clear();
    state.fronts[s].pod_ends = std::move(ends);
  }
}

constexpr std::uint32_t shed_effective = 2, parked_effective = 3;  // kinds of control transitions

bool advance_all(std::vector<sim::SetPointState>& points, const SiteParameters& site,
                 std::uint32_t kind, sim::Time now, sim::TraceHash& hash) {
  bool changed = false;
  for (std::size_t b = 0; b < points.size(); ++b) {
    const double before = points[b].effective;
    sim::advance(points[b], site.switch_law, now);
    if (points[b].effective == before) continue;
    changed = true;
    hash.fold(now, kind, b, points[b].effective > 0.5 ? 1 : 0);
  }
  return changed;
}

}  // namespace

void wire_switches(SiteParameters& site) {
  if (site.cohort.on()) return;
  site.switch_law = {.object = "rack",
                     .quantity = "off",
                     .unit = "1",
                     .min = 0,
                     .max = 1,
                     .quantum = 1,
                     .latency = site.control.actuation};
  std::vector<std::int32_t> of_rack(idx(site.rack_count()), -1);
  std::vector<std::int32_t> domain;
  std::vector<Milliwatts> least;
  for (std::size_t i = 0; i < site.limits.size(); ++i) {
    const std::int32_t r = site.steered_racks[i];
    if (of_rack[idx(r)] < 0) {
      of_rack[idx(r)] = static_cast<std::int32_t>(site.switch_racks.size());
      site.switch_racks.push_back(r);
      domain.push_back(site.steered.tree.groups[i].domain);
      least.push_back(0);
    }
    const std::int32_t b = of_rack[idx(r)];
    site.steered.rack_of_group.push_back(b);
    least[idx(b)] += site.steered.tree.groups[i].least;
  }
  for (std::size_t b = 0; b < site.switch_racks.size(); ++b) {
    const SiteRacks& racks = site.group(site.switch_racks[b]);
    const double rated = racks.rack.gpus() * racks.rack.gpu.value.tdp.value.value;
    const double idle = idle_rest_w(racks);
    site.steered.racks.push_back(
        {.domain = domain[b],
         .least = least[b],
         .rest_least_w = idle,
         .rest_most_w = std::max(idle, racks.rack.design_power.value.value - rated),
         .starts = racks.rack.storage.restart.ns});
  }
}

void start_switches(SiteState& state, const SiteParameters& site) {
  state.parked.assign(site.switch_racks.size(), sim::initial_set_point(0));
  state.shed.assign(site.switch_racks.size(), sim::initial_set_point(0));
  state.steering.switches = site.initial_switches;
  for (std::size_t b = 0; b < site.initial_switches.size(); ++b)
    if (site.initial_switches[b].shed) {
      state.shed[b] = sim::initial_set_point(1);
      state.rack_states[idx(site.switch_racks[b])].set(OffCause::shed, true);
      ++state.totals.shed_racks;
    }
}

void ask_switches(SiteState& state, const SiteParameters& site) {
  for (std::size_t b = 0; b < state.steering.switches.size(); ++b) {
    const double value = state.steering.switches[b].shed ? 1 : 0;
    if (value != state.shed[b].requested)
      sim::request(state.shed[b], site.switch_law, state.now, value);
  }
}

void turn_switches(SiteState& state, const SiteParameters& site, SiteEpoch& epoch) {
  advance_all(state.shed, site, shed_effective, state.now, state.control_hash);
  if (advance_all(state.parked, site, parked_effective, state.now, state.control_hash))
    drain(state, site, draining_racks(state, site));
  const bool parks = std::any_of(state.parked.begin(), state.parked.end(),
                                 [](const auto& p) { return p.effective > 0.5; });
  const std::vector<char> drained = parks ? drained_racks(state, site) : std::vector<char>{};
  int shed = 0, parked = 0, starting = 0, working = 0;
  for (std::size_t b = 0; b < state.shed.size(); ++b) {
    RackState& rack = state.rack_states[idx(site.switch_racks[b])];
    const bool sheds = state.shed[b].effective > 0.5, parking = state.parked[b].effective > 0.5;
    if (sheds && !rack.off_for(OffCause::shed)) {
      rack.set(OffCause::shed, true);
      ++shed;
    }
    if (parking && !rack.off_for(OffCause::parked) && drained[idx(site.switch_racks[b])]) {
      rack.set(OffCause::parked, true);
      ++parked;
    }
    if (sheds || parking) {
      // A rack that only drains starts, or works, on.
      if (sheds || rack.off_for(OffCause::parked)) rack.wakes = -1;
      continue;
    }
    if (!rack.off_for(OffCause::shed) && !rack.off_for(OffCause::parked)) continue;
    if (rack.wakes < 0) {
      rack.wakes = state.now + site.group(site.switch_racks[b]).rack.storage.restart.ns;
      ++starting;
    }
    if (state.now < rack.wakes) continue;
    rack.wakes = -1;
    rack.set(OffCause::shed, false);
    rack.set(OffCause::parked, false);
    ++working;
  }
  state.totals.shed_racks += shed;
  state.totals.woken_racks += starting;
  const auto note = [&](int racks, const char* kind) {
    if (racks > 0)
      epoch.notes.push_back(
          {state.now, kind, "site", fmt::format("{} rack{}", racks, racks == 1 ? "" : "s")});
  };
  note(shed, "racks_shed");
  note(parked, "racks_parked");
  note(starting, "racks_starting");
  note(working, "racks_started");
}

sim::Time next_switch(const SiteState& state) {
  sim::Time next = std::numeric_limits<sim::Time>::max();
  for (const auto* points : {&state.shed, &state.parked})
    for (const auto& point : *points) next = std::min(next, sim::next_effect(point));
  for (const RackState& rack : state.rack_states)
    if (rack.wakes > state.now) next = std::min(next, rack.wakes);
  return next;
}

std::vector<std::uint8_t> racks_out(const SiteState& state, const SiteParameters& site) {
  std::vector<std::uint8_t> out(site.switch_racks.size(), 0);
  for (std::size_t b = 0; b < out.size(); ++b)
    out[b] = state.parked[b].requested > 0.5 &&
                     state.rack_states[idx(site.switch_racks[b])].off_for(OffCause::parked)
                 ? 1
                 : 0;
  return out;
}

}  // namespace mw::models
