#include "scenarios/site_training.hpp"

#include <fmt/format.h>

#include "models/training/plan.hpp"
#include "sim/index.hpp"

namespace mw::scenarios {

using namespace mw::models;
using sim::idx;

void add_job(SiteParameters& site, const TrainingBlock& block, const std::string& path,
             const std::vector<bool>& groups, std::vector<bool>& taken, std::vector<GpuGroup>& rows,
             BuildProblems& problems) {
  std::vector<std::int32_t> free;
  for (int r = 0; r < site.rack_count(); ++r)
    if (groups[idx(site.group_of_rack[idx(r)])] && !taken[idx(r)]) free.push_back(r);
  if (free.empty()) {
    problems.add(path + ".layout.gpus", "finds no rack that is free",
                 "add racks, or let other jobs have fewer");
    return;
  }
  const RackParameters& rack = site.group(free.front()).rack;
  TrainingSetup setup{.gpu = rack.gpu.value,
                      .llm = block.model.value,
                      .stack = block.stack.value,
                      .job = block.layout,
                      .domain = rack.link_domain,
                      .gpu_factor = gpu_factor(block.stack.value, rack.gpu.name)};
  sim::Problems found;
  found.items = plan_problems(setup);
  problems.add(path + ".layout", found);
  if (!found.items.empty()) return;

  std::vector<JobRacks> kinds;
  const auto kind_of = kinds_of_racks(setup, rack.gpus(), rack.link_domain, kinds);
  if (kind_of.size() > free.size()) {
    problems.add(path + ".layout.gpus",
                 fmt::format("takes {} racks, and {} are free", kind_of.size(), free.size()),
                 "add racks, or use fewer GPUs");
    return;
  }
  const auto job = static_cast<std::int32_t>(site.jobs.size());
  for (std::size_t i = 0; i < kind_of.size(); ++i) {
    const JobRacks& kind = kinds[kind_of[i]];
    taken[idx(free[i])] = true;
    rows.push_back({.rack = free[i],
                    .gpus = kind.gpus(),
                    .use = GpuUse::training,
                    .service = job,
                    .replica = static_cast<std::int32_t>(kind_of[i])});
    if (kind.spare_gpus > 0) rows.push_back({.rack = free[i], .gpus = kind.spare_gpus});
  }
  const TrainingStep step = training_step(setup);
  TrainingRunParameters run = block.run;
  run.duration = {sim::to_seconds(site.duration)};
  // Jobs draw from seeds of their own.
  const std::uint64_t seed = site.seed + std::uint64_t{0x9e3779b97f4a7c15} * (1 + site.jobs.size());
  site.jobs.push_back({.name = block.name,
                       .course = job_course(setup, step, kinds,
                                            run_job(run, step.seconds, checkpoint_bytes(setup),
                                                    setup.job.gpus, seed)),
                       .step_tokens = setup.job.step_tokens(),
                       .gpus = setup.job.gpus});
}

}  // namespace mw::scenarios
