#include "models/training/run.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <numeric>

#include <rapidcheck.h>

using namespace mw;
using namespace mw::models;
using doctest::Approx;

namespace {

TrainingRunParameters plain() {
  TrainingRunParameters p;
  p.duration = {86400 * 30.0};
  p.checkpoint.every = {1000};
  p.checkpoint.bandwidth = {1e12};
  p.failures.emplace();
  p.failures->value.gpus = 1000;
  p.failures->value.period = {86400 * 30.0};
  p.failures->value.causes = {{.cause = "gpu", .count = 100},
                              {.cause = "software", .count = 20, .nodes = 0}};
  return p;
}

double steps_time(const TrainingRun& run) {
  return run.of(JobPhase::training) + run.of(JobPhase::lost);
}

}  // namespace

TEST_CASE("a run without failures: the start, steps, and a save after each interval") {
  TrainingRunParameters p = plain();
  p.failures.reset();
  p.start = {100};
  p.duration = {100 + 10 * (1000 + 5.0)};
  const TrainingRun run = run_job(p, 10, 5e12, 1000, 1);
  CHECK(run.checkpoints == 10);
  CHECK(run.pause == Approx(5));
  CHECK(run.kept_steps == Approx(1000));
  CHECK(run.lost_steps == 0);
  CHECK(run.of(JobPhase::saving) == Approx(50));
  CHECK(run.effective() == Approx(10000.0 / p.duration.value));
  p.evaluation_every = 250;
  p.evaluation = {30};
  p.duration = {p.duration.value + 4 * 30.0};
  const TrainingRun evaluated = run_job(p, 10, 5e12, 1000, 1);
  CHECK(evaluated.of(JobPhase::evaluating) == Approx(120));
  CHECK(evaluated.kept_steps == Approx(1000));
}

// Whatever fails when: phases fill the run, steps done are kept or lost, and nothing is kept that
// no checkpoint holds.
TEST_CASE("time and steps are conserved through failures and restarts") {
  CHECK(rc::check([] {
    TrainingRunParameters p = plain();
    p.failures->value.causes[0].count = *rc::gen::inRange(0, 3000);
    p.failures->value.causes[0].shape = *rc::gen::element(0.5, 1.0, 2.0);
    p.failures->value.causes[0].nodes = *rc::gen::inRange(0, 4);
    p.spares = *rc::gen::inRange(0, 5);
    p.repair = {*rc::gen::element(0.0, 3600.0, 86400.0)};
    p.detection = {*rc::gen::element(0.0, 30.0, 600.0)};
    p.restart = {*rc::gen::element(0.0, 300.0)};
    p.checkpoint.asynchronous = *rc::gen::arbitrary<bool>();
    p.checkpoint.rule =
        *rc::gen::element(CheckpointRule::fixed, CheckpointRule::young, CheckpointRule::daly);
    p.evaluation_every = *rc::gen::element(0, 77);
    p.evaluation = {p.evaluation_every > 0 ? 20.0 : 0.0};
    const double step = *rc::gen::element(0.3, 7.0, 61.0);
    const auto seed = *rc::gen::inRange<std::uint64_t>(0, 1000);
    const TrainingRun run = run_job(p, step, 3e12, 1000, seed);
    const double sum = std::accumulate(run.time.begin(), run.time.end(), 0.0);
    RC_ASSERT(std::fabs(sum - run.seconds) < 1e-6 * run.seconds);
    const double steps = run.kept_steps + run.lost_steps;
    RC_ASSERT(std::fabs(steps * step - steps_time(run)) < 1e-6 * run.seconds);
    RC_ASSERT(std::fabs(run.kept_steps * step - run.of(JobPhase::training)) < 1e-6 * run.seconds);
    for (std::size_t i = 1; i < run.spans.size(); ++i)
      RC_ASSERT(run.spans[i].start >= run.spans[i - 1].start);
    std::int64_t by_cause = 0;
    for (const auto count : run.interruptions) by_cause += count;
    RC_ASSERT(by_cause == run.all_interruptions);
    // The same seed, the same run.
    RC_ASSERT(run_job(p, step, 3e12, 1000, seed).kept_steps == run.kept_steps);
  }));
}

// A Poisson process: mean and variance of the count are those of the observed run, times the GPUs.
TEST_CASE("interruptions follow the observed counts") {
  TrainingRunParameters p = plain();
  double mean = 0, square = 0;
  constexpr int seeds = 400;
  for (int i = 0; i < seeds; ++i) {
    const auto count = static_cast<double>(
        run_job(p, 7, 3e12, 2000, static_cast<std::uint64_t>(i)).all_interruptions);
    mean += count / seeds;
    square += count * count / seeds;
  }
  // 240 +- 15.5; the mean of 400 runs +- 0.77, the variance +- 17.
  CHECK(mean == Approx(240).epsilon(4 * 0.77 / 240));
  CHECK(square - mean * mean == Approx(240).epsilon(0.3));
}

// Young's interval is near the best: to first order the share lost is C / t + t / (2 M) + R / M.
TEST_CASE("the optimum of Young and Daly, and what it gives") {
  TrainingRunParameters p = plain();
  p.duration = {86400 * 300.0};
  p.detection = {30};
  p.restart = {270};
  p.spares = 1000000;
  const double between = 86400 * 30.0 / 120, cost = 20;
  const auto effective = [&] { return run_job(p, 1, cost * 1e12, 1000, 3).effective(); };
  p.checkpoint.rule = CheckpointRule::young;
  const TrainingRun young = run_job(p, 1, cost * 1e12, 1000, 3);
  CHECK(young.every == Approx(std::sqrt(2 * cost * between)).epsilon(1e-3));
  const double t = young.every;
  const double lost = cost / t + (t / 2 + 300 + cost) / between;
  CHECK(1 - young.effective() == Approx(lost).epsilon(0.05));
  p.checkpoint.rule = CheckpointRule::daly;
  CHECK(effective() == Approx(young.effective()).epsilon(0.003));
  p.checkpoint.rule = CheckpointRule::fixed;
  for (const double other : {t / 4, t * 4}) {
    p.checkpoint.every = {other};
    CHECK(effective() < young.effective());
  }
}

// One node at a time fails, is away for `repair`, and there is no spare: the job waits for each.
TEST_CASE("without spares the job waits for repairs") {
  TrainingRunParameters p = plain();
  p.failures->value.causes = {{.cause = "gpu", .count = 50}};
  p.spares = 0;
  p.repair = {7200};
  const TrainingRun none = run_job(p, 7, 3e12, 1000, 5);
  CHECK(none.waits > 0);
  CHECK(none.of(JobPhase::waiting) > 0.5 * 7200 * static_cast<double>(none.waits));
  p.spares = 50;
  const TrainingRun some = run_job(p, 7, 3e12, 1000, 5);
  CHECK(some.waits == 0);
  CHECK(some.of(JobPhase::waiting) == 0);
  CHECK(some.effective() > none.effective());
}

// What a checkpoint holds that is not written yet is no help: with asynchronous saves the newest
// whole one counts.
TEST_CASE("asynchronous checkpoints stop the job for a copy alone") {
  TrainingRunParameters p = plain();
  p.checkpoint.asynchronous = true;
  p.checkpoint.snapshot_bandwidth = {20e9};
  const TrainingRun run = run_job(p, 1, 4e12, 1000, 1);
  CHECK(run.pause == Approx(4e12 / 1000 / 20e9));
  CHECK(run.write == Approx(4));
  p.checkpoint.asynchronous = false;
  CHECK(run_job(p, 1, 4e12, 1000, 1).of(JobPhase::saving) > 10 * run.of(JobPhase::saving));
}
