#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "models/compute/gpu.hpp"
#include "models/compute/kernel_table.hpp"
#include "models/compute/llm.hpp"
#include "models/compute/replica.hpp"
#include "models/compute/stack.hpp"
#include "models/compute/step_cost.hpp"

namespace mw::models {

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
  std::vector<double> token_time;            // [level, then the knee][token] seconds
  std::vector<double> token_core_energy;     // [token] joules at the maximum clock, core supply
  std::vector<double> token_other_energy;    // [token] joules, other supplies
  std::vector<double> sampled_time;          // [level, then the knee][sampled]
  std::vector<double> sampled_core_energy;   // [sampled]
  std::vector<double> sampled_other_energy;  // [sampled]
  std::vector<DecodeRow> decode_rows;        // [level][decodes]
  std::vector<DecodeCell> decode_cells;
};

/// Precondition: fit_problems() is empty. `levels` clock levels, evenly spaced from the highest
/// clock to the lowest (1: only the highest).
StepTable build_step_table(const GpuParameters& gpu, const LlmParameters& llm,
                           const StackParameters& stack, const ReplicaShape& shape,
                           int max_sequences, int max_batched_tokens, int levels,
                           std::shared_ptr<const KernelTables> tables = nullptr);

}  // namespace mw::models
