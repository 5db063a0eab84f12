#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
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
