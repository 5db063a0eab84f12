#pragma once
#include "models/compute/collectives.hpp"
#include "models/compute/llm.hpp"
#include "models/compute/replica.hpp"
#include "models/compute/stack.hpp"

namespace mw::models {

/// What the ranks of a replica (of one pipeline stage) send each other when `tokens` tokens pass
/// all layers: all-reduces of tensor parallelism, exchanges of expert parallelism. Pure.
CollectiveCost layer_collectives(const GpuParameters& gpu, const LlmParameters& llm,
                                 const StackParameters& stack, const ReplicaShape& shape,
                                 double tokens);

}  // namespace mw::models
