#pragma once
#include <string>
#include <vector>

#include "models/site/site.hpp"
#include "scenarios/build_problems.hpp"
#include "scenarios/scenario.hpp"

namespace mw::scenarios {

/// Gives the job the first racks that are free among the groups it may use, whole ones, and adds it
/// to the site. `taken` is by rack; `rows` are those of the allocation.
void add_job(models::SiteParameters& site, const TrainingBlock& block, const std::string& path,
             const std::vector<bool>& groups, std::vector<bool>& taken,
             std::vector<models::GpuGroup>& rows, BuildProblems& problems);

}  // namespace mw::scenarios
