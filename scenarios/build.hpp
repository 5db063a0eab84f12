#pragma once
#include <filesystem>

#include "models/site/site.hpp"
#include "scenarios/reader.hpp"
#include "scenarios/scenario.hpp"

namespace mw::scenarios {

/// The site that a scenario describes: racks in a row, replicas placed, step tables built, plant
/// and electrical chain sized for the racks' design power, traces read (relative to `base`). Throws
/// InputProblems when the parts do not fit together: a model that no replica can hold, more
/// replicas than GPUs, a group of racks that is not there.
models::SiteParameters build_site(const Document<Scenario>& document,
                                  const std::filesystem::path& base);

}  // namespace mw::scenarios
