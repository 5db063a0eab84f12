#pragma once
#include "models/compute/collectives.hpp"
#include "models/compute/kernel_cost.hpp"
#include "models/compute/llm.hpp"
#include "models/compute/replica.hpp"

// Pipeline parallelism: stages of consecutive layers, each on tp x attention_dp GPUs. The running
// sequences are split evenly into as many micro-batches as there are stages; one is in every stage,
// and with each tick all move on. An iteration, in which every sequence gets its token, is as many
// ticks as stages. A batch of fewer tokens than stages leaves stages empty: the bubble.
namespace mw::models {

/// Micro-batches that `tokens` make.
double micro_batches(const ReplicaShape& shape, double tokens);

/// The largest stage's layers over the mean: ceil(layers / pp) x pp / layers.
double stage_imbalance(const LlmParameters& llm, int pp);

/// An iteration's cost from that of one micro-batch through all layers on one stage's GPUs. The
/// layers are spread over the stages, so the ticks sum to one pass of the slowest stage's share;
/// every micro-batch costs its own energy.
KernelCost pipelined(const KernelCost& micro_batch, double micro_batches, double imbalance);

/// What the stages hand on in an iteration: the hidden vectors, cut over the tensor-parallel ranks.
/// The slowest boundary sets the tick.
CollectiveCost stage_hand_over(const GpuParameters& gpu, const LlmParameters& llm,
                               const ReplicaShape& shape, double tokens);

/// Bytes that cross the network between link domains for each token that passes all layers, sent by
/// all GPUs of the replica: collectives of every stage and the hand-over between stages. 0 where
/// the replica lies in one domain.
double network_bytes_per_token(const GpuParameters& gpu, const LlmParameters& llm,
                               const StackParameters& stack, const ReplicaShape& shape);

}  // namespace mw::models
