#pragma once
#include <vector>

#include "models/site/epoch.hpp"
#include "models/site/rack_sums.hpp"

// From the pods' energy to the racks' power.
namespace mw::models {

/// Powers of the racks on the sub-grid, and of the GPUs whose power controllers can move.
struct RackWatts {
  std::vector<RackSums> racks;  // by sub-step
  std::vector<double> gpu_w;    // the same
};
/// Fills also the per-rack means of the epoch, and moves what racks store.
RackWatts rack_watts(SiteState& state, const SiteParameters& site, sim::ThreadPool& pool,
                     SiteEpoch& epoch, int bins);

}  // namespace mw::models
