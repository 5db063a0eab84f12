#pragma once
#include <vector>

#include "models/site/site.hpp"
#include "models/site/summary.hpp"

namespace mw::models {

/// The electrical tree's part of the site's metrics: PUE where it is measured elsewhere or of one
/// part alone, losses, what is stranded, breakers.
void add_electrical_metrics(std::vector<Metric>& metrics, const SiteParameters& site,
                            const SiteState& state);

}  // namespace mw::models
