#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "models/compute/catalog_file.hpp"
#include "models/compute/model_size.hpp"
#include "models/compute/occupancy.hpp"
#include "models/compute/step_law.hpp"
#include "models/compute/step_table.hpp"

using namespace mw;
using namespace mw::models;
using mw::test::read_catalog;

namespace {
struct Setup {
  GpuParameters gpu;
  LlmParameters llm;
  StackParameters stack = read_catalog<StackParameters>("vllm_0_11");
  ReplicaShape shape;
  Setup(const char* gpu_name, const char* llm_name, int gpus = 1,
        Precision weights = Precision::bf16, int ep = 1)
      : gpu(read_catalog<GpuParameters>(gpu_name)), llm(read_catalog<LlmParameters>(llm_name)) {
    shape.gpus = shape.tp = gpus;
    shape.ep = ep;
    shape.weights = weights;
  }
  StepLaw law() const { return {gpu, llm, stack, shape}; }
  StepTable table(int sequences = 256, int tokens = 8192, int levels = 1) const {
    return build_step_table(gpu, llm, stack, shape, sequences, tokens, levels);
  }
};

StepLoad decode(std::int32_t batch, std::int64_t context) {
  return {.decodes = batch, .sampled = batch, .kv_tokens = batch * context};
}
double joules_per_token(const StepTable& table, std::int32_t batch, std::int64_t context,
                        int level = 0) {
  return step_value(table.view(), level, decode(batch, context)).energy / batch;
}
}  // namespace

// No iteration is faster than reading its weights and KV bytes once at the data-sheet bandwidth,
// nor than its operations at the data-sheet rate.
TEST_CASE("roofs: memory for decode, arithmetic for prompts") {
  for (const char* gpu : {"a100_80gb", "h100_sxm", "h200", "b200", "vera_rubin"}) {
    const Setup s(gpu, "llama_3_1_8b");
    const StepTable table = s.table(64, 8192);
    for (const std::int32_t batch : {1, 8, 64}) {
      const double bytes =
          (attention_weights_total(s.llm) + feed_forward_weights(s.llm) + head_weights(s.llm)) * 2 +
          batch * 2000.0 * 131072;
      CHECK(step_value(table.view(), 0, decode(batch, 2000)).gpu_time >=
            bytes / s.gpu.memory_bandwidth.value.value);
    }
    StepLoad prompt;
    prompt.prefill_tokens = 8192;
    prompt.sampled = 1;
    prompt.prefill_pairs = 8192LL * 8192 / 2;
    const double flops =
        2 * (attention_weights_total(s.llm) + feed_forward_weights(s.llm)) * 8192 +
        attention_flops_per_pair(s.llm) * s.llm.layers * static_cast<double>(prompt.prefill_pairs);
    CHECK(step_value(table.view(), 0, prompt).gpu_time >= flops / s.gpu.bf16.value.value);
  }
}

// With every overhead zero, efficiencies 1 and arithmetic free, an iteration takes exactly the
// bytes over the bandwidth; with memory free, exactly the operations over the rate.
TEST_CASE("ideal hardware and software reach the roofs exactly") {
  Setup s("h100_sxm", "llama_3_1_8b");
  s.gpu.power_ceiling.value = 1e9;  // at the data sheet's rate arithmetic asks for more than it
  for (auto* share :
       {&s.stack.dense_bandwidth, &s.stack.attention_bandwidth, &s.stack.dense_compute,
        &s.stack.activation_bandwidth, &s.stack.prompt_attention_compute}) {
    share->value = 1;
  }
  for (auto* time : {&s.stack.step_overhead, &s.stack.attention_layer_gap, &s.stack.host_base,
                     &s.stack.host_per_sequence, &s.stack.sampler_per_logit}) {
    time->value.value = 0;
  }
  Setup memory = s;
  memory.gpu.bf16.value.value = 1e30;
  const double activations = 8.0 * 4096 * 32 * 2 * 64;
  const double bytes =
      (attention_weights_total(s.llm) + feed_forward_weights(s.llm) + head_weights(s.llm)) * 2 +
      64 * 1000.0 * 131072 + activations;
  CHECK(step_value(memory.table(64, 64).view(), 0, decode(64, 1000)).time ==
        doctest::Approx(bytes / 3.35e12).epsilon(1e-12));

  Setup arithmetic = s;
  arithmetic.gpu.memory_bandwidth.value.value = 1e30;
  StepLoad prompt;
  prompt.prefill_tokens = 4096;
  prompt.prefill_pairs = 4096LL * 4096 / 2;
  const double flops = 2 * (attention_weights_total(s.llm) + feed_forward_weights(s.llm)) * 4096 +
                       4.0 * 32 * 128 * 32 * static_cast<double>(prompt.prefill_pairs);
  CHECK(step_value(arithmetic.table(64, 4096).view(), 0, prompt).time ==
        doctest::Approx(flops / 989.5e12).epsilon(1e-12));
}

// Energy is the sum of what was done: static power x time, busy power x GPU time, and a price per
// operation, byte, link byte and second of vector kernels. With the ceiling out of reach the sum
// is exact.
TEST_CASE("energy closes over its causes") {
  Setup s("h100_sxm", "llama_3_1_70b", 4);
  s.gpu.power_ceiling.value = 1e9;
  const StepTable table = s.table(128, 512);
  const StepValue value = step_value(table.view(), 0, decode(100, 1500));
  const double weights = attention_weights_total(s.llm) + feed_forward_weights(s.llm);
  const double head = head_weights(s.llm);
  const double flops = 2 * (weights + head) * 100;
  const double kv = 100 * 1500.0 * 80 * 2 * 8 * 128 * 2;
  const double activations = 4 * 8.0 * 8192 * 80 * 2 * 100;  // every rank rewrites them
  const double bytes = 2 * (weights + head) + kv + activations;
  // Messages of 1.6 MB still go in one shot: every rank sends its vector to three others.
  const double link = 4 * 3 * (2 * 80 * 100.0 * 8192 * 2);
  // Every rank samples all sequences and rewrites the activations: vector kernels.
  const double sampler = s.stack.sampler_per_logit.value.value * 100.0 * 128256;
  const double rewriting = activations / 4 / (3.35e12 * s.stack.activation_bandwidth.value);
  const auto& gpu = s.gpu;
  const double expected =
      4 * gpu.idle.value.value * value.time + 4 * gpu.busy_share.value * 700 * value.gpu_time +
      gpu.flop_energy.value.value * flops + gpu.memory_energy.value.value * bytes +
      gpu.link_energy.value.value * link + 4 * gpu.vector_share.value * 700 * (sampler + rewriting);
  CHECK(value.energy == doctest::Approx(expected).epsilon(1e-12));
}

// The weights are read once whatever the batch, so a token of a larger batch costs less
// (ML.ENERGY v3: Llama 3.1 8B on one H100 at batch 8 / 128 / 512: 0.455 / 0.095 / 0.070 J).
TEST_CASE("energy per token falls with the batch") {
  for (const char* model : {"llama_3_1_8b", "qwen3_14b", "gpt_oss_20b"}) {
    const Setup s("h100_sxm", model);
    const StepTable table = s.table(512, 8192);
    double last = 1e9;
    for (std::int32_t batch : {1, 2, 4, 8, 16, 32, 64, 128, 256, 512}) {
      const double now = joules_per_token(table, batch, 600);
      CHECK(now < last);
      last = now;
    }
  }
  const StepTable table = Setup("h100_sxm", "llama_3_1_8b").table(512, 8192);
  CHECK(joules_per_token(table, 8, 600) == doctest::Approx(0.455).epsilon(0.15));
  CHECK(joules_per_token(table, 128, 600) == doctest::Approx(0.095).epsilon(0.15));
}

// Grouped kernels pad each expert that is hit to a tile of rows; with block-scaled FP8 a tile has
// 128 rows. At small batches nearly all work is padding: slower and hotter.
TEST_CASE("padding of block-scaled FP8 experts costs time and power") {
  Setup block("h100_sxm", "qwen3_235b_a22b_fp8", 8, Precision::fp8, 8);
  Setup tensor = block;
  tensor.llm.fp8_scaling = Fp8Scaling::tensor;
  tensor.stack.expert_bandwidth_fp8_tensor = block.stack.expert_bandwidth;
  const KernelCost padded = block.law().experts(64, 1);
  const KernelCost tight = tensor.law().experts(64, 1);
  CHECK(padded.time > 1.2 * tight.time);
  CHECK(padded.core_energy + padded.other_energy > 1.2 * (tight.core_energy + tight.other_energy));
  // With 128 rows or more for every expert there is nothing left to pad.
  const double full = 128.0 * 128 / 8;
  CHECK(block.law().experts(4 * full, 1).time ==
        doctest::Approx(tensor.law().experts(4 * full, 1).time).epsilon(1e-9));
}

TEST_CASE("experts: one token reads top-k of them, many tokens read all, slower with fewer ranks") {
  Setup s("h100_sxm", "mixtral_8x7b", 2);
  s.gpu.bf16.value.value = 1e30;  // leaves the reading time
  const double layer_expert = 32 * expert_weights(s.llm) * 2;
  const double rate = 2 * 3.35e12 * s.stack.expert_bandwidth.value;
  CHECK(s.law().experts(1, 1).time == doctest::Approx(2 * layer_expert / rate).epsilon(1e-9));
  CHECK(s.law().experts(1000, 1).time == doctest::Approx(8 * layer_expert / rate).epsilon(1e-9));
}

// E[max] of n normals, closed forms: 1/sqrt(pi) for 2, 3/(2 sqrt(pi)) for 3 (interpolated here).
TEST_CASE("slowest rank: expected maximum of normals") {
  CHECK(expected_maximum(1) == 0);
  CHECK(expected_maximum(2) == doctest::Approx(1 / std::sqrt(std::acos(-1.0))).epsilon(1e-4));
  CHECK(expected_maximum(3) == doctest::Approx(1.5 / std::sqrt(std::acos(-1.0))).epsilon(0.02));
  CHECK(expected_maximum(8) == doctest::Approx(1.4236));
  for (int n = 2; n < 200; ++n) CHECK(expected_maximum(n) >= expected_maximum(n - 1));
}

// f_max / f stretches arithmetic; bytes and links do not notice.
TEST_CASE("clock levels stretch arithmetic and leave memory alone") {
  Setup s("h100_sxm", "llama_3_1_70b", 4);
  const StepLaw law = s.law();
  CHECK(law.collectives(64).time > 0);
  Setup memory = s;
  memory.gpu.bf16.value.value = 1e30;
  CHECK(memory.law().dense(64, 2).time ==
        doctest::Approx(memory.law().dense(64, 1).time).epsilon(1e-9));
  Setup arithmetic = s;
  arithmetic.gpu.memory_bandwidth.value.value = 1e30;
  CHECK(arithmetic.law().dense(4096, 2).time ==
        doctest::Approx(2 * arithmetic.law().dense(4096, 1).time).epsilon(1e-9));

  const StepTable table = s.table(64, 2048, 5);
  REQUIRE(table.levels() == 5);
  CHECK(table.clock_ratio(0) == 1);
  CHECK(table.clock_ratio(4) == doctest::Approx(210.0 / 1980));
  CHECK(table.clock_ratio(1) - table.clock_ratio(2) ==
        doctest::Approx(table.clock_ratio(3) - table.clock_ratio(4)));
  for (int l = 1; l < 5; ++l) {
    const StepValue slower = step_value(table.view(), l, decode(64, 1000));
    const StepValue faster = step_value(table.view(), l - 1, decode(64, 1000));
    CHECK(slower.time > faster.time);
    CHECK(slower.energy / slower.time < faster.energy / faster.time);
  }
}

// The cliff: above the knee a lower clock saves V^2 per operation; below it the voltage stays, so
// only time (and with it static energy) grows.
TEST_CASE("a prompt's energy is least near the voltage knee") {
  Setup s("h100_sxm", "llama_3_1_8b");
  s.gpu.power_ceiling.value = 1e9;  // at the ceiling the highest clocks would not be held
  const StepTable table = s.table(64, 8192, 37);
  StepLoad prompt;
  prompt.prefill_tokens = 8192;
  prompt.prefill_pairs = 8192LL * 4096;
  int best = 0;
  double least = 1e30;
  for (int l = 0; l < table.levels(); ++l) {
    const double energy = step_value(table.view(), l, prompt).energy;
    if (energy < least) {
      least = energy;
      best = l;
    }
  }
  const double knee = s.gpu.knee_clock.value / s.gpu.max_clock.value;
  CHECK(table.clock_ratio(best) == doctest::Approx(knee).epsilon(0.1));
  CHECK(step_value(table.view(), 0, prompt).energy > 1.1 * least);
  CHECK(step_value(table.view(), table.levels() - 1, prompt).energy > 1.5 * least);
}

TEST_CASE("sliding windows stop reading at the window; state-space state does not grow") {
  const Setup gemma("h100_sxm", "gemma_3_27b", 2);
  const StepTable table = gemma.table(8, 64);
  const auto time = [&](std::int64_t context) {
    return step_value(table.view(), 0, decode(1, context)).gpu_time;
  };
  const double below = time(1000) - time(500);
  const double above = time(4500) - time(4000);
  CHECK(below / above == doctest::Approx(62.0 / 10).epsilon(1e-9));  // 62 layers, 10 of them full
  const Setup nano("h100_sxm", "nemotron_nano_9b_v2");
  const StepLinear nemotron = nano.law().linear();
  CHECK(nemotron.state_time > 0);
  CHECK(nemotron.state_core + nemotron.state_other ==
        doctest::Approx(nano.gpu.memory_energy.value.value * 8 * 27 * 1310720).epsilon(1e-12));
}

// Shares are the law told apart: they add up to its time and energy, whatever the clock.
TEST_CASE("shares of time and energy sum to the law's own") {
  for (const char* model : {"llama_3_1_70b", "qwen3_235b_a22b_fp8", "gemma_3_27b"}) {
    const bool experts = std::string(model) == "qwen3_235b_a22b_fp8";
    const Setup s("h100_sxm", model, 8, experts ? Precision::fp8 : Precision::bf16,
                  experts ? 8 : 1);
    const StepTable table = s.table(512, 8192, 3);
    const StepLaw law = s.law();
    for (int l = 0; l < 3; ++l) {
      for (std::int32_t batch : {1, 64, 512}) {
        for (std::int32_t prefill : {0, 100, 7000}) {
          StepLoad load = decode(batch, 2000);
          load.prefill_tokens = prefill;
          load.prefill_pairs = prefill * 700LL;
          const StepValue value = step_value(table.view(), l, load);
          const StepShares shares = law.shares(load, table.level_laws[static_cast<std::size_t>(l)]);
          CHECK(shares.time == doctest::Approx(value.time).epsilon(1e-12));
          CHECK(shares.energy == doctest::Approx(value.energy).epsilon(1e-12));
          double time = 0, energy = 0;
          for (std::size_t i = 0; i < StepShares::causes; ++i) {
            CHECK(shares.time_shares[i] >= 0);
            CHECK(shares.energy_shares[i] >= 0);
            time += shares.time_shares[i];
            energy += shares.energy_shares[i];
          }
          CHECK(time == doctest::Approx(1).epsilon(1e-12));
          CHECK(energy == doctest::Approx(1).epsilon(1e-12));
          CHECK((l > 0 || shares.demand > 1) == (shares.time_share(Bound::power) > 0));
        }
      }
    }
  }
}

TEST_CASE("what bounds an iteration") {
  // 140 GB of weights over 4 GPUs for 8 tokens: memory. A full prompt chunk: arithmetic, against
  // the ceiling. A small model at a large batch on an engine with 53 us of host time per sequence:
  // the host. The same prompt at a third of the clock: the limit that asked for it.
  const StepLaw large = Setup("h100_sxm", "llama_3_1_70b", 4).law();
  CHECK(large.shares(decode(8, 1000), large.level(1)).bound == Bound::memory);
  StepLoad prompt;
  prompt.prefill_tokens = 8192;
  prompt.prefill_pairs = 8192LL * 4096;
  const StepShares busy = large.shares(prompt, large.level(1));
  CHECK(busy.bound == Bound::compute);
  CHECK(busy.demand > large.shares(decode(8, 1000), large.level(1)).demand);
  CHECK(large.shares(prompt, large.level(0.3)).bound == Bound::power);
  const StepLaw small = Setup("h100_sxm", "qwen3_0_6b").law();
  CHECK(small.shares(decode(512, 100), small.level(1)).bound == Bound::host);
  CHECK(small.shares(decode(1, 10), small.level(1)).bound != Bound::compute);
}

// A prompt keeps the tensor units busy, so it asks for the rated power; a small batch of decodes
// waits for kernel launches and links and stays below, well below where many GPUs share the work.
// Only a GPU that streams dense weights at its full bandwidth comes near (ML.ENERGY v3, 8
// sequences: Llama 3.1 70B on 2 B200 849 W each, DeepSeek V3.1 on 8 B200 482 W each, of 1000 W).
TEST_CASE("prompts draw near the rated power, small decode batches below it") {
  struct Case {
    const char *gpu, *llm;
    int gpus;
    Precision weights;
    double most;  // of the rated power, decoding
  };
  for (const Case& c : {Case{"h100_sxm", "llama_3_1_70b", 4, Precision::bf16, 0.75},
                        Case{"h100_sxm", "llama_3_1_70b", 4, Precision::fp8, 0.65},
                        Case{"b200", "llama_3_1_70b", 1, Precision::nvfp4, 0.92},
                        Case{"b200", "deepseek_r1", 8, Precision::nvfp4, 0.6},
                        Case{"b200", "deepseek_r1", 8, Precision::fp8, 0.7}}) {
    CAPTURE(c.llm);
    const Setup s(c.gpu, c.llm, c.gpus, c.weights);
    StackParameters stack = read_catalog<StackParameters>("trtllm_1");
    ReplicaShape shape = s.shape;
    shape.nvlink_domain = 8;
    const StepLaw law(s.gpu, s.llm, stack, shape);
    const LevelLaw top = law.level(1);
    StepLoad prompt;
    prompt.prefill_tokens = 8192;
    prompt.prefill_pairs = 8192LL * 4096;
    const double rated = c.gpus * s.gpu.tdp.value.value;
    const StepShares busy = law.shares(prompt, top);
    const StepShares few = law.shares(decode(8, 2000), top);
    CHECK(busy.energy / busy.time > 0.8 * rated);
    CHECK(few.energy / few.time < c.most * rated);
    CHECK(few.energy / few.time < busy.energy / busy.time);
  }
}

// With 53 us and more of host time per sequence the GPUs of a small model wait: past some batch
// throughput stalls and power falls (ML.ENERGY v3: above 256 sequences).
TEST_CASE("power falls with the batch where the host limits") {
  const Setup s("h100_sxm", "qwen3_0_6b");
  const StepTable table = s.table(2048, 8192);
  const auto power = [&](std::int32_t batch) {
    const StepValue v = step_value(table.view(), 0, decode(batch, 300));
    return v.energy / v.time;
  };
  Setup quick = s;
  quick.stack.host_base.value.value = quick.stack.host_per_sequence.value.value = 0;
  const StepTable free = quick.table(2048, 8192);
  const StepValue waiting = step_value(table.view(), 0, decode(1024, 300));
  const StepValue running = step_value(free.view(), 0, decode(1024, 300));
  CHECK(waiting.gpu_time == running.gpu_time);
  CHECK(waiting.time > 1.1 * running.time);
  CHECK(power(1024) < running.energy / running.time);
  CHECK(s.law().shares(decode(1024, 300), s.law().level(1)).bound == Bound::host);
}

// Ranks with experts of their own that permute only their tokens handle 1/n of the copies of hidden
// vectors; inner vectors are shared out either way. So with inner width 0 the ratio is n.
TEST_CASE("permuting a rank's own tokens costs 1/n of permuting all") {
  Setup all("h100_sxm", "qwen3_235b_a22b_fp8", 8, Precision::fp8, 8);
  all.stack.activation_bandwidth.value = 1e30;
  all.llm.moe_inter = 0;
  all.stack.expert_permute = ExpertPermute::all_tokens;
  Setup own = all;
  own.stack.expert_permute = ExpertPermute::own_tokens;
  CHECK(all.law().activations(100).time ==
        doctest::Approx(8 * own.law().activations(100).time).epsilon(1e-9));
  Setup cut = own;  // experts cut over all ranks: every rank needs every token
  cut.shape.ep = 1;
  CHECK(cut.law().activations(100).time == all.law().activations(100).time);
  // Fused kernels need none of it, on GPUs that have them.
  Setup fused("b200", "gpt_oss_120b", 1, Precision::mxfp4);
  Setup split = fused;
  split.stack.fused_mxfp4 = false;
  const double hidden =
      8.0 * 2880 * 36 * 2 * 64 /
      (fused.gpu.memory_bandwidth.value.value * fused.stack.activation_bandwidth.value);
  CHECK(fused.law().activations(64).time == doctest::Approx(hidden).epsilon(1e-12));
  CHECK(split.law().activations(64).time > 2 * hidden);
}

// One latent of 576 numbers serves all heads of a decode: 2 h (2 x 512 + 64) operations for 1152
// bytes. On H200 with 128 heads arithmetic is the longer part, with 16 heads memory is.
TEST_CASE("latent attention of decodes takes the longer of reading and arithmetic") {
  Setup s("h200", "deepseek_r1");
  const double layers = 61;
  const double bytes = 576 * 2.0;
  const double flops = 2 * 128.0 * (2 * 512 + 64);
  CHECK(latent_flops_per_pair(s.llm) == flops);
  const double reading = bytes / (s.gpu.memory_bandwidth.value.value *
                                  s.gpu.bandwidth_factor.value * s.stack.attention_bandwidth.value);
  const double computing =
      flops / (989.5e12 * s.gpu.compute_factor.value * s.stack.latent_attention_compute.value);
  CHECK(computing > reading);
  CHECK(s.law().linear().kv_full_time == doctest::Approx(layers * computing).epsilon(1e-12));
  s.llm.heads = 16;
  CHECK(s.law().linear().kv_full_time == doctest::Approx(layers * reading).epsilon(1e-12));
}

// P_leak(T) = P_leak(T0) exp(k (T - T0)); what differs from T0 is added, so nothing at T0, and
// between two temperatures the ratio is exp(k dT).
TEST_CASE("leakage follows the junction temperature") {
  const GpuParameters gpu = read_catalog<GpuParameters>("h100_sxm");
  const sim::Temperature reference = gpu.reference_temperature.value;
  CHECK(leakage_beyond_reference(gpu, reference).value == 0);
  const double at_reference = gpu.leakage_share.value * 700;
  const double warm = leakage_beyond_reference(gpu, {reference.value + 20}).value;
  const double cold = leakage_beyond_reference(gpu, {reference.value - 20}).value;
  CHECK(warm > 0);
  CHECK(cold < 0);
  CHECK((at_reference + warm) / (at_reference + cold) ==
        doctest::Approx(std::exp(gpu.leakage_growth.value * 40)).epsilon(1e-12));
  CHECK(warm / 20 / 700 < 0.01);  // below 1 % of the rated power per kelvin
}
