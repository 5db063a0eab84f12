#pragma once
#include "models/site/epoch.hpp"

// The site as placement knows it: units of racks, what a replica can carry, what a watt costs
// where.
namespace mw::models {

/// Units, capacities and points. Switches (rack_switches.hpp) are wired, and site.placing.p is
/// there.
void wire_placement(SiteParameters& site);

/// The epoch's readings: arrivals and latencies of services, costs of groups of racks.
void publish_placement(SiteState& state, const SiteParameters& site, const SiteEpoch& epoch);

/// Placement's turn, if it is due.
void place(SiteState& state, const SiteParameters& site);

}  // namespace mw::models
