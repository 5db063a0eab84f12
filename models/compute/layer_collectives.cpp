#include "models/compute/layer_collectives.hpp"

#include <algorithm>

#include "models/compute/kernel_cost.hpp"

namespace mw::models {
namespace {

// In a running engine a collective also waits for its slowest rank. The stack's latency, fitted end
// to end with up to 8 ranks, holds that wait; beyond 8 only the kernel's own latency grows.
constexpr int fitted_ranks = 8;

double engine_latency(double kernel, double kernel_at_fitted, double per_doubling, int ranks) {
  const double waited = per_doubling * log2_of(std::min(ranks, fitted_ranks));
  return ranks <= fitted_ranks ? std::max(kernel, waited)
                               : std::max(kernel, waited + kernel - kernel_at_fitted);
}

/// Bytes of one activation element on its way to an expert: kernels that send each token once
/// quantise first, where the experts compute in fewer bits; gathers move it as it is.
double dispatched_bytes(const GpuParameters& gpu, Precision weights, ExpertExchange kind) {
  if (kind == ExpertExchange::all_gather) return activation_bytes;
  return bytes_per_element(arithmetic_format(gpu, weights));
}

void add(CollectiveCost& sum, const CollectiveCost& one, double latency, double times) {
  sum.latency += times * latency;
  sum.transfer += times * one.transfer;
  sum.link_bytes += times * one.link_bytes;
  sum.scale_out_bytes += times * one.scale_out_bytes;
}

}  // namespace

CollectiveCost layer_collectives(const GpuParameters& gpu, const LlmParameters& llm,
                                 const StackParameters& stack, const ReplicaShape& shape,
                                 double tokens) {
  CollectiveCost sum;
  const int ranks = shape.tp * shape.attention_dp;
  if (ranks == 1) return sum;
  const Fabric fabric = fabric_of(gpu, shape.nvlink_domain);
  const double wait = stack.collective_latency.value.value;
  const double row = llm.hidden * activation_bytes;
  const double groups = shape.attention_dp;  // tensor-parallel groups, all at once

  const bool exchange = shape.attention_dp > 1 && llm.moe_layers > 0;
  if (shape.tp > 1) {
    const auto reduce = [&](int n) {
      return all_reduce(fabric, n, tokens / groups * row, Reduction::direct);
    };
    CollectiveCost one = reduce(shape.tp);
    const double latency =
        engine_latency(one.latency, reduce(fitted_ranks).latency, wait, shape.tp);
    one.link_bytes *= groups;
    one.scale_out_bytes *= groups;
    // After attention, and after the feed-forward part unless its sums come back by exchange.
    add(sum, one, latency, 2.0 * llm.layers - (exchange ? llm.moe_layers : 0));
  }
  if (exchange) {
    const ExpertExchange kind = exchange_of(stack, shape);
    ExchangeLoad load;
    load.ranks = shape.ep;
    load.gpus_per_rank = ranks / shape.ep;
    load.tokens = tokens / ranks;
    load.experts_per_token = llm.experts_per_token;
    load.bytes_out = llm.hidden * dispatched_bytes(gpu, shape.weights, kind);
    load.bytes_back = row;
    const CollectiveCost one = expert_exchange(fabric, load, kind);
    ExchangeLoad fitted = load;
    fitted.ranks = fitted_ranks;
    fitted.gpus_per_rank = 1;
    const double at_fitted = expert_exchange(fabric, fitted, kind).latency;
    add(sum, one, 2 * engine_latency(one.latency / 2, at_fitted / 2, wait, ranks), llm.moe_layers);
    if (shape.tp > 1) {
      // Each rank of a group sent its share of the group's tokens; all need the sums.
      CollectiveCost gather = all_gather(fabric, shape.tp, tokens / groups * row);
      gather.link_bytes *= groups;
      gather.scale_out_bytes *= groups;
      add(sum, gather, gather.latency, llm.moe_layers);
    }
  }
  return sum;
}

}  // namespace mw::models
