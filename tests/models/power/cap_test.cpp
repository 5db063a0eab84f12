#include <doctest/doctest.h>

#include <cmath>

#include "models/compute/catalog_file.hpp"
#include "models/compute/step_table.hpp"
#include "models/inference/capped_work.hpp"
#include "models/inference/engine.hpp"
#include "models/training/setup.hpp"
#include "models/training/step.hpp"

// What a power limit does: the engine's choice of clock, on the law of every other iteration.
namespace {

using namespace mw::models;
using mw::test::read_catalog;

struct Response {
  double speed = 1, watts = 0;
};
Response at_limit(const StepTable& table, const StepLoad& load, double limit_w) {
  const int level = level_for_power(table, load, std::llround(limit_w * 1000));
  const StepValue free = step_value(table.view(), 0, load);
  const StepValue held = step_value(table.view(), level, load);
  return {free.time / held.time, held.energy / held.time};
}

}  // namespace

TEST_CASE("A limit costs little down to the knee of the voltage and much below it") {
  // Only arithmetic, power P = idle + (busy f + energy f) V^2 with f the clock ratio. Above the
  // knee V falls with f, so that power falls faster than speed; below it power falls in proportion
  // to speed at best, and idle power is paid for longer: energy per work must rise.
  const auto gpu = read_catalog<GpuParameters>("h100_sxm");
  const double tdp = gpu.tdp.value.value;
  const CappedWork work(gpu, {.watts = tdp, .compute_share = 1});
  const double knee = gpu.knee_clock.value / gpu.max_clock.value;
  // The limit at which the clock is at the knee, and half of it.
  const auto limit_at = [&](double clock) {
    double limit = 100;
    while (work.under(limit).clock < clock) limit += 0.5;
    return limit;
  };
  const double at_knee = limit_at(knee);
  const auto held = work.under(at_knee), low = work.under(limit_at(0.5 * knee));
  MESSAGE("H100 at full load: the knee is at " << at_knee << " W (" << at_knee / tdp
                                               << " of its rated power), speed " << held.speed);
  CHECK(at_knee > 0.35 * tdp);
  CHECK(at_knee < 0.55 * tdp);
  const auto energy = [](const CappedWork::Response& r) { return r.watts / r.speed; };
  CHECK(energy(held) < 0.85 * energy(work.free()));
  CHECK(energy(low) > 1.05 * energy(held));
  // The cliff: a watt less costs more than twice the speed below the knee of what it costs above.
  const double above = (1 - held.speed) / (work.free().watts - held.watts);
  const double below = (held.speed - low.speed) / (held.watts - low.watts);
  MESSAGE("speed lost for 10 W less: above the knee " << 1000 * above << " %, below "
                                                      << 1000 * below << " %");
  CHECK(below > 2 * above);
  // No limit, no loss; and never more than the limit where some clock meets it.
  CHECK(work.under(1.01 * tdp).speed == 1);
  for (double limit = 200; limit < tdp; limit += 10) {
    CHECK(work.under(limit).watts <= limit);
    CHECK(work.under(limit).speed <= work.under(limit + 10).speed);
  }
}

TEST_CASE("A waiting GPU: the limit binds what runs, and the mean stays below it") {
  // One second in four at idle power, kernels of 400 W in the others: the mean is
  // (400 x 3 + idle) / 4. Under 350 W kernels draw 350 W; they are slowed, the wait is not.
  const auto gpu = read_catalog<GpuParameters>("h100_sxm");
  const double idle = gpu.idle.value.value;
  const CappedWork waits(gpu, {.watts = (1200 + idle) / 4, .compute_share = 1, .waits = 0.25});
  const CappedWork runs(gpu, {.watts = 400, .compute_share = 1});
  CHECK(waits.free().watts == doctest::Approx((1200 + idle) / 4).epsilon(1e-12));
  const auto held = waits.under(350), alone = runs.under(350);
  CHECK(held.clock == alone.clock);
  CHECK(1 / held.speed == doctest::Approx(0.25 + 0.75 / alone.speed).epsilon(1e-12));
  const double busy = 0.75 / alone.speed;
  CHECK(held.watts ==
        doctest::Approx((0.25 * idle + busy * alone.watts) / (0.25 + busy)).epsilon(1e-12));
  CHECK(held.watts < 350);
}

TEST_CASE("Under half of its power a GPU loses most of its speed in training, least in decoding") {
  // Arithmetic fills most of a training step and nearly all of a prompt's pass, and hardly
  // any of decoding at batches like these, which reads weights; only arithmetic waits for clocks.
  const TrainingSetup job = mw::test::setup_405b();
  const double limit = 0.5 * job.gpu.tdp.value.value;
  const double training = training_step(job).seconds / training_step_under(job, limit).seconds;
  const auto llm = read_catalog<LlmParameters>("llama_3_1_70b");
  const auto stack = read_catalog<StackParameters>("vllm_0_19");
  ReplicaShape shape;
  shape.gpus = shape.tp = 8;
  shape.weights = Precision::bf16;
  const StepTable table = build_step_table(job.gpu, llm, stack, shape, 64, 8192, 50);
  const StepLoad prefill{.prefill_tokens = 8192, .sampled = 1, .prefill_pairs = 8192LL * 4096};
  const StepLoad decode{.decodes = 32, .sampled = 32, .kv_tokens = 32 * 4096};
  const double prompts = at_limit(table, prefill, 8 * limit).speed;
  const double decoding = at_limit(table, decode, 8 * limit).speed;
  MESSAGE("H100 at half its rated power: training " << training << ", prompts " << prompts
                                                    << ", decoding " << decoding);
  CHECK(decoding > prompts + 0.1);
  CHECK(decoding > training + 0.1);
  CHECK(decoding > 0.9);
}

TEST_CASE("Half the power costs prompts a quarter of their speed and decoding next to nothing") {
  // Splitwise (ISCA 2024; Mutinifni/splitwise-sim@8f99e7d) plans H100 at half their rated power
  // with prompts 1.30 times as long and tokens as fast as before: the same factors for every row of
  // its table, so a rule and not a measurement of each. By the law: arithmetic fills the time of
  // prompts and takes most of the power, so the clock must fall; decoding at these batches reads
  // weights, and its power is nearer to the limit to begin with.
  const auto gpu = read_catalog<GpuParameters>("h100_sxm");
  const auto llm = read_catalog<LlmParameters>("llama_2_70b");
  const auto stack = read_catalog<StackParameters>("vllm_0_11");
  for (const int gpus : {4, 8}) {
    CAPTURE(gpus);
    ReplicaShape shape;
    shape.gpus = shape.tp = gpus;
    shape.weights = Precision::bf16;
    const StepTable table = build_step_table(gpu, llm, stack, shape, 64, 8192, 50);
    const double limit = 0.5 * gpus * gpu.tdp.value.value;
    for (const int prompt : {512, 2048, 8192}) {
      CAPTURE(prompt);
      const StepLoad prefill{.prefill_tokens = prompt,
                             .sampled = 1,
                             .prefill_pairs = std::int64_t{prompt} * prompt / 2};
      const StepLoad decode{.decodes = 16, .sampled = 16, .kv_tokens = 16 * prompt};
      const double slow = 1 / at_limit(table, prefill, limit).speed;
      const double kept = at_limit(table, decode, limit).speed;
      MESSAGE(gpus << " GPUs, prompt " << prompt << ": prompts x " << slow << ", decoding x "
                   << 1 / kept);
      CHECK(slow > 1.30 / 1.25);
      CHECK(slow < 1.30 * 1.25);
      CHECK(kept > 0.91);
      CHECK(kept > 1 / slow);
    }
  }
}
