#pragma once
#include <vector>

#include "models/site/epoch.hpp"

// Who feeds whom: what changes in the electrical tree, and which racks go dark or work again, at an
// epoch's boundary.
namespace mw::models {

std::vector<RackFeedState> initial_rack_feeds(const SiteParameters& site);

/// The turn of the supply at `state.now`: events, generators, batteries, breakers, racks. A second
/// call for the same moment changes nothing. What happened is added to `notes`, if there are some.
/// Says whether any rack went dark or works again.
bool turn_power(SiteState& state, const SiteParameters& site, Feeding& feeding,
                std::vector<SiteNote>* notes);

/// When the supply changes by itself: batteries and stores run empty, loads return, generators
/// start, racks have restarted.
sim::Time next_power_change(const SiteState& state, const SiteParameters& site);

/// Whether the rack has voltage at its input that its supplies can work with.
bool rack_is_fed(const SiteParameters& site, const SiteState& state, const Feeding& feeding,
                 int rack);

/// Problems of events that name parts of the electrical chain, with `events[i]` before each place.
void check_power_events(const SiteParameters& site, sim::Problems& problems);

}  // namespace mw::models
