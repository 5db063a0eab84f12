#pragma once
#include <cstdint>
#include <optional>
#include <span>

#include "models/compute/precision.hpp"
#include "sim/describe.hpp"

namespace mw::models {

/// Format of the matrix products of the layers. Attention, embedding and head stay BF16, master
/// weights FP32. `fp8`: one scale a tensor; `mxfp8`: one for 32 elements (OCP Microscaling v1.0).
enum class TrainingPrecision { bf16, fp8, mxfp8, nvfp4 };
inline std::span<const char* const> enum_names(TrainingPrecision) {
  static constexpr const char* names[] = {"bf16", "fp8", "mxfp8", "nvfp4"};
  return names;
}
/// The format's tensor units.
constexpr Precision units_of(TrainingPrecision p) {
  if (p == TrainingPrecision::bf16) return Precision::bf16;
  return p == TrainingPrecision::nvfp4 ? Precision::nvfp4 : Precision::fp8;
}

/// What data-parallel ranks hold one part of each: nothing (all hold all), optimizer state
/// (ZeRO-1), gradients too (ZeRO-2), weights too (ZeRO-3, FSDP). Rajbhandari et al., SC 2020.
enum class Sharding { none, optimizer, gradients, parameters };
inline std::span<const char* const> enum_names(Sharding) {
  static constexpr const char* names[] = {"none", "optimizer", "gradients", "parameters"};
  return names;
}

/// Which activations are computed again in the backward pass instead of kept: none; what lies
/// between the matrix products of feed-forward parts and experts (`activations`); all within a
/// layer (`full`: its input alone is kept).
enum class Recompute { none, activations, full };
inline std::span<const char* const> enum_names(Recompute) {
  static constexpr const char* names[] = {"none", "activations", "full"};
  return names;
}

/// How tokens reach experts on other ranks: once each rank (or NVLink domain) that holds some of
/// theirs, or a copy for each expert.
enum class TokenDispatch { once, copies };
inline std::span<const char* const> enum_names(TokenDispatch) {
  static constexpr const char* names[] = {"once", "copies"};
  return names;
}

/// How a model is trained on GPUs: ranks are numbered tensor, context, data, pipeline, the first
/// innermost, as Megatron-LM does; experts lie on `ep` consecutive ranks of a stage.
struct TrainingJob {
  int gpus = 0;
  int tp = 1;
  int pp = 1;
  std::optional<int> vpp;
  int cp = 1;
  int ep = 1;
  TrainingPrecision precision = TrainingPrecision::bf16;
  int sequence = 8192;
  int micro_batch = 1;
  int global_batch = 0;
  bool sequence_parallel = true;
  Sharding sharding = Sharding::optimizer;
  Recompute recompute = Recompute::none;
  int offload_layers = 0;
  bool overlap_tensor = true;
  bool overlap_data = true;
  bool overlap_experts = false;
  TokenDispatch dispatch = TokenDispatch::once;
  std::optional<bool> graphs;
  bool frozen = false;
  int mtp = 0;
  int gradient_bytes = 2;
  int moment_bytes = 4;

  int stage_gpus() const { return gpus / pp; }
  int dp() const { return gpus / (pp * tp * cp); }
  int micro_batches() const { return global_batch / (dp() * micro_batch); }
  int chunks() const { return vpp.value_or(1); }
  /// Ranks that hold the same dense weights, and the same experts.
  int dense_replicas() const { return stage_gpus() / tp; }
  int expert_replicas() const { return stage_gpus() / ep; }
  /// Tokens of a micro-batch on a tensor-parallel group, and of a step.
  double rank_tokens() const { return double(micro_batch) * sequence / cp; }
  double step_tokens() const { return double(global_batch) * sequence; }
};
template <sim::Describes<TrainingJob> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("gpus", self.gpus,
        About{.text = "GPUs of the job", .min = 1, .max = 1048576, .required = true});
  visit("tp", self.tp, About{.text = "Tensor-parallel ranks", .min = 1, .max = 1024});
  visit("pp", self.pp, About{.text = "Pipeline stages", .min = 1, .max = 1024});
  visit("vpp", self.vpp,
        About{.text = "Model chunks of a stage (interleaved schedule); left out: 1, as recipes do",
              .min = 1,
              .max = 1024});
  visit("cp", self.cp, About{.text = "Context-parallel ranks", .min = 1, .max = 1024});
  visit("ep", self.ep, About{.text = "Expert-parallel ranks", .min = 1, .max = 1024});
  visit("precision", self.precision, About{.text = "Format of the layers' matrix products"});
  visit("sequence", self.sequence, About{.text = "Tokens of a sample", .min = 1, .max = 16777216});
  visit("micro_batch", self.micro_batch,
        About{.text = "Samples of a micro-batch", .min = 1, .max = 65536});
  visit("global_batch", self.global_batch,
        About{.text = "Samples of a step", .min = 1, .max = 16777216, .required = true});
  visit("sequence_parallel", self.sequence_parallel,
        About{.text = "Tensor-parallel ranks split norms and residuals by tokens"});
  visit("sharding", self.sharding,
        About{.text = "What data-parallel ranks hold one part of each: none, optimizer (ZeRO-1), "
                      "gradients (ZeRO-2), parameters (ZeRO-3, FSDP)"});
  visit("recompute", self.recompute,
        About{.text = "Activations that are computed again: none, activations (of feed-forward "
                      "parts and experts), full"});
  visit("offload_layers", self.offload_layers,
        About{.text = "Layers whose activations wait for the backward pass in the host's memory "
                      "(without pipeline stages); the copies are taken to be hidden",
              .min = 0,
              .max = 10000});
  visit("overlap_tensor", self.overlap_tensor,
        About{.text = "Tensor- and context-parallel exchanges run beside matrix products"});
  visit("overlap_data", self.overlap_data,
        About{.text = "Gradients and weights are exchanged beside the passes"});
  visit("overlap_experts", self.overlap_experts,
        About{.text = "Tokens go to experts beside another micro-batch's compute"});
  visit(
      "dispatch", self.dispatch,
      About{.text = "How tokens reach experts on other ranks: once each rank or NVLink domain "
                    "that holds some of theirs (DeepEP, HybridEP), or copies, one for each expert "
                    "(all-to-all of NCCL)"});
  visit("graphs", self.graphs,
        About{.text = "Kernels of layers with experts are launched from captured graphs; left out: "
                      "as the recipes of the software do on this GPU"});
  visit("frozen", self.frozen,
        About{.text = "Weights stay, small adapters are trained (LoRA): no gradients of weights. "
                      "The adapters' own work is left out"});
  visit("mtp", self.mtp,
        About{.text = "Layers that predict further tokens (multi-token prediction)",
              .min = 0,
              .max = 8});
  visit("gradient_bytes", self.gradient_bytes,
        About{.text = "Bytes of a gradient as kept and exchanged: 2 or 4", .min = 2, .max = 4});
  visit("moment_bytes", self.moment_bytes,
        About{.text = "Bytes of each of Adam's two moments: 1 to 4", .min = 1, .max = 4});
}
void check(const TrainingJob& job, sim::Problems& problems);

}  // namespace mw::models
