#pragma once
#include <memory>
#include <string>
#include <vector>

#include "models/training/job_power.hpp"
#include "models/training/waveform.hpp"

namespace mw::models {

/// What a training job does in time: known from the start, as it follows from its parameters and
/// the seed alone. Shared and never changed, so that a site stays a value.
struct JobCourse {
  TrainingRun run;
  StepFunction working;                // 1 while GPUs do more than idle
  StepFunction keeping;                // 1 while steps are done that are kept
  std::vector<JobPowerLevels> levels;  // of the job's GPUs in a rack, by kind of rack
  std::vector<JobPower> power;         // the same over the whole run
};
std::shared_ptr<const JobCourse> job_course(const TrainingSetup& setup, const TrainingStep& step,
                                            const std::vector<JobRacks>& kinds, TrainingRun run);

/// A job that has racks of the site. Rows of the allocation name it as `service`, and the kind of
/// rack as `replica`.
struct SiteJob {
  std::string name;
  std::shared_ptr<const JobCourse> course;
  double step_tokens = 0;
  int gpus = 0;

  /// Tokens of the steps that are kept, until `t` s.
  double tokens(double t) const {
    return course->keeping.integral(t) / course->levels.front().step.end * step_tokens;
  }
};

}  // namespace mw::models
