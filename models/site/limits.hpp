#pragma once
#include "models/site/epoch.hpp"

// Power limits: from the controller through set-points to the engines.
namespace mw::models {

/// The limits in force reach the engines. A replica's limit is the sum over its GPUs, whichever
/// racks they are in, less what leaks there beyond its tables: engines know their GPUs at the
/// reference temperature. One whose GPUs are all at rated power has no limit: the GPUs' own law
/// keeps them there already.
void apply_limits(SiteState& state, const SiteParameters& site);

/// The controller's turn, if it is due; then every limit that has changed by now, whether asked for
/// earlier or at this moment without delay, reaches the engines, and so does changed leakage.
void move_limits(SiteState& state, const SiteParameters& site, SiteEpoch& epoch,
                 bool leakage_changed);

/// GPU power limits in force over rated power.
double limit_share(const SiteState& state, const SiteParameters& site);

}  // namespace mw::models
