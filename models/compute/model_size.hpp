#pragma once
#include "models/compute/llm.hpp"

// Counts of weights: integers in doubles (exact below 2^53).
namespace mw::models {

/// Weights of one attention layer. mla, as DeepSeek-V2 (arXiv 2405.04434, section 2.1): query down
/// and up projections, joint key/value down projection with its rotary part, up projections,
/// output.
inline double attention_weights(const LlmParameters& m) {
  const double h = m.hidden;
  const double heads = m.heads;
  if (m.attention == Attention::mla) {
    const double query_width = heads * (m.head_dim + m.rope_dim);
    const double query = m.q_lora > 0 ? h * m.q_lora + m.q_lora * query_width : h * query_width;
    const double key_value =
        h * (m.kv_lora + m.rope_dim) + double(m.kv_lora) * heads * (m.head_dim + m.v_dim);
    return query + key_value + heads * m.v_dim * h;
  }
  return 2 * h * heads * m.head_dim + 2 * h * double(m.kv_heads) * m.head_dim;
}
inline int attention_layers(const LlmParameters& m) {
  return m.full_attention_layers + m.window_layers;
}
/// All attention layers.
inline double attention_weights_total(const LlmParameters& m) {
  return attention_layers(m) * attention_weights(m);
}
/// Read for every token besides attention: feed-forward parts, shared experts, routers, state-space
/// layers.
inline double feed_forward_weights(const LlmParameters& m) {
  const double h = m.hidden;
  return double(m.mamba_layers) * double(m.mamba_weights) +
         double(m.dense_mlp_layers) * m.mlp_matrices * h * m.dense_inter +
         double(m.moe_layers) *
             (double(m.shared_experts) * m.mlp_matrices * h * m.shared_inter + h * m.experts);
}
inline double expert_weights(const LlmParameters& m) {
  return double(m.mlp_matrices) * m.hidden * m.moe_inter;
}
/// The output head; the input embedding has the same size and is looked up, not read.
inline double head_weights(const LlmParameters& m) {
  return double(m.vocab) * m.hidden;
}

inline double total_weights(const LlmParameters& m) {
  return attention_weights_total(m) + feed_forward_weights(m) +
         double(m.moe_layers) * m.experts * expert_weights(m) +
         head_weights(m) * (m.tied_embedding ? 1 : 2);
}
/// Weights that work on one token, without the input embedding.
inline double active_weights(const LlmParameters& m) {
  return attention_weights_total(m) + feed_forward_weights(m) +
         double(m.moe_layers) * m.experts_per_token * expert_weights(m) + head_weights(m);
}

/// Storage of the attention weights: with 4-bit checkpoints they often stay wider.
inline Precision attention_format(const LlmParameters& m, Precision weights) {
  return four_bit(weights) ? m.attention_at_4bit : weights;
}

/// Bytes that one token leaves in the KV cache of one layer, over all `tp` ranks: KV heads are
/// replicated when there are more ranks than heads, the latent of mla on every rank.
inline double kv_bytes_per_layer(const LlmParameters& m, int tp, Precision kv) {
  if (m.attention == Attention::mla) {
    return double(m.kv_lora + m.rope_dim) * bytes_per_element(kv) * tp;
  }
  const int stored_heads = tp > m.kv_heads ? tp : m.kv_heads;
  return 2.0 * stored_heads * m.head_dim * bytes_per_element(kv);
}

/// Multiplications and additions of one query against one key and value in one layer, prompt phase
/// (mla unpacked to its heads).
inline double attention_flops_per_pair(const LlmParameters& m) {
  const double heads = m.heads;
  if (m.attention == Attention::mla) return 2 * heads * (m.head_dim + m.rope_dim + m.v_dim);
  return 4 * heads * m.head_dim;
}

/// The same of one decoded token under mla, whose up projections are absorbed into query and output
/// so that the latent itself is read: scores over latent and rotary part, sum over the latent.
inline double latent_flops_per_pair(const LlmParameters& m) {
  return 2 * double(m.heads) * (2 * m.kv_lora + m.rope_dim);
}

}  // namespace mw::models
