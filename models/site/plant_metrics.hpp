#pragma once
#include <vector>

#include "models/site/site.hpp"
#include "models/site/summary.hpp"

namespace mw::models {

/// The plant's part of the site's metrics: mean powers, hours, chip temperature, heat reuse.
void add_plant_metrics(std::vector<Metric>& metrics, const SiteParameters& site,
                       const SiteState& state);

}  // namespace mw::models
