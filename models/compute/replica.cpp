#include "models/compute/replica.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>

#include "models/compute/model_size.hpp"
#include "models/compute/pipeline.hpp"

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

std::string gpus_and(const ReplicaShape& shape) {
  std::string text = fmt::format("{} GPUs (tp: {}", shape.gpus, shape.tp);
  if (shape.pp > 1) text += fmt::format(", pp: {}", shape.pp);
  if (shape.ep > 1) text += fmt::format(", ep: {}", shape.ep);
  return text + ")";
}

/// The smallest change that makes the model fit: more GPUs in the domain, else fewer bits, else
/// fewer sequences, else more domains, a pipeline stage in each.
std::string memory_advice(const GpuParameters& gpu, const LlmParameters& llm,
                          const StackParameters& stack, const ReplicaShape& shape,
                          int max_sequences) {
  const auto can = [&](const ReplicaShape& s) {
    return heads_divide(llm, s.tp) && (s.ep == 1 || llm.experts % s.ep == 0) &&
           fits(gpu, llm, stack, s, max_sequences);
  };
  const auto of_size = [&](int tp, int pp) {
    ReplicaShape more = shape;
    more.tp = tp;
    more.pp = pp;
    more.gpus = tp * shape.attention_dp * pp;
    if (shape.ep > 1) more.ep = more.stage_gpus();
    return more;
  };
  for (int tp = shape.tp + 1; tp * shape.attention_dp * shape.pp <= shape.nvlink_domain; ++tp) {
    const ReplicaShape more = of_size(tp, shape.pp);
    if (can(more)) {
      return fmt::format("use {}, the fewest that hold it in {}", gpus_and(more),
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
  const int whole = shape.nvlink_domain / shape.attention_dp;
  for (int pp = 2; gpu.scale_out_bandwidth.value.value > 0 && pp <= std::min(16, llm.layers) &&
                   whole > 0 && shape.nvlink_domain % shape.attention_dp == 0;
       ++pp) {
    const ReplicaShape more = of_size(whole, pp);
    if (can(more)) {
      return fmt::format("use {}, a stage in each of {} link domains", gpus_and(more), pp);
    }
  }
  return fmt::format(
      "use GPUs with more memory, or more of them than the NVLink domain of {} holds",
      shape.nvlink_domain);
}

/// Rules of counts alone: what must divide what.
void add_division_problems(const GpuParameters& gpu, const LlmParameters& llm,
                           const ReplicaShape& shape, sim::Problems& problems) {
  const int product = shape.tp * shape.attention_dp * shape.pp;
  if (shape.gpus != product) {
    const std::string factors =
        shape.pp > 1 ? fmt::format("tp x attention_dp x pp is {} x {} x {}", shape.tp,
                                   shape.attention_dp, shape.pp)
                     : fmt::format("tp x attention_dp is {} x {}", shape.tp, shape.attention_dp);
    problems.add("gpus", fmt::format("is {}, but {} = {}", shape.gpus, factors, product),
                 fmt::format("choose {} whose product is {}, or set gpus: {}",
                             shape.pp > 1 ? "tp, attention_dp and pp" : "tp and attention_dp",
                             shape.gpus, product));
    return;
  }
  const int domain = shape.nvlink_domain;
  if (shape.gpus > domain && gpu.scale_out_bandwidth.value.value <= 0) {
    problems.add("gpus",
                 fmt::format("is {}, more than the {} GPUs that NVLink joins, and the GPU has no "
                             "network of its own",
                             shape.gpus, domain),
                 fmt::format("use at most {} GPUs per replica, a rack with a larger domain, or "
                             "give the GPU a scale_out_bandwidth",
                             domain));
  } else if (shape.gpus > domain && shape.gpus % domain != 0) {
    const int below = shape.gpus / domain * domain;
    const int nearest = shape.gpus - below <= domain / 2 ? below : below + domain;
    problems.add(
        "gpus",
        fmt::format("is {}, which leaves an NVLink domain of {} in part", shape.gpus, domain),
        fmt::format("the nearest that fills whole domains is gpus: {}", nearest));
  } else if (shape.gpus > domain && domain % shape.tp != 0 && shape.tp % domain != 0) {
    problems.add(
        "tp",
        fmt::format("is {}, which does not divide an NVLink domain of {} GPUs", shape.tp, domain),
        fmt::format("the nearest that does is tp: {}", nearest_divisor(domain, shape.tp)));
  }
  if (!heads_divide(llm, shape.tp)) {
    problems.add("tp",
                 fmt::format("is {}, which does not divide {} heads over {} KV heads evenly",
                             shape.tp, llm.heads, llm.kv_heads),
                 fmt::format("the nearest that does is tp: {}", nearest_tp(llm, shape.tp)));
  }
  if (shape.pp > llm.layers) {
    problems.add("pp", fmt::format("is {}, but the model has {} layers", shape.pp, llm.layers),
                 fmt::format("set pp: {} at most", llm.layers));
  }
  if (shape.ep > 1 && llm.moe_layers == 0) {
    problems.add("ep", "is above 1, but the model has no experts", "set ep: 1");
  } else if (shape.ep > 1 && llm.experts % shape.ep != 0) {
    problems.add(
        "ep", fmt::format("is {}, which does not divide {} experts", shape.ep, llm.experts),
        fmt::format("the nearest that does is ep: {}", nearest_divisor(llm.experts, shape.ep)));
  }
  if (const int stage = shape.stage_gpus(); shape.ep > 1 && stage % shape.ep != 0) {
    problems.add("ep",
                 fmt::format("is {}, which does not divide {} GPUs{}", shape.ep, stage,
                             shape.pp > 1 ? " of a stage" : ""),
                 fmt::format("the nearest that does is ep: {}", nearest_divisor(stage, shape.ep)));
  }
  if (shape.speculation.on() && shape.pp > 1) {
    problems.add("speculation", "drafts with the last stage's layers, which one stage has alone",
                 "set pp: 1, or leave speculation out");
  }
  if (const auto& draft = shape.speculation.draft_model;
      shape.speculation.on() && draft && !heads_divide(*draft, shape.tp)) {
    problems.add("tp",
                 fmt::format("is {}, which does not divide the drafting model's {} heads over {} "
                             "KV heads evenly",
                             shape.tp, draft->heads, draft->kv_heads),
                 fmt::format("the nearest that does is tp: {}", nearest_tp(*draft, shape.tp)));
  }
}

}  // namespace

ReplicaShape draft_shape(const ReplicaShape& shape, const LlmParameters& draft) {
  ReplicaShape alone = shape;
  alone.speculation = {};
  if (draft.moe_layers == 0 || draft.experts % shape.ep != 0) alone.ep = 1;
  return alone;
}

MemoryFit memory_fit(const GpuParameters& gpu, const LlmParameters& llm,
                     const StackParameters& stack, const ReplicaShape& shape, int max_sequences) {
  MemoryFit out;
  const double stored = bytes_per_element(shape.weights);
  const double embedding = head_weights(llm) * (llm.tied_embedding ? 1 : 2) * 2.0;
  // With stages, the largest one counts; input embedding and head lie on the first and the last.
  const double imbalance = stage_imbalance(llm, shape.pp);
  const double tables = shape.pp > 1 ? head_weights(llm) * 2.0 : embedding;
  out.weight_bytes_per_gpu =
      ((attention_weights_total(llm) * bytes_per_element(attention_format(llm, shape.weights)) +
        feed_forward_weights(llm) * stored) *
           imbalance / shape.pp +
       tables) /
          shape.tp +
      double(llm.moe_layers) * llm.experts * expert_weights(llm) * stored * imbalance / shape.gpus;
  double draft_layer = 0;  // KV bytes of a token in what drafts
  if (shape.speculation.on()) {
    const LlmParameters draft = draft_of(shape.speculation, llm);
    out.weight_bytes_per_gpu +=
        memory_fit(gpu, draft, stack, draft_shape(shape, draft), max_sequences)
            .weight_bytes_per_gpu;
    // A drafting module shares the model's embedding and head.
    if (!shape.speculation.draft_model) {
      out.weight_bytes_per_gpu -= head_weights(draft) * 2.0 / shape.tp;
    }
    draft_layer = kv_bytes_per_layer(draft, shape.tp, shape.kv) * attention_layers(draft);
  }

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
  const Layout layouts[] = {{layer * attention_layers(llm) + draft_layer, state},
                            {layer * llm.full_attention_layers + draft_layer,
                             state + layer * llm.window_layers * llm.window}};
  for (const Layout& l : layouts) {
    if (l.per_token <= 0) continue;
    const double tokens = (usable / imbalance - l.per_sequence * max_sequences) / l.per_token;
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
  add_division_problems(gpu, llm, shape, problems);
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
