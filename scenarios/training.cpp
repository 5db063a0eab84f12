#include "scenarios/training.hpp"

#include <fmt/format.h>

#include "models/training/plan.hpp"
#include "scenarios/build_problems.hpp"

namespace mw::scenarios {

void check(const TrainingPlan& plan, sim::Problems& problems) {
  const auto& rack = plan.rack.value;
  if (rack.gpus() == 0) {
    problems.add("rack", "has no GPUs", "name a rack with GPUs; `millwright catalog racks`");
    return;
  }
  const auto& gpu = rack.gpu.value;
  if (plan.gpu_limit && !(plan.gpu_limit->value >= gpu.min_power_limit.value.value &&
                          plan.gpu_limit->value <= gpu.tdp.value.value))
    problems.add("gpu_limit",
                 fmt::format("is {:g} W, which the driver does not accept", plan.gpu_limit->value),
                 fmt::format("write {:g} W to {:g} W", gpu.min_power_limit.value.value,
                             gpu.tdp.value.value));
}

models::TrainingSetup training_setup(const Document<TrainingPlan>& document) {
  const TrainingPlan& plan = document.value;
  models::TrainingSetup setup;
  setup.gpu = plan.rack.value.gpu.value;
  setup.llm = plan.model.value;
  setup.stack = plan.stack.value;
  setup.job = plan.training;
  setup.domain = plan.rack.value.link_domain;
  setup.gpu_factor = models::gpu_factor(plan.stack.value, plan.rack.value.gpu.name);
  BuildProblems problems(document.origins);
  sim::Problems found;
  found.items = models::plan_problems(setup);
  problems.add("training", found);
  problems.raise_if_any();
  return setup;
}

}  // namespace mw::scenarios
