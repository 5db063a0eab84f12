#pragma once
#include "models/compute/gpu.hpp"
#include "models/compute/llm.hpp"
#include "models/compute/replica.hpp"
#include "models/compute/stack.hpp"

namespace mw::models {

/// What the ranks of a replica send each other in one iteration.
struct CollectiveCost {
  double time = 0;        // s
  double link_bytes = 0;  // all GPUs together
};

/// All-reduces of tensor parallelism and all-to-alls of expert parallelism for `tokens` tokens
/// through every layer. Pure.
CollectiveCost layer_collectives(const GpuParameters& gpu, const LlmParameters& llm,
                                 const StackParameters& stack, const ReplicaShape& shape,
                                 double tokens);

}  // namespace mw::models
