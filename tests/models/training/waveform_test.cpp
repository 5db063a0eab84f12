#include "models/training/waveform.hpp"

#include <doctest/doctest.h>

#include "models/training/job_power.hpp"
#include "models/training/setup.hpp"

using namespace mw;
using namespace mw::models;
using doctest::Approx;

namespace {

double mean_joules(const StepWaveform& w) {
  double sum = 0;
  for (const auto& stage : w.stages) sum += stage.integral() / static_cast<double>(w.stages.size());
  return sum;
}

}  // namespace

// The power in time is the step's energy, laid out: its integral, mean over stages, is the joules
// of the mean GPU.
TEST_CASE("the power of a step holds its energy") {
  for (const TrainingSetup& s :
       {test::setup_405b(), test::setup_deepseek(), test::setup_arithmetic()}) {
    const TrainingStep step = training_step(s);
    const StepWaveform w = step_waveform(s, step);
    REQUIRE(w.stages.size() == static_cast<std::size_t>(s.job.pp));
    CHECK(mean_joules(w) == Approx(step.joules).epsilon(1e-9));
    for (const auto& stage : w.stages) {
      CHECK(stage.end == step.seconds);
      CHECK(stage.lowest() >= 0.999999 * w.waiting);
      // No kernel draws more than its ceiling, but for the smooth bend towards it.
      CHECK(stage.highest() < 1.1 * s.gpu.power_ceiling.value * s.gpu.tdp.value.value);
    }
  }
}

// 1F1B on equal stages: the first works first, the last begins when p - 1 forwards have come, and
// each waits (p - 1)(forward + backward) within the pipeline.
TEST_CASE("stages wait at waiting power while the pipeline fills and drains") {
  TrainingSetup s = test::setup_arithmetic();
  s.llm.layers = 32;
  s.job.pp = 4;
  s.job.gpus = 4;
  s.job.global_batch = 8;
  s.stack.head_time.value = 0;
  s.job.frozen = true;  // no optimizer, whose work would be spread over no time
  const TrainingStep step = training_step(s);
  const StepWaveform w = step_waveform(s, step);
  const auto waits = [&](const StepFunction& f) {
    double sum = 0;
    for (std::size_t i = 0; i < f.start.size(); ++i) {
      const double to = std::min(i + 1 < f.start.size() ? f.start[i + 1] : f.end, w.pipeline);
      if (f.value[i] < 1.0001 * w.waiting && to > f.start[i]) sum += to - f.start[i];
    }
    return sum;
  };
  const double one = step.stages[0].forward + step.stages[0].backward;
  for (const auto& stage : w.stages) CHECK(waits(stage) == Approx(3 * one).epsilon(0.02));
  CHECK(w.stages[0].at(0) > 1.5 * w.waiting);
  CHECK(w.stages[3].at(0) == Approx(w.waiting));
}

TEST_CASE("which stages a rack holds") {
  TrainingJob job;
  job.gpus = 64;
  job.pp = 4;
  CHECK(stages_in_rack(job, 0, 16) == std::vector<StageShare>{{0, 16}});
  CHECK(stages_in_rack(job, 8, 16) == std::vector<StageShare>{{0, 8}, {1, 8}});
  CHECK(stages_in_rack(job, 48, 32) == std::vector<StageShare>{{3, 16}});
}

// The power of a whole run: its integral over each span is what the span's phase draws, and windows
// add up.
TEST_CASE("the power of a run is exact in every window") {
  TrainingRun run;
  run.spans = {{0, JobPhase::starting, 0},
               {10, JobPhase::training, 0},
               {25, JobPhase::saving, 0},
               {27, JobPhase::training, 1}};
  run.seconds = 30;
  JobPowerLevels levels;
  const std::vector<std::pair<double, double>> pieces{{0, 4}, {1, 10}};
  levels.step = step_function(pieces, 2);  // 7 W in the mean
  levels.idle = 1;
  levels.waiting = 2;
  const JobPower power(run, levels);
  CHECK(power.integral(10) == Approx(10));
  CHECK(power.integral(11) == Approx(14));
  CHECK(power.mean(10, 24) == Approx(7));
  CHECK(power.integral(25) == Approx(10 + 7 * 14 + 4));
  CHECK(power.mean(25, 27) == Approx(2));
  CHECK(power.mean(27, 28) == Approx(10));  // goes on in the middle of a step
  CHECK(power.integral(30) == Approx(10 + 7 * 14 + 4 + 4 + 10 + 4 + 10));
}
