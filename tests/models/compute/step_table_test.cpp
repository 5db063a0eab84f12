#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>

#include "models/compute/catalog_file.hpp"
#include "models/compute/step_law.hpp"
#include "models/compute/step_table.hpp"

using namespace mw;
using namespace mw::models;
using mw::test::read_catalog;

namespace {
struct Case {
  std::string gpu, llm;
  int gpus, ep;
  Precision weights;
};
const Case cases[] = {{"h100_sxm", "llama_3_1_8b", 1, 1, Precision::bf16},
                      {"a100_80gb", "llama_3_1_70b", 4, 1, Precision::bf16},
                      {"h100_sxm", "gemma_3_27b", 2, 1, Precision::bf16},
                      {"b200", "gpt_oss_120b", 1, 1, Precision::mxfp4},
                      {"gb200", "deepseek_r1", 8, 8, Precision::nvfp4},
                      {"h200", "deepseek_r1", 8, 8, Precision::fp8},
                      {"h100_sxm", "nemotron_nano_9b_v2", 1, 1, Precision::bf16},
                      {"rtx_pro_6000", "qwen3_30b_a3b", 1, 1, Precision::bf16}};

StepTable build(const Case& c, int sequences, int tokens, int levels) {
  ReplicaShape shape;
  shape.gpus = shape.tp = c.gpus;
  shape.ep = c.ep;
  shape.weights = c.weights;
  const auto gpu = read_catalog<GpuParameters>(c.gpu);
  const auto llm = read_catalog<LlmParameters>(c.llm);
  const auto stack = read_catalog<StackParameters>("vllm_0_11");
  for (const auto& item : fit_problems(gpu, llm, stack, shape, sequences)) {
    FAIL_CHECK(c.llm << " on " << c.gpu << ": " << item.at << " " << item.problem);
  }
  return build_step_table(gpu, llm, stack, shape, sequences, tokens, levels);
}
}  // namespace

TEST_CASE("integer decode cells follow the law within 0.2 % over their whole range") {
  for (const Case& c : cases) {
    const StepTable table = build(c, 128, 128, 3);
    const StepTableView v = table.view();
    double worst = 0;
    std::int64_t checked = 0;
    for (int level = 0; level < 3; ++level) {
      for (std::int32_t b : {1, 2, 3, 7, 16, 33, 64, 100, 128}) {
        const std::int64_t end = decode_row(v, level, b).end;
        for (std::int64_t i = 0; i < 3000; ++i) {
          const std::int64_t kv = end * i / 3000;
          const StepLoad load{.decodes = b, .sampled = b, .kv_tokens = kv};
          const StepCost cost = step_cost(v, level, load);
          const StepValue exact = step_value(v, level, load);
          worst = std::max(worst, std::fabs(double(cost.time_ps) / (exact.time * 1e12) - 1));
          worst = std::max(worst, std::fabs(double(cost.energy_nj) / (exact.energy * 1e9) - 1));
          ++checked;
        }
      }
    }
    MESSAGE(c.llm << " on " << c.gpu << ": worst " << 100 * worst << " %, "
                  << table.decode_cells.size() << " cells for " << table.decode_rows.size()
                  << " rows, " << table.kv_token_capacity << " KV tokens");
    CHECK(worst < 0.002);
    CHECK(checked == 3 * 9 * 3000);
  }
}

// What a jump relies on: inside a cell n iterations of batch B cost n t0 + s B n (n - 1) / 2.
TEST_CASE("iterations inside a cell sum in closed form, exactly") {
  const StepTable table = build(cases[0], 64, 64, 2);
  const StepTableView v = table.view();
  for (std::int32_t b : {1, 5, 64}) {
    const DecodeRow& row = decode_row(v, 1, b);
    std::int64_t kv = row.end / 3;
    const DecodeSpan span = decode_span(v, row, kv);
    REQUIRE(span.begin <= kv);
    REQUIRE(kv < span.end);
    kv = span.begin;
    const std::int64_t n = std::min<std::int64_t>((span.end - 1 - kv) / b, 500);
    REQUIRE(n >= 1);
    std::int64_t time = 0, energy = 0;
    for (std::int64_t i = 0; i < n; ++i) {
      const StepCost cost = step_cost(v, 1, {.decodes = b, .sampled = b, .kv_tokens = kv + i * b});
      time += cost.time_ps;
      energy += cost.energy_nj;
    }
    CHECK(time == n * span.cell.time_ps + span.cell.time_slope * b * (n * (n - 1) / 2));
    CHECK(energy == n * span.cell.energy_nj + span.cell.energy_slope * b * (n * (n - 1) / 2));
  }
}

TEST_CASE("cells tile their row: spans meet, and cover from 0 to the end") {
  for (const Case& c : {cases[0], cases[2]}) {
    const StepTable table = build(c, 32, 32, 1);
    const StepTableView v = table.view();
    for (std::int32_t b = 1; b <= 32; ++b) {
      const DecodeRow& row = decode_row(v, 0, b);
      std::int64_t at = 0;
      while (at < row.end) {
        const DecodeSpan span = decode_span(v, row, at);
        REQUIRE(span.begin == at);
        REQUIRE(span.end > at);
        at = span.end;
      }
      CHECK(at == row.end);
      CHECK(row.end <= table.kv_token_capacity + 1);
    }
  }
}

TEST_CASE("beyond the cells, and in mixed iterations, the law itself is rounded") {
  const StepTable table = build(cases[0], 16, 512, 1);
  const StepTableView v = table.view();
  const std::int64_t past = decode_row(v, 0, 16).end + 12345;
  StepLoad load{.decodes = 16, .sampled = 16, .kv_tokens = past};
  CHECK(step_cost(v, 0, load).time_ps == std::llround(step_value(v, 0, load).time * 1e12));
  load.prefill_tokens = 400;
  load.prefill_pairs = 400 * 200;
  load.sampled = 16;
  CHECK(step_cost(v, 0, load).energy_nj == std::llround(step_value(v, 0, load).energy * 1e9));
}

// The token and sampling rows of the table are the formulas, not an approximation of them.
TEST_CASE("table rows equal the formulas") {
  const Case& c = cases[4];
  const StepTable table = build(c, 64, 1024, 3);
  ReplicaShape shape;
  shape.gpus = shape.tp = c.gpus;
  shape.ep = c.ep;
  shape.weights = c.weights;
  const StepLaw law(read_catalog<GpuParameters>(c.gpu), read_catalog<LlmParameters>(c.llm),
                    read_catalog<StackParameters>("vllm_0_11"), shape);
  for (int level = 0; level < 3; ++level) {
    const double stretch = 1 / table.clock_ratio(level);
    for (int t : {0, 1, 17, 500, 1024}) {
      CHECK(table.token_time[static_cast<std::size_t>(level * 1025 + t)] ==
            law.tokens(t, stretch).time);
    }
    for (int s : {0, 1, 64}) {
      CHECK(table.sampled_time[static_cast<std::size_t>(level * 65 + s)] ==
            law.sampling(s, stretch).time);
    }
  }
}

TEST_CASE("the same inputs give the same bits") {
  const StepTable a = build(cases[3], 32, 256, 4);
  const StepTable b = build(cases[3], 32, 256, 4);
  CHECK(a.token_time == b.token_time);
  REQUIRE(a.decode_cells.size() == b.decode_cells.size());
  CHECK(std::memcmp(a.decode_cells.data(), b.decode_cells.data(),
                    a.decode_cells.size() * sizeof(DecodeCell)) == 0);
}

// Not the catalog's figures but round ones, so that a better figure there does not come here. The
// number was computed once; release, debug and sanitizer builds must all find it again.
TEST_CASE("tables have the same bits in every build") {
  GpuParameters gpu;
  gpu.bf16.value = {1e15};
  gpu.memory.value = {1e11};
  gpu.memory_bandwidth.value = {3e12};
  gpu.link_bandwidth.value = {4e11};
  gpu.tdp.value = {700};
  gpu.idle.value = {100};
  gpu.max_clock.value = {2e9};
  gpu.min_clock.value = {5e8};
  gpu.knee_clock.value = {1.1e9};
  gpu.knee_voltage.value = {0.75};
  gpu.max_voltage.value = {1.05};
  gpu.bandwidth_factor.value = gpu.compute_factor.value = 0.9;
  gpu.busy_share.value = 0.1;
  gpu.flop_energy.value = {1.1e-12};
  gpu.padding_energy_ratio.value = 0.4;
  gpu.memory_energy.value = {1.2e-10};
  gpu.memory_core_share.value = 0.7;
  gpu.link_energy.value = {2.5e-10};
  gpu.vector_share.value = 0.5;
  gpu.power_ceiling.value = 0.97;
  LlmParameters llm;
  llm.layers = llm.moe_layers = 24;
  llm.hidden = 2048;
  llm.heads = 32;
  llm.kv_heads = 4;
  llm.head_dim = 128;
  llm.full_attention_layers = llm.window_layers = 12;
  llm.window = 512;
  llm.experts = 64;
  llm.experts_per_token = 6;
  llm.moe_inter = 1024;
  llm.vocab = 100000;
  StackParameters stack = read_catalog<StackParameters>("vllm_0_11");
  for (auto* share : {&stack.dense_bandwidth, &stack.expert_bandwidth, &stack.attention_bandwidth,
                      &stack.activation_bandwidth, &stack.permute_bandwidth, &stack.dense_compute,
                      &stack.expert_compute, &stack.prompt_attention_compute}) {
    share->value = 0.7;
  }
  for (auto* time : {&stack.step_overhead, &stack.attention_layer_gap, &stack.moe_layer_gap,
                     &stack.collective_latency, &stack.host_base, &stack.host_per_sequence}) {
    time->value.value = 1e-5;
  }
  stack.sampler_per_logit.value.value = 1e-10;
  stack.expert_tile.value = 16;
  stack.expert_permute = ExpertPermute::all_tokens;
  stack.workspace.value.value = 3e9;
  ReplicaShape shape;
  shape.gpus = shape.tp = shape.ep = 4;
  const StepTable table = build_step_table(gpu, llm, stack, shape, 64, 1024, 4);
  const StepTableView v = table.view();

  std::uint64_t hash = 14695981039346656037u;  // FNV-1a over 64-bit words
  const auto fold = [&](std::int64_t word) {
    hash = (hash ^ static_cast<std::uint64_t>(word)) * 1099511628211u;
  };
  for (const DecodeCell& cell : table.decode_cells) {
    fold(cell.time_ps);
    fold(cell.time_slope);
    fold(cell.energy_nj);
    fold(cell.energy_slope);
  }
  for (int level = 0; level < 4; ++level) {
    for (std::int32_t tokens = 1; tokens < 960; tokens += 7) {
      const StepCost cost = step_cost(v, level,
                                      {.decodes = 20,
                                       .prefill_tokens = tokens,
                                       .sampled = 21,
                                       .kv_tokens = 40000 + 3 * tokens,
                                       .prefill_pairs = 300 * tokens});
      fold(cost.time_ps);
      fold(cost.energy_nj);
    }
  }
  CHECK(hash == 10877839506927343767u);
}

TEST_CASE("more work never costs less time or energy") {
  const StepTable table = build(cases[0], 64, 2048, 1);
  const StepTableView v = table.view();
  StepLoad load{.decodes = 10,
                .prefill_tokens = 100,
                .sampled = 11,
                .kv_tokens = 9000,
                .prefill_pairs = 5000};
  const StepValue base = step_value(v, 0, load);
  const auto costs_more = [&](StepLoad more) {
    const StepValue value = step_value(v, 0, more);
    CHECK(value.time > base.time);
    CHECK(value.energy > base.energy);
  };
  StepLoad more = load;
  more.prefill_tokens = 1000;
  costs_more(more);
  more = load;
  more.sampled = 20;
  costs_more(more);
  more = load;
  more.kv_tokens = 90000;
  costs_more(more);
  more = load;
  more.prefill_pairs = 5000000;
  costs_more(more);
}
