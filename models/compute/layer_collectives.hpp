#pragma once
#include "models/compute/collectives.hpp"
#include "models/compute/llm.hpp"
#include "models/compute/replica.hpp"
#include "models/compute/stack.hpp"

namespace mw::models {

/// How tokens reach experts: as the stack says, but with experts cut over all GPUs every GPU needs
/// every token.
inline ExpertExchange exchange_of(const StackParameters& stack, const ReplicaShape& shape) {
  return shape.ep > 1 ? stack.expert_exchange : ExpertExchange::all_gather;
}

/// What the ranks of a replica (of one pipeline stage) send each other when `tokens` tokens pass
/// all layers: all-reduces of tensor parallelism, exchanges of expert parallelism. Pure.
CollectiveCost layer_collectives(const GpuParameters& gpu, const LlmParameters& llm,
                                 const StackParameters& stack, const ReplicaShape& shape,
                                 double tokens);

}  // namespace mw::models
