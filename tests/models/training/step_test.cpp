#include "models/training/step.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "models/compute/model_size.hpp"
#include "models/training/setup.hpp"
#include "models/training/work.hpp"

using namespace mw;
using namespace mw::models;
using doctest::Approx;
using test::setup_405b, test::setup_arithmetic, test::setup_deepseek;

namespace {

double share_sum(const TrainingStep& step) {
  double sum = 0;
  for (const double x : step.bounds) sum += x;
  return sum;
}

}  // namespace

// 6 operations for each weight that works on a token, and causal attention: 12 hidden x sequence /
// 2 a layer. Published: 2646 TFLOP/s at 1048 tokens/s (Megatron-Bridge, 405B) are 2.525 T a token.
TEST_CASE("operations of a token: 405B 2.525 T, 70B 0.449 T at 8,192 tokens") {
  const auto big = test::read_catalog<LlmParameters>("llama_3_1_405b");
  CHECK(model_flops_per_token(big, 8192) == Approx(2.525e12).epsilon(0.001));
  const auto small = test::read_catalog<LlmParameters>("llama_3_1_70b");
  CHECK(model_flops_per_token(small, 8192) == Approx(0.449e12).epsilon(0.002));
  const double attention = 6.0 * big.layers * big.hidden * 8192.0;
  CHECK(model_flops_per_token(big, 8192) ==
        Approx(6 * active_weights(big) + attention).epsilon(1e-12));
}

// Of DeepSeek-V3 37 B of 671 B weights work on a token; 14 B belong to the module for a further
// token (its report: 685 B in the published files with it).
TEST_CASE("experts: weights that are there and weights that work") {
  const auto llm = test::read_catalog<LlmParameters>("deepseek_v3");
  TrainingJob job;
  CHECK(trained_weights(llm, job) == Approx(671e9).epsilon(0.005));
  const double plain = model_flops_per_token(llm, 4096);
  CHECK(plain / 6 > 36.5e9);
  job.mtp = 1;
  CHECK(trained_weights(llm, job) - total_weights(llm) == Approx(11.6e9).epsilon(0.02));
  CHECK(model_flops_per_token(llm, 4096, 1) > plain);
}

// With infinite bandwidth and no gaps a step is arithmetic alone: per token 6 operations a weight
// and 3.5 times forward attention, at half the rate.
TEST_CASE("without memory, links and gaps a step is its operations over the rate") {
  const TrainingSetup s = setup_arithmetic();
  const TrainingStep step = training_step(s);
  const double tokens = s.job.step_tokens();
  const double attention = s.llm.layers * attention_flops_per_pair(s.llm) * 4096.0 / 2;
  const double seconds =
      tokens * (6 * active_weights(s.llm) + 3.5 * attention) / (0.5 * s.gpu.bf16.value.value);
  CHECK(step.seconds == Approx(seconds).epsilon(1e-9));
  CHECK(step.bounds[static_cast<std::size_t>(StepBound::compute)] == Approx(1).epsilon(1e-9));
}

// A full recompute runs the forward twice: 8 operations a weight instead of 6. Frozen weights have
// no gradient: 4. At twice the clock-less share all takes half the time.
TEST_CASE("passes: recompute adds a forward, frozen weights save a gradient") {
  TrainingSetup s = setup_arithmetic();
  const double plain = training_step(s).time.of(StepPart::gemm);
  s.job.recompute = Recompute::full;
  CHECK(training_step(s).time.of(StepPart::gemm) == Approx(plain * 8 / 6).epsilon(1e-12));
  s.job.recompute = Recompute::none;
  s.job.frozen = true;
  CHECK(training_step(s).time.of(StepPart::gemm) == Approx(plain * 4 / 6).epsilon(1e-12));
  CHECK(training_step(s).time.of(StepPart::optimizer) == 0);
  s.job.frozen = false;
  CHECK(training_step(s, 0.5).time.of(StepPart::gemm) == Approx(2 * plain).epsilon(1e-12));
}

// Equal stages: m micro-batches take m t, filling and draining (p - 1) t / v (Narayanan et al.).
// Without head, exchanges and optimizer the bubble is (p - 1) / (v m) of the work.
TEST_CASE("the bubble of equal stages is (p - 1) / (v m)") {
  TrainingSetup s = setup_405b();
  s.llm.layers = s.llm.full_attention_layers = s.llm.dense_mlp_layers = 128;
  s.stack.head_time.value = 0;
  for (const int v : {1, 2, 8}) {
    s.job.vpp = v;
    const TrainingStep step = training_step(s);
    const double m = s.job.micro_batches();
    const double work = (step.stages[0].forward + step.stages[0].backward) * m;
    CHECK(step.time.of(StepPart::bubble) == Approx(work * 15 / (v * m)).epsilon(1e-9));
  }
  s.job.vpp.reset();
  s.job.gpus *= 16, s.job.global_batch *= 256;  // many micro-batches: the bubble vanishes
  const TrainingStep step = training_step(s);
  CHECK(step.time.of(StepPart::bubble) / step.seconds < 0.011);
}

// Seconds of all classes and phases sum to the step, shares to 1, joules by work and at rest to the
// GPU's energy; average power stays below the ceiling; waiting costs rest power alone.
TEST_CASE("seconds and joules are conserved") {
  for (const TrainingSetup& s : {setup_405b(), setup_deepseek(), setup_arithmetic()}) {
    for (const double clock : {1.0, 0.7}) {
      const TrainingStep step = training_step(s, clock);
      CHECK(step.time.sum() == Approx(step.seconds).epsilon(1e-12));
      CHECK(step.static_energy.sum() + step.dynamic_energy.sum() ==
            Approx(step.joules).epsilon(1e-12));
      CHECK(share_sum(step) == Approx(1).epsilon(1e-12));
      CHECK(step.watts() < s.gpu.power_ceiling.value * s.gpu.tdp.value.value);
      CHECK(step.watts() > s.gpu.idle.value.value);
      CHECK(step.dynamic_energy.of(StepPart::bubble) == 0);
      CHECK(step.dynamic_energy.of(StepPart::straggler) == 0);
      CHECK(step.joules_per_token() * step.tokens_per_gpu_second ==
            Approx(step.watts()).epsilon(1e-12));
      for (const auto& part : step.time.cells)
        for (const double x : part) CHECK(std::isfinite(x));
    }
  }
}

// Data-parallel copies work side by side: without exchanges, optimizer and stragglers twice the
// GPUs and twice the batch leave tokens/s/GPU as they are; with them they can only fall.
TEST_CASE("weak scaling loses nothing but exchanges and stragglers") {
  TrainingSetup s = setup_405b();
  const double with = training_step(s).tokens_per_gpu_second;
  s.job.sharding = Sharding::none;
  s.stack.exposed_data.value = s.stack.straggler.value = 0;
  const double one = training_step(s).tokens_per_gpu_second;
  s.job.gpus *= 2, s.job.global_batch *= 2;
  CHECK(training_step(s).tokens_per_gpu_second == Approx(one).epsilon(1e-12));
  TrainingSetup more = setup_405b();
  more.job.gpus *= 2, more.job.global_batch *= 2;
  CHECK(training_step(more).tokens_per_gpu_second < with);
}

// Straggling grows with the doublings beyond 8 GPUs: 256 GPUs are 5, so 2.5 % at 0.5 %.
TEST_CASE("the slowest of many ranks") {
  TrainingSetup s = setup_405b();
  const double with = training_step(s).seconds;
  s.stack.straggler.value = 0;
  CHECK(with == Approx(1.025 * training_step(s).seconds).epsilon(1e-9));
}

// A limit on power is kept, costs time, and owns what it adds.
TEST_CASE("under a limit the clock falls and the limit owns the time it adds") {
  const TrainingSetup s = setup_405b();
  const TrainingStep free = training_step(s);
  CHECK(training_step_under(s, 2 * free.watts()).seconds == free.seconds);
  double before = free.seconds;
  for (const double share : {0.9, 0.8, 0.7}) {
    const TrainingStep step = training_step_under(s, share * free.watts());
    CHECK(step.watts() <= share * free.watts());
    CHECK(step.watts() > 0.999 * share * free.watts());
    CHECK(step.seconds > before);
    CHECK(share_sum(step) == Approx(1).epsilon(1e-12));
    CHECK(step.bounds[static_cast<std::size_t>(StepBound::power)] ==
          Approx(1 - free.seconds / step.seconds).epsilon(1e-12));
    before = step.seconds;
  }
}

// On 8 ranks 8 experts of a token lie on 8 (1 - (7/8)^8) = 5.3 of them: copies to each are 1.5
// times as many.
TEST_CASE("tokens sent once to a rank take less than copies to each expert") {
  TrainingSetup s = setup_deepseek();
  for (const int ep : {8, 16}) {
    s.job.ep = ep;
    s.job.dispatch = TokenDispatch::once;
    const double once = training_step(s).time.of(StepPart::exchange);
    s.job.dispatch = TokenDispatch::copies;
    CHECK(training_step(s).time.of(StepPart::exchange) > once);
  }
}

// Launching beside the GPU: (x^3 + y^3)^(1/3) lies between the longer and the sum.
TEST_CASE("captured graphs shorten layers with experts, and leave dense ones") {
  TrainingSetup s = setup_deepseek();
  s.job.graphs = false;
  const TrainingStep without = training_step(s);
  s.job.graphs = true;
  const TrainingStep with = training_step(s);
  CHECK(with.seconds < without.seconds);
  CHECK(with.time.of(StepPart::gemm) == without.time.of(StepPart::gemm));
  TrainingSetup dense = setup_405b();
  dense.job.graphs = false;
  const double seconds = training_step(dense).seconds;
  dense.job.graphs = true;
  CHECK(training_step(dense).seconds == seconds);
}
