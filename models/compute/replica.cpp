#include "models/compute/replica.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>

#include "models/compute/model_size.hpp"

namespace mw::models {
namespace {

const char* name_of(Precision p) {
  return enum_names(p)[static_cast<std::size_t>(p)];
}

bool heads_divide(const LlmParameters& llm, int tp) {
  if (llm.heads % tp != 0) return false;
  if (llm.attention == Attention::mla) return true;
  return llm.kv_heads % tp == 0 || tp % llm.kv_heads == 0;
}

int nearest_tp(const LlmParameters& llm, int wanted) {
  int best = 1;
  for (int tp = 1; tp <= llm.heads; ++tp) {
    if (heads_divide(llm, tp) && std::abs(tp - wanted) < std::abs(best - wanted)) best = tp;
  }
  return best;
}

int nearest_divisor(int of, int wanted) {
  int best = 1;
  for (int k = 1; k <= of; ++k) {
    if (of % k == 0 && std::abs(k - wanted) < std::abs(best - wanted)) best = k;
  }
  return best;
}

bool fits(const GpuParameters& gpu, const LlmParameters& llm, const StackParameters& stack,
          const ReplicaShape& shape, int max_sequences) {
  return memory_fit(gpu, llm, stack, shape, max_sequences).kv_token_capacity > 0;
}

/// The smallest change that makes the model fit: more GPUs in the domain, else fewer bits, else
/// fewer sequences.
std::string memory_advice(const GpuParameters& gpu, const LlmParameters& llm,
                          const StackParameters& stack, const ReplicaShape& shape,
                          int max_sequences) {
  for (int tp = shape.tp + 1; tp * shape.attention_dp <= shape.nvlink_domain; ++tp) {
    ReplicaShape more = shape;
    more.tp = tp;
    more.gpus = tp * shape.attention_dp;
    if (shape.ep > 1) more.ep = more.gpus;
    if (!heads_divide(llm, tp) || (more.ep > 1 && llm.experts % more.ep != 0)) continue;
    if (fits(gpu, llm, stack, more, max_sequences)) {
      return fmt::format("use {} GPUs (tp: {}{}), the fewest that hold it in {}", more.gpus, tp,
                         more.ep > 1 ? fmt::format(", ep: {}", more.ep) : "",
                         name_of(shape.weights));
    }
  }
  for (Precision p : {Precision::fp8, Precision::nvfp4}) {
    if (bytes_per_element(p) >= bytes_per_element(shape.weights)) continue;
    ReplicaShape narrower = shape;
    narrower.weights = p;
    if (fits(gpu, llm, stack, narrower, max_sequences)) {
      return fmt::format("store the weights in {}, the widest that fits these GPUs", name_of(p));
    }
  }
  for (int s = max_sequences / 2; s >= 1; s /= 2) {
    if (fits(gpu, llm, stack, shape, s)) {
      return fmt::format("run at most {} sequences at once", s);
    }
  }
  return fmt::format(
      "use GPUs with more memory, or more of them than the NVLink domain of {} holds",
      shape.nvlink_domain);
}

}  // namespace

MemoryFit memory_fit(const GpuParameters& gpu, const LlmParameters& llm,
                     const StackParameters& stack, const ReplicaShape& shape, int max_sequences) {
  MemoryFit out;
  const double stored = bytes_per_element(shape.weights);
  const double embedding = head_weights(llm) * (llm.tied_embedding ? 1 : 2) * 2.0;
  out.weight_bytes_per_gpu =
      (attention_weights_total(llm) * attention_bytes_per_weight(llm, shape.weights) +
       feed_forward_weights(llm) * stored + embedding) /
          shape.tp +
      double(llm.moe_layers) * llm.experts * expert_weights(llm) * stored / shape.gpus;

  const double usable = shape.gpus * (gpu.memory.value.value * stack.memory_share -
                                      stack.workspace.value.value - out.weight_bytes_per_gpu);
  // State-space state is FP32 and cut over the tensor-parallel ranks.
  const double state = 4.0 * llm.mamba_layers * static_cast<double>(llm.mamba_state);
  const double layer = kv_bytes_per_layer(llm, shape.tp, shape.kv);

  // Two layouts of sliding-window layers exist: cached like the others, or a window reserved for
  // every sequence. Engines with both take the one that holds more.
  struct Layout {
    double per_token, per_sequence;
  };
  const Layout layouts[] = {
      {layer * attention_layers(llm), state},
      {layer * llm.full_attention_layers, state + layer * llm.window_layers * llm.window}};
  for (const Layout& l : layouts) {
    if (l.per_token <= 0) continue;
    const double tokens = (usable - l.per_sequence * max_sequences) / l.per_token;
    const auto capacity = static_cast<std::int64_t>(std::floor(std::max(tokens, 0.0)));
    if (out.kv_bytes_per_token > 0 && capacity <= out.kv_token_capacity) continue;
    out.kv_bytes_per_token = l.per_token;
    out.bytes_per_sequence = l.per_sequence;
    out.kv_token_capacity = capacity;
  }
  return out;
}

std::vector<sim::Problems::Item> fit_problems(const GpuParameters& gpu, const LlmParameters& llm,
                                              const StackParameters& stack,
                                              const ReplicaShape& shape, int max_sequences) {
  sim::Problems problems;
  if (shape.gpus != shape.tp * shape.attention_dp) {
    problems.add("gpus",
                 fmt::format("is {}, but tp x attention_dp is {} x {} = {}", shape.gpus, shape.tp,
                             shape.attention_dp, shape.tp * shape.attention_dp),
                 fmt::format("choose tp and attention_dp whose product is {}, or set gpus: {}",
                             shape.gpus, shape.tp * shape.attention_dp));
  }
  if (shape.gpus > shape.nvlink_domain) {
    problems.add("gpus",
                 fmt::format("is {}, more than the {} GPUs that NVLink joins", shape.gpus,
                             shape.nvlink_domain),
                 fmt::format("use at most {} GPUs per replica, or a rack with a larger domain",
                             shape.nvlink_domain));
  }
  if (!heads_divide(llm, shape.tp)) {
    problems.add("tp",
                 fmt::format("is {}, which does not divide {} heads over {} KV heads evenly",
                             shape.tp, llm.heads, llm.kv_heads),
                 fmt::format("the nearest that does is tp: {}", nearest_tp(llm, shape.tp)));
  }
  if (shape.ep > 1 && llm.moe_layers == 0) {
    problems.add("ep", "is above 1, but the model has no experts", "set ep: 1");
  } else if (shape.ep > 1 && llm.experts % shape.ep != 0) {
    problems.add(
        "ep", fmt::format("is {}, which does not divide {} experts", shape.ep, llm.experts),
        fmt::format("the nearest that does is ep: {}", nearest_divisor(llm.experts, shape.ep)));
  }
  if (shape.ep > 1 && shape.gpus % shape.ep != 0) {
    problems.add(
        "ep", fmt::format("is {}, which does not divide {} GPUs", shape.ep, shape.gpus),
        fmt::format("the nearest that does is ep: {}", nearest_divisor(shape.gpus, shape.ep)));
  }
  if (shape.kv != Precision::bf16 && shape.kv != Precision::fp8) {
    problems.add("kv", fmt::format("is {}; a KV cache is bf16 or fp8", name_of(shape.kv)),
                 "set kv: fp8");
  }
  if (!problems.items.empty()) return problems.items;  // sizes mean nothing yet

  const MemoryFit memory = memory_fit(gpu, llm, stack, shape, max_sequences);
  if (memory.kv_token_capacity <= 0) {
    const double usable = gpu.memory.value.value * stack.memory_share - stack.workspace.value.value;
    problems.add(
        "gpus",
        fmt::format("is too few: {} weights take {:.1f} GB of each GPU's {:.1f} usable "
                    "GB{}",
                    name_of(shape.weights), memory.weight_bytes_per_gpu / 1e9, usable / 1e9,
                    memory.bytes_per_sequence > 0
                        ? fmt::format(", and {} sequences {:.1f} GB in all", max_sequences,
                                      memory.bytes_per_sequence * max_sequences / 1e9)
                        : ""),
        memory_advice(gpu, llm, stack, shape, max_sequences));
  }
  return problems.items;
}

}  // namespace mw::models
