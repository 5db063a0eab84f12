#pragma once
#include <cstdint>
#include <vector>

#include "models/compute/gpu.hpp"
#include "models/compute/llm.hpp"
#include "models/compute/precision.hpp"
#include "models/compute/speculation.hpp"
#include "models/compute/stack.hpp"
#include "sim/describe.hpp"

namespace mw::models {

/// How a replica spreads a model: `gpus` = tp * attention_dp * pp. `pp` stages of consecutive
/// layers; in each, experts lie on `ep` ranks (1: every expert is cut over the stage's GPUs).
/// NVLink joins `nvlink_domain` GPUs; a larger replica takes whole domains and the network between
/// them.
struct ReplicaShape {
  int gpus = 1;
  int tp = 1;
  int ep = 1;
  int attention_dp = 1;
  int pp = 1;
  int nvlink_domain = 8;
  Precision weights = Precision::bf16;
  Precision kv = Precision::bf16;
  Speculation speculation{};

  int stage_gpus() const { return gpus / pp; }
};
template <sim::Describes<ReplicaShape> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("gpus", self.gpus, About{.text = "GPUs of the replica", .min = 1, .max = 1024});
  visit("tp", self.tp, About{.text = "Tensor-parallel ranks", .min = 1, .max = 1024});
  visit("ep", self.ep, About{.text = "Expert-parallel ranks", .min = 1, .max = 1024});
  visit("attention_dp", self.attention_dp,
        About{.text = "Data-parallel attention groups", .min = 1, .max = 1024});
  visit("pp", self.pp, About{.text = "Pipeline stages", .min = 1, .max = 128});
  visit("nvlink_domain", self.nvlink_domain,
        About{.text = "GPUs joined by NVLink or its like", .min = 1, .max = 1024});
  visit("weights", self.weights, About{.text = "Storage of the weights"});
  visit("kv", self.kv, About{.text = "Storage of the KV cache: bf16 or fp8"});
  visit("speculation", self.speculation, About{.text = "Speculative decoding"});
}

/// The shape in which what drafts runs on the same GPUs.
ReplicaShape draft_shape(const ReplicaShape& shape, const LlmParameters& draft);

/// Where a replica's memory goes.
struct MemoryFit {
  double weight_bytes_per_gpu = 0;
  double kv_bytes_per_token = 0;       // over the whole replica, with replication
  double bytes_per_sequence = 0;       // the same; windows and state that do not grow with context
  std::int64_t kv_token_capacity = 0;  // 0 or less: does not fit
};
MemoryFit memory_fit(const GpuParameters& gpu, const LlmParameters& llm,
                     const StackParameters& stack, const ReplicaShape& shape, int max_sequences);

/// Why the replica cannot run, each with the nearest change that can; empty when it can.
std::vector<sim::Problems::Item> fit_problems(const GpuParameters& gpu, const LlmParameters& llm,
                                              const StackParameters& stack,
                                              const ReplicaShape& shape, int max_sequences = 1);

}  // namespace mw::models
