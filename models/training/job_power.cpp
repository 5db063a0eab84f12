#include "models/training/job_power.hpp"

#include <algorithm>

namespace mw::models {

double JobPowerLevels::of(JobPhase phase) const {
  switch (phase) {
    case JobPhase::training:
    case JobPhase::lost:
      return step.mean();
    case JobPhase::saving:
    case JobPhase::detecting:
      return waiting;
    case JobPhase::evaluating:
      return forward;
    case JobPhase::starting:
    case JobPhase::waiting:
      return idle;
  }
  return idle;
}

JobPower::JobPower(const TrainingRun& run, const JobPowerLevels& levels)
    : run_(&run), levels_(&levels) {
  before_.assign(run.spans.size(), 0);
  for (std::size_t i = 1; i < run.spans.size(); ++i)
    before_[i] = before_[i - 1] + within(i - 1, run.spans[i].start);
}

double JobPower::within(std::size_t i, double t) const {
  const JobSpan& span = run_->spans[i];
  const double length = t - span.start;
  if (span.phase != JobPhase::training && span.phase != JobPhase::lost)
    return length * levels_->of(span.phase);
  return repeated_integral(levels_->step, span.into_step + length) -
         repeated_integral(levels_->step, span.into_step);
}

double JobPower::integral(double t) const {
  const auto& spans = run_->spans;
  const auto next = std::upper_bound(spans.begin(), spans.end(), t,
                                     [](double at, const JobSpan& s) { return at < s.start; });
  const auto i = static_cast<std::size_t>(next - spans.begin());
  return i == 0 ? 0 : before_[i - 1] + within(i - 1, std::min(t, run_->seconds));
}

}  // namespace mw::models
