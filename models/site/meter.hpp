#pragma once
#include <span>

#include "models/site/epoch.hpp"

// The electrical tree on the sub-grid.
namespace mw::models {

/// From the racks' inputs up through their branch. Its losses warm electrical rooms, which the air
/// side cools: W, mean of the epoch.
double distribute(SiteState& state, const SiteParameters& site, SiteEpoch& epoch, int bins);

/// The rest of the tree with the plant's power, up to the meter, by sub-step: held against the
/// envelope and published; breakers and overloads are looked at.
void meter(SiteState& state, const SiteParameters& site, SiteEpoch& epoch,
           std::span<const double> gpu_w, bool plant_is_fed);

}  // namespace mw::models
