#pragma once
#include "models/site/epoch.hpp"
#include "models/site/rack_sums.hpp"

namespace mw::models {

/// The epoch's energy into the ledger and the totals. GPU energy by purpose is exact, in nanojoules
/// from the engines; what compute racks hold beside GPUs that work follows those GPUs' split
/// between prefill and decode.
void book(SiteState& state, const SiteParameters& site, SiteEpoch& epoch, const RackSums& mean);

}  // namespace mw::models
