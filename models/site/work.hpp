#pragma once
#include "models/site/epoch.hpp"

// What the site's pods do in an epoch.
namespace mw::models {

/// Draws requests and lets all pods advance to the epoch's end; its services' counts are filled.
void work(SiteState& state, const SiteParameters& site, sim::ThreadPool& pool, SiteEpoch& epoch);

/// Latencies that the threads counted, into the epoch's and the state's.
void collect_latencies(SiteState& state, SiteEpoch& epoch);

}  // namespace mw::models
