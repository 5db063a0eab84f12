#include "models/compute/collectives.hpp"

#include "models/compute/kernel_cost.hpp"

namespace mw::models {

CollectiveCost layer_collectives(const GpuParameters& gpu, const LlmParameters& llm,
                                 const StackParameters& stack, const ReplicaShape& shape,
                                 double tokens) {
  if (shape.gpus == 1) return {};
  const double n = shape.gpus, d = shape.attention_dp, tp = shape.tp, ep = shape.ep;
  const double layers = llm.layers;
  // Ring or switch all-reduce after attention and after the feed-forward part, per GPU.
  const double reduce =
      2 * layers * (tokens / d) * llm.hidden * activation_bytes * 2 * (tp - 1) / tp;
  // With data-parallel attention, experts on other ranks get their tokens by all-to-all, there
  // and back.
  const double exchange = shape.attention_dp > 1 && shape.ep > 1
                              ? 2 * double(llm.moe_layers) * (tokens / n) * llm.experts_per_token *
                                    llm.hidden * activation_bytes * (1 - 1 / ep)
                              : 0.0;
  return {2 * layers * stack.collective_latency.value.value * log2_of(n) +
              (reduce + exchange) / (gpu.link_bandwidth.value.value * stack.link_share.value),
          n * (reduce + exchange)};
}

}  // namespace mw::models
