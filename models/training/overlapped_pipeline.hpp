#pragma once
#include "models/compute/llm.hpp"
#include "models/training/overlap.hpp"
#include "models/training/pipeline_frontier.hpp"

namespace mw::models {

/// How the ops of a pipeline are run. `sequential`: kernels, then collectives; a clock an op
/// (Perseus). `nanobatches`: each microbatch in two halves, collectives of one beside kernels of
/// the other, as they come; a clock an op. `joint`: the same with start, multiprocessors and clock
/// of each partition planned (Kareus).
enum class OverlapMethod { sequential, nanobatches, joint };
inline std::span<const char* const> enum_names(OverlapMethod) {
  static constexpr const char* names[] = {"perseus", "nanobatch_perseus", "kareus"};
  return names;
}

/// A dense model in BF16 on a pipeline of tensor- and context-parallel groups.
struct OverlappedJob {
  std::int32_t tensor = 1, context = 1;
  std::int32_t microbatch = 1;  // sequences
  std::int32_t sequence = 4096;
  bool recompute = false;  // layers run forwards again before their backward
  bool balanced = false;   // whole layers so that the longest stage is shortest; else evenly
  PipelineParameters pipeline;
};
template <sim::Describes<OverlappedJob> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("tensor", self.tensor,
        About{.text = "GPUs of a tensor-parallel group", .min = 1, .max = 64});
  visit("context", self.context,
        About{.text = "GPUs of a context-parallel group", .min = 1, .max = 64});
  visit("microbatch", self.microbatch,
        About{.text = "Sequences of a microbatch", .min = 1, .max = 4096});
  visit("sequence", self.sequence, About{.text = "Tokens of a sequence", .min = 2, .max = 1 << 24});
  visit("recompute", self.recompute,
        About{.text = "Run each layer forwards again before its backward"});
  visit("balanced", self.balanced,
        About{.text = "Give each stage whole layers so that the longest is shortest, the output "
                      "head counted; else layers are spread evenly and the head comes on top"});
  visit("pipeline", self.pipeline, About{.text = "Stages, microbatches and schedule"});
}

/// Work of one GPU: the two partitions of a layer (attention, feed-forward), each with the
/// collective that follows it. `share`: of the microbatch's tokens.
std::vector<OverlapPartition> layer_partitions(const LlmParameters& llm, const OverlappedJob& job,
                                               double share, bool backward);

/// The output head and the loss.
OverlapPartition head_partition(const LlmParameters& llm, const OverlappedJob& job, bool backward);

/// Layers of each stage. The head stands on the last.
std::vector<double> stage_layers(const LlmParameters& llm, const OverlappedJob& job);

/// Choices of each stage's forward and backward at these clocks.
PipelineCosts overlapped_pipeline(const GpuParameters& gpu, const OverlapParameters& overlap,
                                  const LlmParameters& llm, const OverlappedJob& job,
                                  const std::vector<double>& clocks, double blocking_power,
                                  OverlapMethod method);

}  // namespace mw::models
