#include "scenarios/training.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "models/training/plan.hpp"
#include "scenarios/build_problems.hpp"

namespace mw::scenarios {

void check(const JobPowerBlock& power, sim::Problems& problems) {
  for (std::size_t i = 0; i < power.smoothing.size(); ++i) {
    const auto& one = power.smoothing[i];
    for (std::size_t k = 0; k < i; ++k)
      if (power.smoothing[k].name == one.name)
        problems.add(fmt::format("smoothing[{}].name", i),
                     fmt::format("`{}` is the name of another case", one.name), "choose another");
    if (one.name == "none")
      problems.add(fmt::format("smoothing[{}].name", i), "`none` is the job as it is",
                   "choose another");
  }
}

void check(const RunBlock& run, sim::Problems& problems) {
  check(run.how, problems);
}

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
  for (std::size_t i = 0; i < plan.expect.size(); ++i) {
    const auto& one = plan.expect[i];
    const std::string at = fmt::format("expect[{}]", i);
    const bool of_run = one.figure == PlanFigure::interruptions ||
                        one.figure == PlanFigure::effective || one.figure == PlanFigure::lost;
    if (of_run && !plan.run)
      problems.add(at + ".figure", "is of the run, which the plan does not have", "add `run`");
    if (of_run) continue;
    if (!plan.power) {
      problems.add(at + ".figure", "is of the power in time, which the plan does not ask for",
                   "add `power`");
      continue;
    }
    const auto& cases = plan.power->smoothing;
    if (!one.smoothing.empty() && one.smoothing != "none" &&
        std::none_of(cases.begin(), cases.end(),
                     [&](const auto& c) { return c.name == one.smoothing; }))
      problems.add(at + ".smoothing", fmt::format("there is no smoothing `{}`", one.smoothing),
                   "name one of power.smoothing");
  }
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
