#pragma once
#include "models/site/epoch.hpp"
#include "models/site/rack_sums.hpp"

// Where the heat goes, and how warm the chips get.
namespace mw::models {

/// The set point of the coolant: never nearer to the dew point of the air around the racks than the
/// plant's margin.
sim::Temperature guarded_supply(const SiteParameters& site, const Weather& weather);

/// The plant and the chips under the epoch's mean heat and the weather at its end. Without power a
/// plant that is followed in time stands still.
void cool(SiteState& state, const SiteParameters& site, const RackSums& mean, bool plant_is_fed,
          SiteEpoch& epoch);

/// The plant has no power: its pumps, fans and chillers draw none. What then becomes of the heat is
/// not followed: it is taken to be borne by what the loops hold.
void stop_plant(SiteEpoch& epoch);

/// What one GPU of each rack leaks in the next epoch, from its junction in this one: whole watts,
/// so that limits need not move with every ripple. Says whether any changed.
bool leak(SiteState& state, const SiteParameters& site, const SiteEpoch& epoch);

/// What chips that are too hot do about it in the next epoch, and which racks are isolated.
void throttle(SiteState& state, const SiteParameters& site, const SiteEpoch& epoch);

}  // namespace mw::models
