#include "models/compute/pipeline.hpp"

#include <algorithm>

#include "models/compute/layer_collectives.hpp"

namespace mw::models {

double micro_batches(const ReplicaShape& shape, double tokens) {
  return std::clamp(tokens, 1.0, static_cast<double>(shape.pp));
}

double stage_imbalance(const LlmParameters& llm, int pp) {
  const int largest = (llm.layers + pp - 1) / pp;
  return static_cast<double>(largest) * pp / llm.layers;
}

KernelCost pipelined(const KernelCost& micro_batch, double micro_batches, double imbalance) {
  KernelCost cost = micro_batch;
  for (double* time : {&cost.time, &cost.read_time, &cost.compute_time}) *time *= imbalance;
  for (double* energy :
       {&cost.core_energy, &cost.other_energy, &cost.flop_energy, &cost.vector_energy}) {
    *energy *= micro_batches;
  }
  return cost;
}

CollectiveCost stage_hand_over(const GpuParameters& gpu, const LlmParameters& llm,
                               const ReplicaShape& shape, double tokens) {
  if (shape.pp == 1) return {};
  const Fabric fabric = fabric_of(gpu, shape.nvlink_domain);
  const int stage = shape.tp * shape.attention_dp;
  const double count = micro_batches(shape, tokens);
  const double bytes = tokens / count * llm.hidden * activation_bytes / stage;
  const int boundaries = shape.pp - 1;
  const int crossing = std::min(boundaries, (shape.gpus + fabric.domain - 1) / fabric.domain - 1);
  const CollectiveCost near = hand_over(fabric, stage, 1, bytes);
  const CollectiveCost far = hand_over(fabric, stage, fabric.domain, bytes);
  CollectiveCost out;
  out.latency = shape.pp * (crossing > 0 ? far : near).latency;
  out.transfer = shape.pp * (crossing > 0 ? far : near).transfer;
  out.link_bytes = count * (boundaries - crossing) * near.link_bytes;
  out.scale_out_bytes = count * crossing * far.scale_out_bytes;
  return out;
}

double network_bytes_per_token(const GpuParameters& gpu, const LlmParameters& llm,
                               const StackParameters& stack, const ReplicaShape& shape) {
  constexpr double tokens = 1024;  // bytes are proportional to tokens
  return (layer_collectives(gpu, llm, stack, shape, tokens).scale_out_bytes +
          stage_hand_over(gpu, llm, shape, tokens).scale_out_bytes) /
         tokens;
}

}  // namespace mw::models
