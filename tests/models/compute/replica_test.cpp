#include <doctest/doctest.h>

#include <string>

#include "models/compute/catalog_file.hpp"
#include "models/compute/model_size.hpp"
#include "models/compute/replica.hpp"

using namespace mw;
using namespace mw::models;
using mw::test::read_catalog;

namespace {
ReplicaShape shape(int gpus, Precision weights = Precision::bf16, int ep = 1) {
  ReplicaShape s;
  s.gpus = s.tp = gpus;
  s.ep = ep;
  s.weights = weights;
  return s;
}
const StackParameters& stack() {
  static const StackParameters s = read_catalog<StackParameters>("vllm_0_11");
  return s;
}
auto problems_of(const char* gpu, const char* llm, const ReplicaShape& s, int sequences = 1) {
  return fit_problems(read_catalog<GpuParameters>(gpu), read_catalog<LlmParameters>(llm), stack(),
                      s, sequences);
}
bool says(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}
}  // namespace

// Memory closes: usable = weights + KV capacity x bytes per token, to less than one token.
TEST_CASE("GPU memory is weights and KV cache") {
  const auto gpu = read_catalog<GpuParameters>("h100_sxm");
  const auto llm = read_catalog<LlmParameters>("llama_3_1_8b");
  const MemoryFit fit = memory_fit(gpu, llm, stack(), shape(1), 256);
  CHECK(fit.weight_bytes_per_gpu == total_weights(llm) * 2);
  const double usable = gpu.memory.value.value * 0.9 - stack().workspace.value.value;
  const double left =
      usable - fit.weight_bytes_per_gpu - double(fit.kv_token_capacity) * fit.kv_bytes_per_token;
  CHECK(left >= 0);
  CHECK(left < fit.kv_bytes_per_token);
}

TEST_CASE("a second GPU holds half the weights, and the KV heads it shares") {
  const auto gpu = read_catalog<GpuParameters>("h100_sxm");
  const auto llm = read_catalog<LlmParameters>("qwen3_32b");
  const MemoryFit one = memory_fit(gpu, llm, stack(), shape(1), 1);
  const MemoryFit two = memory_fit(gpu, llm, stack(), shape(2), 1);
  CHECK(two.weight_bytes_per_gpu == doctest::Approx(one.weight_bytes_per_gpu / 2));
  CHECK(two.kv_bytes_per_token == one.kv_bytes_per_token);
  const MemoryFit sixteen = memory_fit(gpu, llm, stack(), shape(16), 1);
  CHECK(sixteen.kv_bytes_per_token == 2 * one.kv_bytes_per_token);  // 8 KV heads on 16 ranks
}

TEST_CASE("sliding windows: the layout that holds more tokens is taken") {
  const auto gpu = read_catalog<GpuParameters>("h100_sxm");
  const auto llm = read_catalog<LlmParameters>("gpt_oss_120b");
  const MemoryFit few = memory_fit(gpu, llm, stack(), shape(1, Precision::mxfp4), 16);
  CHECK(few.kv_bytes_per_token == 18 * 2 * 8 * 64 * 2.0);
  const MemoryFit many = memory_fit(gpu, llm, stack(), shape(1, Precision::mxfp4), 4096);
  CHECK(many.kv_bytes_per_token == 36 * 2 * 8 * 64 * 2.0);
  CHECK(many.kv_token_capacity < few.kv_token_capacity);
  // gpt-oss-120b in MXFP4 is published to fit one 80 GB GPU (OpenAI model card).
  CHECK(few.kv_token_capacity > 0);
}

TEST_CASE("what does not fit is named, with the nearest that does") {
  const auto big = problems_of("h100_sxm", "llama_3_1_70b", shape(1));
  REQUIRE(big.size() == 1);
  CHECK(big[0].at == "gpus");
  CHECK(says(big[0].problem, "bf16 weights take 141"));
  CHECK(says(big[0].advice, "use 2 GPUs (tp: 2)"));
  CHECK(problems_of("h100_sxm", "llama_3_1_70b", shape(2)).empty());

  const auto whole_node = problems_of("h100_sxm", "llama_3_1_405b", shape(8));
  REQUIRE(whole_node.size() == 1);
  CHECK(says(whole_node[0].advice, "fp8"));
  CHECK(problems_of("h100_sxm", "llama_3_1_405b", shape(8, Precision::fp8)).empty());

  const auto hopeless = problems_of("p100", "deepseek_r1", shape(8, Precision::nvfp4));
  REQUIRE(hopeless.size() == 1);
  CHECK(says(hopeless[0].advice, "more memory"));

  const auto sequences = problems_of("h100_sxm", "nemotron_nano_9b_v2", shape(1), 4096);
  REQUIRE(sequences.size() == 1);
  CHECK(says(sequences[0].problem, "4096 sequences"));
  CHECK(says(sequences[0].advice, "run at most 256 sequences"));
  CHECK(problems_of("h100_sxm", "nemotron_nano_9b_v2", shape(1), 256).empty());
}

TEST_CASE("shapes that cannot be are named") {
  const auto heads = problems_of("h100_sxm", "llama_3_1_8b", shape(3));
  REQUIRE(heads.size() == 1);
  CHECK(heads[0].at == "tp");
  CHECK(says(heads[0].advice, "tp: 2"));

  ReplicaShape s = shape(8, Precision::fp8, 3);
  const auto experts = problems_of("h100_sxm", "deepseek_r1", s);
  CHECK(experts.size() == 2);
  CHECK(says(experts[0].advice, "ep: 2"));

  CHECK(says(problems_of("h100_sxm", "llama_3_1_8b", shape(2, Precision::bf16, 2))[0].advice,
             "ep: 1"));
  // Beyond one NVLink domain of 8: in whole domains, and only with a network between them.
  CHECK(problems_of("h100_sxm", "llama_3_1_70b", shape(16)).empty());
  CHECK(says(problems_of("h100_sxm", "llama_3_1_70b", shape(10))[0].advice, "gpus: 8"));
  CHECK(says(problems_of("h100_sxm", "llama_3_1_70b", shape(14))[0].advice, "gpus: 16"));
  CHECK(says(problems_of("rtx_4090", "llama_3_1_70b", shape(16))[0].problem, "no network"));

  ReplicaShape product = shape(8);
  product.tp = 4;
  CHECK(says(problems_of("h100_sxm", "llama_3_1_70b", product)[0].advice, "gpus: 4"));

  ReplicaShape stages = shape(16);
  stages.tp = 4;
  stages.pp = 4;
  CHECK(problems_of("h100_sxm", "llama_3_1_70b", stages).empty());
  stages.gpus = 8;
  CHECK(says(problems_of("h100_sxm", "llama_3_1_70b", stages)[0].advice, "gpus: 16"));
  stages.gpus = 96 * 4;
  stages.pp = 96;
  CHECK(says(problems_of("h100_sxm", "llama_3_1_70b", stages)[0].advice, "pp: 80"));
  // A tensor-parallel group of 6 would lie across the border of domains of 8.
  stages.gpus = 48;
  stages.tp = 6;
  stages.pp = 8;
  CHECK(says(problems_of("h100_sxm", "llama_3_1_70b", stages)[0].problem, "NVLink domain"));
  ReplicaShape ranks = shape(16, Precision::fp8, 16);
  ranks.tp = 8;
  ranks.pp = 2;
  CHECK(says(problems_of("h100_sxm", "deepseek_r1", ranks)[0].problem, "8 GPUs of a stage"));
  ranks.speculation.tokens = 2;
  CHECK(says(problems_of("h100_sxm", "deepseek_r1", ranks)[1].advice, "pp: 1"));

  ReplicaShape kv = shape(1);
  kv.kv = Precision::nvfp4;
  CHECK(says(problems_of("h100_sxm", "llama_3_1_8b", kv)[0].advice, "kv: fp8"));
}
