#pragma once
#include <vector>

#include "models/numerics/step_function.hpp"
#include "models/training/run.hpp"

namespace mw::models {

/// Power of a job, or of one of its racks, by what the job does, W.
struct JobPowerLevels {
  StepFunction step;  // of one training step
  double waiting = 0, idle = 0, forward = 0;

  double of(JobPhase phase) const;  // mean
};

/// Power of a whole run: the levels of its spans, exact in every window at the cost of a search.
class JobPower {
 public:
  /// Both stay with the caller.
  JobPower(const TrainingRun& run, const JobPowerLevels& levels);
  double integral(double t) const;  // J from 0 to t
  double mean(double from, double to) const {
    return (integral(to) - integral(from)) / (to - from);
  }

 private:
  double within(std::size_t span, double t) const;
  const TrainingRun* run_;
  const JobPowerLevels* levels_;
  std::vector<double> before_;  // J before each span
};

}  // namespace mw::models
