#pragma once
#include <string>

#include "models/compute/precision.hpp"
#include "sim/describe.hpp"
#include "sim/quantity.hpp"

namespace mw::models {

/// `gqa`: grouped-query attention, a key and a value per KV head (multi-head when they equal the
/// heads). `mla`: multi-head latent attention, one compressed vector per token.
enum class Attention { gqa, mla };
inline std::span<const char* const> enum_names(Attention) {
  static constexpr const char* names[] = {"gqa", "mla"};
  return names;
}

/// The shape of a language model: all that its cost per token follows from.
struct LlmParameters {
  static constexpr const char* catalog = "llms";
  std::string text;
  sim::Confidence confidence = sim::Confidence::assumed;
  std::string source;

  int layers = 0;
  int hidden = 0;
  Attention attention = Attention::gqa;
  int heads = 0;
  int kv_heads = 0;
  int head_dim = 0;
  int q_lora = 0;
  int kv_lora = 0;
  int rope_dim = 0;
  int v_dim = 0;
  int full_attention_layers = 0;
  int window_layers = 0;
  int window = 0;
  int mamba_layers = 0;
  std::int64_t mamba_state = 0;
  std::int64_t mamba_weights = 0;
  int dense_mlp_layers = 0;
  int dense_inter = 0;
  int mlp_matrices = 3;
  int moe_layers = 0;
  int experts = 0;
  int experts_per_token = 0;
  int moe_inter = 0;
  int shared_experts = 0;
  int shared_inter = 0;
  int vocab = 0;
  bool tied_embedding = false;
  Fp8Scaling fp8_scaling = Fp8Scaling::tensor;
  Precision attention_at_4bit = Precision::bf16;
  Precision native = Precision::bf16;
  std::int64_t max_context = 131072;
};

template <sim::Describes<LlmParameters> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("text", self.text, About{.text = "What the model is, in one line"});
  visit("confidence", self.confidence, About{.text = "How sure the whole entry is"});
  visit("source", self.source, About{.text = "Where the whole entry comes from"});
  visit("layers", self.layers, About{.text = "Layers", .min = 1, .required = true});
  visit("hidden", self.hidden, About{.text = "Hidden width", .min = 1, .required = true});
  visit("attention", self.attention, About{.text = "Kind of attention"});
  visit("heads", self.heads, About{.text = "Query heads", .min = 1, .required = true});
  visit("kv_heads", self.kv_heads,
        About{.text = "Key and value heads", .min = 1, .required = true});
  visit("head_dim", self.head_dim, About{.text = "Width of a head", .min = 1, .required = true});
  visit("q_lora", self.q_lora, About{.text = "mla: rank of the query compression", .min = 0});
  visit("kv_lora", self.kv_lora, About{.text = "mla: width of the cached latent", .min = 0});
  visit("rope_dim", self.rope_dim, About{.text = "mla: width of the cached rotary part", .min = 0});
  visit("v_dim", self.v_dim, About{.text = "mla: width of a value head", .min = 0});
  visit("full_attention_layers", self.full_attention_layers,
        About{.text = "Layers that attend to the whole context", .min = 0, .required = true});
  visit("window_layers", self.window_layers,
        About{.text = "Layers that attend to the last `window` tokens", .min = 0});
  visit("window", self.window, About{.text = "Sliding window in tokens", .min = 0});
  visit("mamba_layers", self.mamba_layers, About{.text = "State-space layers", .min = 0});
  visit("mamba_state", self.mamba_state,
        About{.text = "State per sequence and state-space layer, elements", .min = 0});
  visit("mamba_weights", self.mamba_weights,
        About{.text = "Weights of a state-space layer", .min = 0});
  visit("dense_mlp_layers", self.dense_mlp_layers,
        About{.text = "Layers with a dense feed-forward part", .min = 0});
  visit("dense_inter", self.dense_inter, About{.text = "Its inner width", .min = 0});
  visit("mlp_matrices", self.mlp_matrices,
        About{.text = "Matrices of a feed-forward part: 3 gated, 2 plain", .min = 2, .max = 3});
  visit("moe_layers", self.moe_layers, About{.text = "Layers with experts", .min = 0});
  visit("experts", self.experts, About{.text = "Routed experts in such a layer", .min = 0});
  visit("experts_per_token", self.experts_per_token,
        About{.text = "Routed experts a token visits", .min = 0});
  visit("moe_inter", self.moe_inter, About{.text = "Inner width of a routed expert", .min = 0});
  visit("shared_experts", self.shared_experts,
        About{.text = "Experts that every token visits", .min = 0});
  visit("shared_inter", self.shared_inter,
        About{.text = "Inner width of a shared expert", .min = 0});
  visit("vocab", self.vocab, About{.text = "Vocabulary", .min = 1, .required = true});
  visit("tied_embedding", self.tied_embedding,
        About{.text = "Input embedding and output head share their weights"});
  visit("fp8_scaling", self.fp8_scaling,
        About{.text = "Scaling of its FP8 checkpoint; sets how grouped kernels pad experts"});
  visit("attention_at_4bit", self.attention_at_4bit,
        About{.text = "Storage of the attention weights when the others have 4 bits"});
  visit("native", self.native, About{.text = "Storage of the checkpoint as published"});
  visit("max_context", self.max_context, About{.text = "Longest context in tokens", .min = 1});
}
void check(const LlmParameters& llm, sim::Problems& problems);

}  // namespace mw::models
