#include "models/compute/attention_table.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "models/compute/catalog_file.hpp"
#include "models/compute/kernel_table.hpp"
#include "models/compute/step_law.hpp"
#include "models/compute/table.hpp"
#include "sim/input_error.hpp"
#include "support/scratch.hpp"

using namespace mw;
using namespace mw::models;
using mw::test::median;
using mw::test::read_catalog;

namespace {

void write(const std::filesystem::path& file, const std::string& text) {
  std::ofstream(file) << text;
}

const std::string preamble = "# constants: device=TEST; attn_dtype=bfloat16; isl=1\n";
const std::string header =
    "batch_size,num_heads,num_key_value_heads,head_dim,kv_cache_dtype,step,latency\n";
const std::string prompt_preamble = "# constants: device=TEST; attn_dtype=bfloat16; step=0\n";
const std::string prompt_header =
    "batch_size,isl,num_heads,num_key_value_heads,head_dim,kv_cache_dtype,latency\n";

/// A kernel that takes launch + a sequence's part + its bytes or operations at the share `share` of
/// their roof, written as both tables.
void write_tables(const std::filesystem::path& folder, const AttentionShape& s,
                  const AttentionRoof& roof, double share) {
  const std::string shape = fmt::format("{},{},{},bfloat16", s.heads, s.kv_heads, s.head_dim);
  std::string decodes = preamble + header, prompts = prompt_preamble + prompt_header;
  for (const double batch : {1, 8, 64, 512})
    for (const double length : {512, 8192, 65536, 262144}) {
      const double read = batch * length * roof.per_context_token / share;
      const double pairs = batch * length * length / 2 * roof.per_pair / share;
      decodes +=
          fmt::format("{},{},{},{}\n", batch, shape, length, 1e3 * (9e-6 + 40e-9 * batch + read));
      prompts += fmt::format("{},{},{},{}\n", batch, length, shape,
                             1e3 * (12e-6 + 2e-9 * batch * length + pairs));
    }
  write(folder / "decode.csv", decodes);
  write(folder / "prompt.csv", prompts);
}

}  // namespace

// time = launch + a sequences + context / (share x roof): the fit finds the share whatever the
// other two are.
TEST_CASE("the share of the roofline is told apart from launches and sequences") {
  const auto gpu = read_catalog<GpuParameters>("h200");
  const auto llm = read_catalog<LlmParameters>("llama_3_1_70b");
  const auto stack = read_catalog<StackParameters>("vllm_0_19");
  const ReplicaShape shape{.gpus = 4, .tp = 4};
  const AttentionShape layer = attention_shape(llm, shape);
  CHECK(layer.heads == 16);
  CHECK(layer.kv_heads == 2);
  const AttentionRoof roof = attention_roof(gpu, llm, layer);
  test::Scratch scratch;
  write_tables(scratch.path(), layer, roof, 0.6);
  const auto tables = std::make_shared<const KernelTables>(scratch.path());
  CHECK(tables->points() == 32);
  CHECK(tables->decode_utilisation(layer, roof).value() == doctest::Approx(0.6).epsilon(1e-6));
  CHECK(tables->prompt_utilisation(layer, roof).value() == doctest::Approx(0.6).epsilon(1e-6));
  AttentionShape other = layer;
  other.heads = 8;
  CHECK(!tables->decode_utilisation(other, roof));

  // The law takes the measured share in place of the stack's, and nothing else changes.
  const StepLinear formula = StepLaw(gpu, llm, stack, shape).linear();
  StepLinear measured = StepLaw(gpu, llm, stack, shape, tables).linear();
  CHECK(measured.kv_full_time * 0.6 ==
        doctest::Approx(formula.kv_full_time * gpu.bandwidth_factor.value *
                        stack.attention_bandwidth.value));
  CHECK(measured.pair_full_time * 0.6 ==
        doctest::Approx(formula.pair_full_time * gpu.compute_factor.value *
                        stack.prompt_attention_compute.value));
  measured.kv_full_time = formula.kv_full_time;
  measured.pair_full_time = formula.pair_full_time;
  CHECK(measured == formula);
}

TEST_CASE("latent attention is read from tables of its whole module") {
  const auto gpu = read_catalog<GpuParameters>("gb200");
  const auto llm = read_catalog<LlmParameters>("deepseek_r1");
  const auto stack = read_catalog<StackParameters>("trtllm_1");
  const ReplicaShape shape{.gpus = 8, .tp = 8, .ep = 8, .weights = Precision::fp8};
  const AttentionShape layer = attention_shape(llm, shape);
  const AttentionRoof roof = attention_roof(gpu, llm, layer);
  std::string rows =
      "# constants: device=TEST; mla_dtype=bfloat16; kv_cache_dtype=bfloat16; isl=1\n"
      "gemm_type,num_heads,batch_size,step,latency\n";
  for (const double batch : {4, 32, 256})
    for (const double length : {8192, 65536, 262144})
      rows +=
          fmt::format("fp8_block,16,{},{},{}\n", batch, length,
                      1e3 * (80e-6 + 3e-7 * batch + batch * length * roof.per_context_token / 0.7));
  test::Scratch scratch;
  write(scratch / "mla.csv", rows);
  const auto tables = std::make_shared<const KernelTables>(scratch.path());
  CHECK(tables->decode_utilisation(layer, roof).value() == doctest::Approx(0.7).epsilon(1e-6));
  const StepLinear measured = StepLaw(gpu, llm, stack, shape, tables).linear();
  CHECK(measured.kv_full_time ==
        doctest::Approx(llm.full_attention_layers * roof.per_context_token / 0.7));
}

TEST_CASE("tables of other kernels, and attention faster than its memory, are told") {
  const auto gpu = read_catalog<GpuParameters>("h200");
  const auto llm = read_catalog<LlmParameters>("llama_3_1_70b");
  const ReplicaShape shape{.gpus = 4, .tp = 4};
  const AttentionShape layer = attention_shape(llm, shape);
  test::Scratch scratch;
  write_tables(scratch.path(), layer, attention_roof(gpu, llm, layer), 1.4);
  const auto told = impossible_attention(KernelTables(scratch.path()), gpu, llm, shape);
  REQUIRE(told);
  CHECK(told->find("on `TEST` is 1.40 times as fast as this GPU's data sheet allows") !=
        std::string::npos);
  write_tables(scratch.path(), layer, attention_roof(gpu, llm, layer), 0.9);
  CHECK(!impossible_attention(KernelTables(scratch.path()), gpu, llm, shape));

  write(scratch / "nccl.csv", "# constants: device=TEST\nnum_gpus,message_size,latency\n2,1,1\n");
  std::string text;
  try {
    KernelTables tables(scratch.path());
  } catch (const sim::InputError& e) {
    text = e.what();
  }
  CHECK(text.find("nccl.csv:2: has not the columns of a gemm, moe, attention or mla module table; "
                  "take it out") != std::string::npos);
}

// What public tables say beside the stacks' fitted shares, and how far their own kernels are from
// launch + sequences + growth.
TEST_CASE("measured attention: shares of the roofline") {
  const char* data = std::getenv("MILLWRIGHT_DATA");
  const std::string folder = data == nullptr ? "" : std::string(data) + "/inference/aic_kernels/";
  if (folder.empty() || !std::filesystem::exists(folder)) {
    MESSAGE("SKIPPED: set MILLWRIGHT_DATA to a folder with inference/aic_kernels");
    return;
  }
  struct Case {
    const char *gpu, *file, *llm;
    int tp;
    Precision kv;
    bool decodes;
    double from, to;  // measured
  };
  constexpr Precision bf16 = Precision::bf16, fp8 = Precision::fp8;
  for (const Case& c : {
           Case{"h200", "h200_sxm__generation_attention__vllm_0.22.0", "llama_3_1_70b", 8, bf16,
                true, 0.7, 1.0},
           {"h200", "h200_sxm__generation_attention__vllm_0.22.0", "llama_3_1_70b", 8, fp8, true,
            0.5, 0.8},
           {"gb200", "gb200__generation_attention__vllm_0.22.0", "llama_3_1_70b", 8, bf16, true,
            0.85, 1.05},
           {"h200", "h200_sxm__context_attention__vllm_0.22.0", "llama_3_1_70b", 8, bf16, false,
            0.55, 0.75},
           {"h100_sxm", "h100_sxm__context_attention__trtllm_1.3.0rc10", "llama_3_1_70b", 8, bf16,
            false, 0.45, 0.65},
           {"b200", "b200_sxm__mla_generation_module__trtllm_1.3.0rc15", "deepseek_r1", 8, bf16,
            true, 0.65, 0.8},
           {"h200", "h200_sxm__mla_context_module__vllm_0.22.0", "deepseek_r1", 8, bf16, false,
            0.85, 1.0},
           // TensorRT-LLM's decodes read 1.3 to 1.7 times what the memory can deliver.
           {"b200", "b200_sxm__generation_attention__trtllm_1.3.0rc15", "llama_3_1_70b", 8, bf16,
            true, 1.4, 1.8},
           {"h100_sxm", "h100_sxm__generation_attention__trtllm_1.3.0rc10", "llama_3_1_70b", 8,
            bf16, true, 1.1, 1.8},
       }) {
    test::Scratch scratch;
    std::filesystem::copy(folder + c.file + ".csv.gz", scratch / "table.csv.gz");
    const KernelTables tables(scratch.path());
    const auto gpu = read_catalog<GpuParameters>(c.gpu);
    const auto llm = read_catalog<LlmParameters>(c.llm);
    ReplicaShape shape{.gpus = c.tp, .tp = c.tp, .kv = c.kv};
    const AttentionShape layer = attention_shape(llm, shape);
    const AttentionRoof roof = attention_roof(gpu, llm, layer);
    const auto share =
        c.decodes ? tables.decode_utilisation(layer, roof) : tables.prompt_utilisation(layer, roof);
    REQUIRE(share);
    MESSAGE(fmt::format("{} {} {} on {}: {:.2f} of the roofline", c.file, c.llm,
                        c.kv == fp8 ? "fp8" : "bf16", c.gpu, *share));
    CHECK(*share > c.from);
    CHECK(*share < c.to);
    CHECK(impossible_attention(tables, gpu, llm, shape).has_value() == (*share > 1.1));
  }
}
