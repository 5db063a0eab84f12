#include "models/compute/law_value.hpp"

#include <doctest/doctest.h>

#include "models/compute/catalog_file.hpp"
#include "models/compute/step_table.hpp"

using namespace mw::models;
using mw::test::read_catalog;

// A table holds the formulas' own values by token count and by sampled count, so an iteration
// priced by the formulas and one priced from the table are sums of the same doubles in the same
// order.
TEST_CASE("an iteration priced by the law has the bits of one priced from its table") {
  const auto gpu = read_catalog<GpuParameters>("h100_sxm");
  const auto stack = read_catalog<StackParameters>("vllm_0_11");
  for (const char* name : {"qwen3_30b_a3b", "gemma_3_27b"}) {
    const auto llm = read_catalog<LlmParameters>(name);
    const ReplicaShape shape{.gpus = 2, .tp = 2};
    const StepTable table = build_step_table(gpu, llm, stack, shape, 64, 512, 3);
    const StepLaw law(gpu, llm, stack, shape);
    for (int level = 0; level < 3; ++level) {
      for (const StepLoad& load : {StepLoad{.decodes = 1, .sampled = 1, .kv_tokens = 900},
                                   StepLoad{.decodes = 64, .sampled = 64, .kv_tokens = 70'000},
                                   StepLoad{.decodes = 30,
                                   .prefill_tokens = 411,
                                   .sampled = 31,
                                   .kv_tokens = 41'000,
                                   .prefill_pairs = 90'000}}) {
        const StepValue a = step_value(table.view(), level, load);
        const StepValue b = law_value(law, law.linear(), law.level(table.clock_ratio(level)), load);
        CHECK(a.time == b.time);
        CHECK(a.energy == b.energy);
        CHECK(a.gpu_time == b.gpu_time);
      }
    }
  }
}
