#include "models/site/faults.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sim/index.hpp"

namespace mw::models {

using sim::idx;

namespace {

/// What is out of a number of equal things: `fresh` have just failed, for the `lasting` others what
/// stands by has taken over.
struct Out {
  int fresh = 0, lasting = 0;
  int of(int spare) const { return fresh + std::max(0, lasting - spare); }
};

}  // namespace

PlantFaults faults_at(const SiteParameters& site, sim::Time now) {
  PlantFaults faults;
  if (!site.plant.on()) return faults;
  const LoopsParameters& plant = site.cooling.loops;
  const sim::Time takeover = sim::from_seconds(plant.takeover.value);
  std::vector<Out> cdus(site.plant.loops.size());
  Out fws_pumps;
  const auto at_loop = [&](int l) -> LoopFaults& {
    faults.loops.resize(site.plant.loops.size());
    return faults.loops[idx(l)];
  };
  for (std::size_t i = 0; i < site.events.size(); ++i) {
    const EventParameters& event = site.events[i];
    if (!holds(event, now)) continue;
    const bool fresh = now - event.at.ns < takeover;
    switch (event.kind) {
      case EventKind::heat_wave:
      case EventKind::utility_dip:
      case EventKind::feed_loss:
      case EventKind::unit_loss:
      case EventKind::power_limit:
        break;
      case EventKind::pump_trip:
        if (!event.loop)
          (fresh ? fws_pumps.fresh : fws_pumps.lasting) += event.count;
        else if (fresh)
          cdus[idx(*event.loop)].fresh += event.count;
        else if (plant.spare_pumps == 0)
          cdus[idx(*event.loop)].lasting += event.count;
        break;
      case EventKind::cdu_loss:
        (fresh ? cdus[idx(*event.loop)].fresh : cdus[idx(*event.loop)].lasting) += event.count;
        break;
      case EventKind::fans_out:
        faults.fans_out = 1 - (1 - faults.fans_out) * (1 - *event.share);
        break;
      case EventKind::valve_stuck:
        at_loop(*event.loop).valve = *event.share;
        break;
      case EventKind::fouling:
        for (int l = 0; l < static_cast<int>(site.plant.loops.size()); ++l)
          if (!event.loop || *event.loop == l) at_loop(l).conductance *= 1 - *event.share;
        break;
      case EventKind::leak:
        faults.isolated.resize(idx(site.rack_count()), 0);
        for (const std::int32_t r : site.event_racks[i]) faults.isolated[idx(r)] = 1;
        break;
    }
  }
  for (std::size_t l = 0; l < cdus.size(); ++l)
    if (const int out = cdus[l].of(plant.spare_cdus); out > 0)
      at_loop(static_cast<int>(l)).cdus_out = std::min(out, site.plant.loops[l].cdus);
  faults.fws_pumps_out = std::min(fws_pumps.of(plant.fws_spare_pumps), plant.fws_pumps);
  return faults;
}

void stop_all(const SiteParameters& site, PlantFaults& faults) {
  faults.loops.resize(site.plant.loops.size());
  for (std::size_t l = 0; l < faults.loops.size(); ++l)
    faults.loops[l].cdus_out = site.plant.loops[l].cdus;
  faults.fws_pumps_out = site.cooling.loops.fws_pumps;
  faults.fans_out = 1;
}

void check_plant_events(const SiteParameters& site, sim::Problems& problems) {
  const auto loops = static_cast<int>(site.plant.loops.size());
  for (std::size_t i = 0; i < site.events.size(); ++i) {
    const EventParameters& event = site.events[i];
    if (!of_plant(event.kind)) continue;
    const auto at = [&](const char* key) { return fmt::format("events[{}].{}", i, key); };
    if (!site.plant.on()) {
      problems.add(
          at("kind"), "befalls a plant that is not followed in time",
          "write `site.cooling.dynamics: on` with a physics step of at most 1 min, and racks "
          "with coolant");
      continue;
    }
    if (event.loop && *event.loop >= loops)
      problems.add(at("loop"), fmt::format("there are {} loops of racks, counted from 0", loops),
                   fmt::format("write at most {}", loops - 1));
  }
}

}  // namespace mw::models
