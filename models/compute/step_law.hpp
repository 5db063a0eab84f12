#pragma once
#include <cstdint>
#include <memory>

#include "models/compute/gpu.hpp"
#include "models/compute/kernel_cost.hpp"
#include "models/compute/kernel_table.hpp"
#include "models/compute/llm.hpp"
#include "models/compute/replica.hpp"
#include "models/compute/stack.hpp"
#include "models/compute/step_cost.hpp"
#include "models/compute/step_shares.hpp"

// The formulas behind the tables, in seconds and joules over the whole replica. Docs:
// docs/models/compute.md, which also says where each comes from.
namespace mw::models {

class StepLaw {
 public:
  StepLaw(const GpuParameters& gpu, const LlmParameters& llm, const StackParameters& stack,
          const ReplicaShape& shape, std::shared_ptr<const KernelTables> tables = nullptr);

  /// Everything that depends on the number of tokens in the iteration: dense layers, experts,
  /// activations, collectives, gaps. `stretch` is f_max / f.
  KernelCost tokens(std::int64_t tokens, double stretch) const;
  /// Output head and sampler.
  KernelCost sampling(std::int64_t sampled, double stretch) const;
  StepLinear linear() const;
  LevelLaw level(double clock_ratio) const;
  /// Time and energy of one iteration by cause; the same totals as step_value's.
  StepShares shares(const StepLoad& load, const LevelLaw& level) const;

  // The parts, for tests and for saying what bounds a replica; of all stages, drafting included.
  KernelCost dense(double tokens, double stretch) const;
  KernelCost experts(double tokens, double stretch) const;
  KernelCost activations(double tokens) const;
  KernelCost collectives(double tokens) const;
  double gaps() const;

 private:
  // One pass of a micro-batch through all layers, on the GPUs of one stage.
  KernelCost dense_pass(double tokens, double stretch) const;
  KernelCost experts_pass(double tokens, double stretch) const;
  KernelCost activations_pass(double tokens) const;
  KernelCost collectives_pass(double tokens) const;
  KernelCost head_pass(double sampled, double stretch) const;
  // Measured time of a pass, where the tables have all its shapes.
  std::optional<double> measured_dense(double tokens) const;
  std::optional<double> measured_experts(double tokens) const;
  /// Takes the measured time, at the highest clock, in place of the formula's. Its parts keep their
  /// proportion, so that a lower clock still stretches arithmetic alone.
  static void follow(KernelCost& cost, std::optional<double> measured, double stretch);
  void follow_attention(StepLinear& out) const;
  /// Of all micro-batches, and of what drafts.
  template <class Part>
  KernelCost whole(double tokens, const Part& part) const;

  struct Arithmetic {
    double rate;    // operations/s of one GPU, as kernels reach it
    double energy;  // J per operation
  };
  /// Shares of the data-sheet rate that kernels reach, by the format of the arithmetic.
  struct FormatShares {
    double bf16, fp8, fp4;
  };
  Arithmetic arithmetic(Precision stored, const FormatShares& shares) const;
  Arithmetic dense_arithmetic(Precision stored) const;
  Arithmetic expert_arithmetic(Precision stored) const;
  KernelCost memory_cost(double bytes) const;
  /// Bytes of dense weights, as many as other formats would read in their time.
  double dense_bytes(double weights, Precision stored) const;
  double hidden_bytes(double tokens) const;    // per GPU
  double permuted_bytes(double tokens) const;  // per GPU
  void wait_for_ranks(StepLinear& out) const;
  double vector_energy(double time) const;

  GpuParameters gpu_;
  LlmParameters llm_;
  StackParameters stack_;
  ReplicaShape shape_;
  double n_, d_, tp_, ep_;                      // n: GPUs of a stage
  double bandwidth_;                            // of one GPU times its bandwidth factor
  double bf16_rate_;                            // of one GPU times its compute factor
  double imbalance_;                            // of the pipeline's stages
  std::shared_ptr<const KernelTables> tables_;  // null: the formulas alone
  std::shared_ptr<const StepLaw> draft_;        // null without speculation
};

}  // namespace mw::models
