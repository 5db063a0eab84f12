#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "models/compute/catalog_file.hpp"
#include "models/compute/steady.hpp"
#include "models/compute/step_table.hpp"
#include "models/compute/table.hpp"

// ML.ENERGY benchmark v3 (ml-energy/leaderboard@0cd52da): vLLM on H100 and B200, median over a
// batch sweep. Predicted from data sheets, architectures and one set of global constants.
namespace {

using namespace mw::models;
using mw::test::mean;
using mw::test::median;
using mw::test::read_catalog;
using mw::test::read_table;
using mw::test::Row;

std::string catalog_name(const std::string& model) {
  static const std::map<std::string, std::string> names = {
      {"Qwen/Qwen3-8B", "qwen3_8b"},
      {"Qwen/Qwen3-14B", "qwen3_14b"},
      {"Qwen/Qwen3-32B", "qwen3_32b"},
      {"Qwen/Qwen3-30B-A3B-Instruct-2507", "qwen3_30b_a3b_instruct_2507"},
      {"Qwen/Qwen3-30B-A3B-Thinking-2507", "qwen3_30b_a3b_thinking_2507"},
      {"Qwen/Qwen3-Coder-30B-A3B-Instruct", "qwen3_coder_30b_a3b"},
      {"Qwen/Qwen3-Coder-480B-A35B-Instruct", "qwen3_coder_480b_a35b"},
      {"Qwen/Qwen3-Coder-480B-A35B-Instruct-FP8", "qwen3_coder_480b_a35b_fp8"},
      {"openai/gpt-oss-20b", "gpt_oss_20b"},
      {"meta-llama/Llama-3.1-8B-Instruct", "llama_3_1_8b"},
      {"meta-llama/Llama-3.1-70B-Instruct", "llama_3_1_70b"},
      {"meta-llama/Llama-3.3-70B-Instruct", "llama_3_3_70b"},
      {"meta-llama/Llama-4-Scout-17B-16E-Instruct", "llama_4_scout"},
      {"meta-llama/Llama-4-Maverick-17B-128E-Instruct-FP8", "llama_4_maverick_fp8"},
      {"deepseek-ai/DeepSeek-V3.1", "deepseek_v3_1"},
      {"deepseek-ai/DeepSeek-R1-0528", "deepseek_r1_0528"},
      {"google/gemma-3-12b-it", "gemma_3_12b"},
      {"google/gemma-3-27b-it", "gemma_3_27b"},
      {"nvidia/NVIDIA-Nemotron-Nano-9B-v2", "nemotron_nano_9b_v2"},
      {"nvidia/NVIDIA-Nemotron-Nano-12B-v2", "nemotron_nano_12b_v2"}};
  const auto found = names.find(model);
  return found == names.end() ? "" : found->second;
}

struct Errors {
  std::vector<double> throughput, power, gap, energy;
};

}  // namespace

TEST_CASE("ML.ENERGY v3: throughput and GPU power of text serving") {
  const char* data = std::getenv("MILLWRIGHT_DATA");
  if (data == nullptr) {
    MESSAGE("SKIPPED: set MILLWRIGHT_DATA to a folder with inference_energy/ to check accuracy");
    return;
  }
  const std::string folder = std::string(data) + "/inference_energy/";
  const auto rows = read_table(folder + "mlenergy_v3_configurations.csv");
  const auto runs = read_table(folder + "mlenergy_num_requests.csv");
  if (rows.empty() || runs.empty()) {
    MESSAGE("SKIPPED: no inference_energy/mlenergy_*.csv under MILLWRIGHT_DATA");
    return;
  }
  const auto requests_of = [&](const Row& r) {
    double requests = 0;
    for (const Row& run : runs) {
      const bool same = run.at("task") == r.at("task") && run.at("model") == r.at("model_id") &&
                        run.at("max_num_seqs") == r.at("max_num_seqs") &&
                        (run.at("gpu") == "*" || run.at("gpu") == r.at("gpu_model")) &&
                        (run.at("num_gpus") == "*" || run.at("num_gpus") == r.at("num_gpus"));
      if (same) requests = std::stod(run.at("num_requests"));
    }
    return requests;
  };
  // Prompt lengths are not published with the table; they are part of the calibration. So are the
  // spreads of output lengths, of which the sweep shows only the mean.
  struct Task {
    double prompt, cv;
  };
  const std::map<std::string, Task> tasks = {
      {"lm-arena-chat", {219, 1.0}}, {"sourcegraph-fim", {525, 1.0}}, {"gpqa", {250, 0.7}}};

  const StackParameters stack = read_catalog<StackParameters>("vllm_0_11");
  const GpuParameters h100 = read_catalog<GpuParameters>("h100_sxm");
  const GpuParameters b200 = read_catalog<GpuParameters>("b200");
  std::map<std::tuple<std::string, std::string, int>, StepTable> tables;
  std::map<std::string, Errors> groups;

  for (const Row& r : rows) {
    const auto task = tasks.find(r.at("task"));
    const std::string name = catalog_name(r.at("model_id"));
    if (task == tasks.end() || name.empty() || r.at("avg_batch_size").empty()) continue;
    const bool hopper = r.at("gpu_model") == "H100";
    const int gpus = std::stoi(r.at("num_gpus"));
    const int ep = std::stoi(r.at("expert_parallel"));
    if (!hopper && gpus == 1) continue;  // contended hosts
    if (std::stoi(r.at("data_parallel")) > 1) continue;
    if (name == "qwen3_coder_480b_a35b_fp8") continue;  // data-parallel attention
    const double batch = std::stod(r.at("avg_batch_size"));
    const double requests = requests_of(r);
    if (requests > 0 && requests < 2 * batch) continue;  // never steady

    const auto key = std::make_tuple(name, r.at("gpu_model"), gpus);
    auto table = tables.find(key);
    if (table == tables.end()) {
      ReplicaShape shape;
      shape.gpus = shape.tp = gpus;
      shape.ep = ep;
      const std::string& weights = r.at("weight_precision");
      if (weights == "fp8") shape.weights = Precision::fp8;
      if (weights == "mxfp4") shape.weights = Precision::mxfp4;
      table = tables
                  .emplace(key,
                           build_step_table(hopper ? h100 : b200, read_catalog<LlmParameters>(name),
                                            stack, shape, 3072, stack.max_batched_tokens, 1))
                  .first;
    }
    SteadyLoad load;
    load.batch = batch;
    load.prompt_tokens = task->second.prompt;
    load.output_tokens = std::stod(r.at("avg_output_len"));
    load.output_cv = task->second.cv;
    load.requests = requests;
    load.mixed_step_burst = stack.mixed_step_burst.value;
    const SteadyState s = steady_state(table->second.view(), 0, load);

    const double throughput = std::stod(r.at("output_throughput_tokens_per_sec"));
    const double power = std::stod(r.at("avg_power_watts"));
    const double gap = std::stod(r.at("median_itl_ms")) * 1e-3;
    const double energy = std::stod(r.at("energy_per_token_joules"));
    // Llama 4 Scout is a known miss (its kernels with one expert per token were never tuned): part
    // of the totals, and shown apart.
    std::vector<std::string> in = {r.at("gpu_model")};
    if (name != "llama_4_scout") in.push_back(in[0] + " without Llama 4 Scout");
    for (const std::string& group : in) {
      Errors& e = groups[group];
      e.throughput.push_back(std::fabs(s.tokens_per_second / throughput - 1));
      e.power.push_back(std::fabs(s.power / power - 1));
      e.gap.push_back(std::fabs(s.median_gap / gap - 1));
      e.energy.push_back(std::fabs(s.joules_per_token / energy - 1));
    }
  }
  for (const auto& [gpu, e] : groups) {
    MESSAGE(gpu << ": " << e.throughput.size() << " rows; mean (median) absolute error: throughput "
                << 100 * mean(e.throughput) << " (" << 100 * median(e.throughput) << ") %, power "
                << 100 * mean(e.power) << " (" << 100 * median(e.power) << ") %, token gap "
                << 100 * mean(e.gap) << " (" << 100 * median(e.gap) << ") %, J/token "
                << 100 * mean(e.energy) << " (" << 100 * median(e.energy) << ") %");
  }
  // Bounds: what was measured (docs/models/compute.md) and a tenth to a fifth of slack, so that a
  // change of the law that costs accuracy does not pass unseen.
  struct Bar {
    const char* group;
    std::size_t rows;
    double throughput, power, gap;
  };
  for (const Bar& bar : {Bar{"H100", 150, 0.10, 0.105, 0.085},
                         Bar{"H100 without Llama 4 Scout", 140, 0.065, 0.085, 0.065},
                         Bar{"B200", 30, 0.10, 0.075, 0.11}}) {
    const Errors& e = groups[bar.group];
    CHECK(e.throughput.size() >= bar.rows);
    CHECK(mean(e.throughput) < bar.throughput);
    CHECK(mean(e.power) < bar.power);
    CHECK(mean(e.gap) < bar.gap);
  }
}
