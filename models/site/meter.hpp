#pragma once
#include <span>

#include "models/site/epoch.hpp"
#include "models/site/rack_sums.hpp"

// The electrical chain on the sub-grid.
namespace mw::models {

/// Losses of the IT branch warm electrical rooms, which the air side cools: W, mean of the epoch.
double room_heat(const SiteParameters& site, const SiteEpoch& epoch,
                 std::span<const RackSums> racks);

/// Power at the meter by sub-step, held against the envelope and published.
void meter(SiteState& state, const SiteParameters& site, SiteEpoch& epoch,
           std::span<const RackSums> racks, std::span<const double> gpu_w);

}  // namespace mw::models
