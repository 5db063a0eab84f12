#pragma once
#include <cstdint>
#include <vector>

#include "models/compute/gpu.hpp"
#include "models/compute/llm.hpp"
#include "models/compute/precision.hpp"
#include "models/compute/stack.hpp"
#include "models/compute/step_cost.hpp"
#include "sim/describe.hpp"

namespace mw::models {

/// How a replica spreads a model: `gpus` = tp * attention_dp; experts over `ep` ranks (1: every
/// expert is cut over all GPUs). All GPUs lie in one NVLink domain of `nvlink_domain`.
struct ReplicaShape {
  int gpus = 1;
  int tp = 1;
  int ep = 1;
  int attention_dp = 1;
  int nvlink_domain = 8;
  Precision weights = Precision::bf16;
  Precision kv = Precision::bf16;
};
template <sim::Describes<ReplicaShape> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("gpus", self.gpus, About{.text = "GPUs of the replica", .min = 1, .max = 1024});
  visit("tp", self.tp, About{.text = "Tensor-parallel ranks", .min = 1, .max = 1024});
  visit("ep", self.ep, About{.text = "Expert-parallel ranks", .min = 1, .max = 1024});
  visit("attention_dp", self.attention_dp,
        About{.text = "Data-parallel attention groups", .min = 1, .max = 1024});
  visit("nvlink_domain", self.nvlink_domain,
        About{.text = "GPUs joined by NVLink or its like", .min = 1, .max = 1024});
  visit("weights", self.weights, About{.text = "Storage of the weights"});
  visit("kv", self.kv, About{.text = "Storage of the KV cache: bf16 or fp8"});
}

/// Owns the arrays behind a StepTableView. Built once per (model, precision, parallelism, stack,
/// GPU) and shared by every replica of that kind; never changed afterwards.
struct StepTable {
  int max_sequences = 0;
  int max_tokens = 0;                  // decodes and prefill tokens of one iteration
  std::int64_t idle_power_mw = 0;      // all GPUs of the replica, nothing running
  std::int64_t kv_token_capacity = 0;  // tokens of context the replica holds beside the weights
  double kv_bytes_per_token = 0;       // over the whole replica, with replication

  int levels() const { return static_cast<int>(level_laws.size()); }
  double clock_ratio(int level) const {
    return level_laws[static_cast<std::size_t>(level)].clock_ratio;
  }
  StepTableView view() const;

  StepLinear linear;
  std::vector<LevelLaw> level_laws;          // [level]
  std::vector<double> token_time;            // [level][token] seconds
  std::vector<double> token_core_energy;     // [token] joules at the maximum clock, core supply
  std::vector<double> token_other_energy;    // [token] joules, other supplies
  std::vector<double> sampled_time;          // [level][sampled]
  std::vector<double> sampled_core_energy;   // [sampled]
  std::vector<double> sampled_other_energy;  // [sampled]
  std::vector<DecodeRow> decode_rows;        // [level][decodes]
  std::vector<DecodeCell> decode_cells;
};

/// Why the replica cannot run, each with the nearest change that can; empty when it can.
std::vector<sim::Problems::Item> fit_problems(const GpuParameters& gpu, const LlmParameters& llm,
                                              const StackParameters& stack,
                                              const ReplicaShape& shape);

/// Precondition: fit_problems() is empty. `levels` clock levels, evenly spaced from the highest
/// clock to the lowest (1: only the highest).
StepTable build_step_table(const GpuParameters& gpu, const LlmParameters& llm,
                           const StackParameters& stack, const ReplicaShape& shape,
                           int max_sequences, int max_batched_tokens, int levels);

}  // namespace mw::models
