#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "models/compute/catalog_file.hpp"
#include "models/compute/law_value.hpp"
#include "models/compute/layer_collectives.hpp"
#include "models/compute/model_size.hpp"
#include "models/compute/pipeline.hpp"
#include "models/compute/speculation.hpp"
#include "models/compute/steady.hpp"
#include "models/compute/step_law.hpp"
#include "models/compute/step_table.hpp"

// Parallelism by topology, pipelines and speculation: what the shapes of a replica do to it.
using namespace mw;
using namespace mw::models;
using mw::test::read_catalog;

namespace {

struct Parts {
  GpuParameters gpu;
  LlmParameters llm;
  StackParameters stack;
  Parts(const char* gpu_name, const char* llm_name, const char* stack_name = "trtllm_1")
      : gpu(read_catalog<GpuParameters>(gpu_name)),
        llm(read_catalog<LlmParameters>(llm_name)),
        stack(read_catalog<StackParameters>(stack_name)) {}

  StepLaw law(const ReplicaShape& shape) const { return {gpu, llm, stack, shape}; }
  /// Without a table: one iteration at the highest clock.
  StepValue value(const ReplicaShape& shape, const StepLoad& load) const {
    const StepLaw l = law(shape);
    return law_value(l, l.linear(), l.level(1), load);
  }
  SteadyState steady(const ReplicaShape& shape, double batch, double in, double out) const {
    const StepLinear lin = law(shape).linear();
    SteadyLoad load;
    load.batch = batch;
    load.prompt_tokens = in;
    load.output_tokens = out;
    load.output_cv = 0;
    load.mixed_step_burst = stack.mixed_step_burst.value;
    const int most = static_cast<int>(batch) + 1;
    return steady_state(
        {[&](const StepLoad& step) { return value(shape, step); }, most,
         stack.max_batched_tokens * shape.attention_dp + most * lin.tokens_per_decode,
         lin.tokens_per_decode, lin.yield_per_decode},
        load);
  }
};

StepLoad decode(int sequences, int context) {
  StepLoad load;
  load.decodes = load.sampled = sequences;
  load.kv_tokens = std::int64_t{sequences} * context;
  return load;
}

}  // namespace

// With as many micro-batches as stages, each of the pp ticks takes a micro-batch through its share
// of the layers on n / pp GPUs: the weights are read pp times in all. With fewer tokens than stages
// a token still visits every stage in turn, so that one sequence waits as long as on one stage's
// GPUs alone, while the others idle.
TEST_CASE("a pipeline's iteration in closed form") {
  Parts p("h100_sxm", "llama_3_1_70b");
  p.stack.step_overhead.value.value = 0;
  p.stack.collective_latency.value.value = 0;
  ReplicaShape stage{.gpus = 4, .tp = 4};
  ReplicaShape whole{.gpus = 16, .tp = 4, .pp = 4};
  const StepLaw one = p.law(stage), four = p.law(whole);
  const KernelCost a = one.dense(32, 1), b = four.dense(4 * 32, 1);
  CHECK(b.time == doctest::Approx(a.time));  // 80 layers divide by 4
  CHECK(b.core_energy == doctest::Approx(4 * a.core_energy));
  CHECK(b.other_energy == doctest::Approx(4 * a.other_energy));
  // A single token: the bubble. Same time as on one stage's GPUs, and the energy of one pass.
  CHECK(four.dense(1, 1).time == doctest::Approx(one.dense(1, 1).time));
  CHECK(four.dense(1, 1).core_energy == doctest::Approx(one.dense(1, 1).core_energy));
  // Attention too: one sequence's cache lies on four stages, but one works at a time.
  StepLoad lone = decode(1, 100000), many = decode(4, 100000);
  const StepLinear lin = four.linear();
  CHECK(lin.kv_full_time == doctest::Approx(one.linear().kv_full_time / 4));
  const double before = p.value(whole, lone).gpu_time, after = p.value(stage, lone).gpu_time;
  CHECK(before == doctest::Approx(after).epsilon(0.1));  // the head's ticks and hand-overs beside
  CHECK(p.value(whole, many).gpu_time < 1.2 * before);
  // No tokens, no waiting: the steady estimate asks for batches below one.
  CHECK(std::isfinite(p.steady(whole, 0.5, 1000, 100).tokens_per_second));
  // Layers that do not divide: the largest stage sets the tick.
  CHECK(stage_imbalance(p.llm, 3) == doctest::Approx(27.0 * 3 / 80));
}

// Throughput against latency on 16 GPUs in two domains of 8: two stages cost one sequence time, but
// spare the network the all-reduces; with a large batch the pipeline makes more tokens.
TEST_CASE("two nodes: a pipeline against tensor parallelism across the network") {
  const Parts p("h100_sxm", "llama_3_1_405b", "vllm_0_19");
  const ReplicaShape tensor{.gpus = 16, .tp = 16};
  const ReplicaShape pipeline{.gpus = 16, .tp = 8, .pp = 2};
  CHECK(fit_problems(p.gpu, p.llm, p.stack, tensor).empty());
  CHECK(fit_problems(p.gpu, p.llm, p.stack, pipeline).empty());
  const CollectiveCost t = layer_collectives(p.gpu, p.llm, p.stack, tensor, 256);
  CHECK(t.scale_out_bytes == doctest::Approx(2.0 * p.llm.layers * 2 * 256 * p.llm.hidden * 2));
  const CollectiveCost h = stage_hand_over(p.gpu, p.llm, pipeline, 256);
  CHECK(h.scale_out_bytes == doctest::Approx(256.0 * p.llm.hidden * 2));
  CHECK(h.link_bytes == 0);
  CHECK(p.value(pipeline, decode(1, 1000)).time > p.value(tensor, decode(1, 1000)).time);
  CHECK(p.steady(pipeline, 256, 2000, 500).tokens_per_second >
        p.steady(tensor, 256, 2000, 500).tokens_per_second);
  // And both pay for the network against one domain of 16.
  ReplicaShape joined = tensor;
  joined.nvlink_domain = 16;
  CHECK(p.value(joined, decode(64, 1000)).time < p.value(tensor, decode(64, 1000)).time);
}

// Stages hold a share of the layers, and the memory closes over them.
TEST_CASE("memory of a pipeline") {
  const Parts p("h100_sxm", "llama_3_1_405b", "vllm_0_19");
  const ReplicaShape two{.gpus = 16, .tp = 8, .pp = 2};
  const MemoryFit fit = memory_fit(p.gpu, p.llm, p.stack, two, 1);
  const double layers = total_weights(p.llm) - 2 * head_weights(p.llm);
  CHECK(fit.weight_bytes_per_gpu ==
        doctest::Approx(2 * (layers / 2 + head_weights(p.llm)) / 8));  // 126 layers: 63 each
  CHECK(fit.kv_token_capacity > 0);
}

// k tokens drafted, each accepted with chance p after those before it: 1 + p + ... + p^k tokens an
// iteration, (1 - p^(k+1)) / (1 - p).
TEST_CASE("tokens of a speculative iteration") {
  Speculation s{.tokens = 3, .acceptance = 0.7};
  CHECK(expected_tokens(s) == doctest::Approx((1 - std::pow(0.7, 4)) / 0.3));
  s.acceptance = 1;
  CHECK(expected_tokens(s) == 4);
  s.acceptance = 0;
  CHECK(expected_tokens(s) == 1);
  s.tokens = 0;
  CHECK(expected_tokens(s) == 1);
}

// Drafting costs: the module's layers once on all tokens and once more for each further draft, its
// head each time; the model itself verifies 1 + k tokens of every sequence.
TEST_CASE("what a speculative iteration adds") {
  const Parts p("b200", "deepseek_r1");
  ReplicaShape plain{.gpus = 8, .tp = 8, .ep = 8, .weights = Precision::nvfp4};
  ReplicaShape mtp = plain;
  mtp.speculation = {.tokens = 2, .acceptance = 0.8};
  const StepLaw a = p.law(plain), b = p.law(mtp);
  const LlmParameters module = draft_of(mtp.speculation, p.llm);
  StackParameters inside = p.stack;
  inside.step_overhead.value.value = 0;
  const StepLaw draft(p.gpu, module, inside, plain);
  CHECK(b.tokens(30, 1).time == doctest::Approx(a.tokens(30, 1).time + draft.tokens(30, 1).time));
  CHECK(b.sampling(10, 1).time ==
        doctest::Approx(a.sampling(30, 1).time + 2 * draft.sampling(10, 1).time +
                        draft.tokens(10, 1).time));
  CHECK(b.linear().tokens_per_decode == 3);
  CHECK(b.linear().kv_full_other ==
        doctest::Approx(a.linear().kv_full_other * (1 + 2.0 / p.llm.full_attention_layers)));
  // The latent is read once, but three queries work on it.
  CHECK(b.linear().kv_full_time > a.linear().kv_full_time);
  CHECK(b.linear().kv_full_time < 3.5 * a.linear().kv_full_time);
  // Its weights and its cache take memory.
  const MemoryFit without = memory_fit(p.gpu, p.llm, p.stack, plain, 1);
  const MemoryFit with = memory_fit(p.gpu, p.llm, p.stack, mtp, 1);
  CHECK(with.weight_bytes_per_gpu > without.weight_bytes_per_gpu);
  CHECK(with.kv_bytes_per_token ==
        doctest::Approx(without.kv_bytes_per_token * (1 + 1.0 / p.llm.full_attention_layers)));
  // The shares still add up to the iteration.
  const StepLoad load = decode(16, 2000);
  const StepShares shares = b.shares(load, b.level(1));
  CHECK(shares.time == doctest::Approx(p.value(mtp, load).time));
  CHECK(shares.energy == doctest::Approx(p.value(mtp, load).energy));
  double sum = 0;
  for (const double share : shares.time_shares) sum += share;
  CHECK(sum == doctest::Approx(1));
}

TEST_CASE("a table with speculation says what the law says") {
  const Parts p("b200", "deepseek_r1");
  ReplicaShape mtp{.gpus = 8, .tp = 8, .ep = 8, .weights = Precision::nvfp4};
  mtp.speculation = {.tokens = 3, .acceptance = 0.7};
  const StepTable table = build_step_table(p.gpu, p.llm, p.stack, mtp, 64, 128, 1);
  CHECK(table.max_tokens == 256);  // 64 sequences of 1 + 3 tokens
  for (const int sequences : {1, 7, 64}) {
    const StepLoad load = decode(sequences, 3000);
    const StepCost cost = step_cost(table.view(), 0, load);
    CHECK(double(cost.time_ps) * 1e-12 == doctest::Approx(p.value(mtp, load).time).epsilon(0.002));
  }
}

// Untuned: drafts are nearly free while an iteration waits for weights, and cost what they are
// worth once arithmetic and host bind, so that the gain falls with the batch.
TEST_CASE("multi-token prediction helps small batches most") {
  const Parts p("b200", "deepseek_r1");
  const ReplicaShape plain{.gpus = 8, .tp = 8, .ep = 8, .weights = Precision::nvfp4};
  ReplicaShape mtp = plain;
  mtp.speculation = {.tokens = 3, .acceptance = 0.7};
  std::vector<double> gains;
  for (const double batch : {1.0, 16.0, 128.0, 1024.0}) {
    const double gain = p.steady(mtp, batch, 1024, 1024).tokens_per_second /
                        p.steady(plain, batch, 1024, 1024).tokens_per_second;
    MESSAGE("batch " << batch << ": " << gain << " times the tokens");
    gains.push_back(gain);
  }
  CHECK(gains.front() > 1.4);
  CHECK(gains.front() < expected_tokens(mtp.speculation));
  CHECK(gains.back() < gains.front() - 0.2);
  // A drafter that is never right only costs.
  mtp.speculation.acceptance = 0;
  CHECK(p.steady(mtp, 128, 1024, 1024).tokens_per_second <
        p.steady(plain, 128, 1024, 1024).tokens_per_second);
}

namespace {

struct Point {
  double interactivity, throughput;  // tokens/s of a user; tokens/s of a GPU
};

/// Throughput per GPU at an interactivity, the best batch of a shape: the frontier at one point.
double throughput_at(const Parts& p, const ReplicaShape& shape, double interactivity) {
  const MemoryFit memory = memory_fit(p.gpu, p.llm, p.stack, shape, 1);
  double best = 0;
  for (double batch = 1; batch <= 8192; batch *= 1.25) {
    if (batch * 2048 > double(memory.kv_token_capacity)) break;
    const SteadyState s = p.steady(shape, batch, 1024, 1024);
    const double per_user = s.tokens_per_second / batch;
    if (per_user >= interactivity) best = std::max(best, s.tokens_per_second / shape.gpus);
  }
  return best;
}

}  // namespace

// Untuned: with data-parallel attention and experts over the whole rack each GPU reads few experts
// for many tokens, which pays where batches are large. A single user gets its tokens sooner from
// a few GPUs in tensor parallelism, whose collectives are short.
TEST_CASE("wide expert parallelism on NVL72 wins in the middle and loses at high interactivity") {
  const Parts p("gb200", "deepseek_r1");
  const ReplicaShape narrow{.gpus = 8,
                            .tp = 8,
                            .ep = 8,
                            .nvlink_domain = 72,
                            .weights = Precision::nvfp4,
                            .kv = Precision::fp8};
  ReplicaShape wide = narrow;
  wide.gpus = wide.ep = wide.attention_dp = 32;
  wide.tp = 1;
  CHECK(fit_problems(p.gpu, p.llm, p.stack, wide, 256).empty());
  double fastest_narrow = p.steady(narrow, 1, 1024, 1024).tokens_per_second;
  double fastest_wide = p.steady(wide, 1, 1024, 1024).tokens_per_second;
  MESSAGE("one user: " << fastest_narrow << " tokens/s on 8 GPUs, " << fastest_wide << " on 32");
  CHECK(fastest_narrow > fastest_wide);
  for (const double interactivity : {20.0, 40.0, 60.0, 80.0, 100.0}) {
    MESSAGE("at " << interactivity
                  << " tokens/s a user: " << throughput_at(p, narrow, interactivity)
                  << " tokens/s a GPU on 8, " << throughput_at(p, wide, interactivity) << " on 32");
  }
  CHECK(throughput_at(p, wide, 60) > 1.1 * throughput_at(p, narrow, 60));

  // The same experts over four nodes of 8 pay for the network.
  ReplicaShape nodes = wide;
  nodes.nvlink_domain = 8;
  CHECK(throughput_at(p, nodes, 60) < throughput_at(p, wide, 60));
}

// Untuned: memory that changes in size alone moves the frontier where the cache limits the batch,
// and leaves one user's speed alone.
TEST_CASE("memory capacity alone changes the frontier") {
  Parts p("h100_sxm", "llama_3_1_70b", "vllm_0_19");
  const ReplicaShape shape{.gpus = 2, .tp = 2, .weights = Precision::fp8};
  const double small = throughput_at(p, shape, 15);
  const double alone = p.steady(shape, 1, 1024, 1024).tokens_per_second;
  p.gpu.memory.value.value = 141e9;
  MESSAGE("at 15 tokens/s a user: " << small << " tokens/s a GPU with 80 GB, "
                                    << throughput_at(p, shape, 15) << " with 141 GB");
  CHECK(throughput_at(p, shape, 15) > 1.1 * small);
  CHECK(p.steady(shape, 1, 1024, 1024).tokens_per_second == alone);
}

// Untuned: while an iteration waits for weights, twice the batch costs little more and halves the
// energy of a token; once caches, arithmetic and the host count, it saves little. Measured on one
// H100 (ML.ENERGY v3, chat, Llama 3.1 8B): 0.455, 0.095 and 0.070 J at batches of 8, 128 and 512,
// exponents of -0.57 and -0.22 in between; the single steps below are ours.
TEST_CASE("the energy of a token has a knee against the batch") {
  const Parts p("h100_sxm", "llama_3_1_8b", "vllm_0_11");
  const ReplicaShape shape{.gpus = 1, .tp = 1};
  const auto joules = [&](double batch) {
    return p.steady(shape, batch, 219, 550).joules_per_token;
  };
  const auto exponent = [&](double from, double to) {
    return std::log(joules(to) / joules(from)) / std::log(to / from);
  };
  MESSAGE("J/token at 8, 128, 512: " << joules(8) << ", " << joules(128) << ", " << joules(512));
  CHECK(exponent(1, 8) < -0.85);
  CHECK(exponent(8, 128) == doctest::Approx(-0.57).epsilon(0.25));
  CHECK(exponent(128, 512) > -0.4);
  double before = -1;
  for (double batch = 1; batch < 1024; batch *= 4) {
    CHECK(joules(4 * batch) < joules(batch));
    const double slope = exponent(batch, 4 * batch);
    CHECK(slope > before);  // ever less is saved
    before = slope;
  }
}
