#include "models/site/jobs.hpp"

namespace mw::models {

std::shared_ptr<const JobCourse> job_course(const TrainingSetup& setup, const TrainingStep& step,
                                            const std::vector<JobRacks>& kinds, TrainingRun run) {
  auto out = std::make_shared<JobCourse>();
  out->run = std::move(run);
  const StepWaveform waveform = step_waveform(setup, step);
  for (const JobRacks& kind : kinds) {
    JobPowerLevels levels;
    levels.step = rack_waveform(waveform, kind.shares);
    levels.waiting = kind.gpus() * waveform.waiting;
    levels.idle = kind.gpus() * setup.gpu.idle.value.value;
    levels.forward = kind.gpus() * forward_power(step);
    out->levels.push_back(std::move(levels));
  }
  for (const auto& levels : out->levels) out->power.emplace_back(out->run, levels);
  const auto while_in = [&](auto&& chosen) {
    std::vector<std::pair<double, double>> pieces;
    for (const auto& span : out->run.spans)
      pieces.emplace_back(span.start, chosen(span.phase) ? 1 : 0);
    return step_function(pieces, out->run.seconds);
  };
  out->working = while_in(
      [](JobPhase phase) { return phase != JobPhase::starting && phase != JobPhase::waiting; });
  out->keeping = while_in([](JobPhase phase) { return phase == JobPhase::training; });
  return out;
}

}  // namespace mw::models
