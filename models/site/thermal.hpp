#pragma once
#include "models/site/epoch.hpp"
#include "models/site/rack_sums.hpp"

// Where the heat goes, and how warm the chips get.
namespace mw::models {

/// The plant and the chips under the epoch's mean heat and the weather at its end.
void cool(const SiteParameters& site, const RackSums& mean, SiteEpoch& epoch);

/// The plant has no power: its pumps, fans and chillers draw none. What then becomes of the heat is
/// not followed: it is taken to be borne by what the loops hold.
void stop_plant(SiteEpoch& epoch);

/// What one GPU of each rack leaks in the next epoch, from its junction in this one: whole watts,
/// so that limits need not move with every ripple. Says whether any changed.
bool leak(SiteState& state, const SiteParameters& site, const SiteEpoch& epoch);

}  // namespace mw::models
