#pragma once
#include <array>
#include <span>
#include <string>
#include <vector>

#include "models/compute/collectives.hpp"
#include "models/compute/gpu.hpp"
#include "models/compute/llm.hpp"
#include "models/training/job.hpp"
#include "models/training/stack.hpp"

// What one training step takes: seconds and joules by kernel class and phase. Equations, constants
// and their origin: docs/models/training.md.
namespace mw::models {

/// Kernel classes, and what a GPU waits for.
enum class StepPart {
  gemm,         // matrix products of dense layers
  experts,      // grouped products
  attention,    // core attention
  weights,      // reading weights, writing gradients
  activations,  // norms, casts, gates
  permute,      // tokens to experts and back within the GPU
  head,         // output head and loss
  tensor,       // exchanges of tensor parallelism that are not hidden
  context,      // the same of context parallelism
  exchange,     // the same of expert parallelism
  gaps,         // between kernels
  host,         // launching
  hand_over,    // between stages
  bubble,       // pipeline fill and drain, uneven stages
  data,         // gradients and weights, not hidden
  optimizer,
  straggler,  // waiting for the slowest of many ranks
};
inline constexpr std::size_t step_parts = 17;
inline std::span<const char* const> enum_names(StepPart) {
  static constexpr const char* names[] = {
      "gemm",      "experts", "attention", "weights",   "activations", "permute",
      "head",      "tensor",  "context",   "exchange",  "gaps",        "host",
      "hand_over", "bubble",  "data",      "optimizer", "straggler"};
  return names;
}
enum class StepPhase { forward, backward, step };
inline constexpr std::size_t step_phases = 3;
inline std::span<const char* const> enum_names(StepPhase) {
  static constexpr const char* names[] = {"forward", "backward", "step"};
  return names;
}

/// A figure of each class and phase.
struct TrainingTable {
  std::array<std::array<double, step_phases>, step_parts> cells{};

  double& at(StepPart part, StepPhase phase) {
    return cells[static_cast<std::size_t>(part)][static_cast<std::size_t>(phase)];
  }
  double at(StepPart part, StepPhase phase) const {
    return cells[static_cast<std::size_t>(part)][static_cast<std::size_t>(phase)];
  }
  double of(StepPart part) const;
  double of(StepPhase phase) const;
  double sum() const;
  void add(const TrainingTable& more, double times = 1);
};

/// What binds, as shares of the time. `power`: what a limit on power adds.
enum class StepBound { compute, memory, communication, pipeline, host, power };
inline constexpr std::size_t step_bounds = 6;
inline std::span<const char* const> enum_names(StepBound) {
  static constexpr const char* names[] = {"compute",  "memory", "communication",
                                          "pipeline", "host",   "power"};
  return names;
}
StepBound bound_of(StepPart part);
/// Waiting: the GPU does no work of its own.
bool is_exposed(StepPart part);

/// All that a step follows from. `domain`: GPUs that NVLink or its like joins.
struct TrainingSetup {
  GpuParameters gpu;
  LlmParameters llm;
  TrainingStackParameters stack;
  TrainingJob job;
  int domain = 8;
  double gpu_factor = 1;
};

/// One micro-batch through one stage: seconds, and joules of one of its GPUs, at rest included.
struct StagePass {
  double forward = 0, backward = 0;
  double forward_energy = 0, backward_energy = 0;
};

struct TrainingStep {
  double clock = 1;    // share of the highest
  double seconds = 0;  // one step
  TrainingTable time;  // of a GPU of the slowest stage; sums to `seconds`
  std::vector<StagePass> stages;
  // Of the mean GPU, joules: by work, and idle and busy power. They sum to `joules`.
  TrainingTable dynamic_energy, static_energy;
  double joules = 0;
  double demand = 0;  // power asked for over the ceiling; above 1 the ceiling holds it
  double tokens_per_gpu_second = 0;
  double model_flops = 0;                    // per GPU and second, as publications count them
  double mfu = 0;                            // of the data-sheet rate of the precision
  std::array<double, step_bounds> bounds{};  // shares of the time

  double watts() const { return joules / seconds; }
  double joules_per_token() const { return watts() / tokens_per_gpu_second; }
};

/// `setup` has no problems (plan.hpp). `clock` is a share of the highest clock.
TrainingStep training_step(const TrainingSetup& setup, double clock = 1);

/// The same at the highest clock whose power stays below `limit`; at the lowest clock if none does.
TrainingStep training_step_under(const TrainingSetup& setup, double limit);

/// Power of a GPU that waits for another, its kernels spinning.
double waiting_power(const GpuParameters& gpu);

/// The fabric as `job` sees it: NVLink domains are filled by powers of two.
Fabric training_fabric(const TrainingSetup& setup);

}  // namespace mw::models
