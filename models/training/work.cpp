#include "models/training/work.hpp"

#include <algorithm>

#include "models/compute/model_size.hpp"

namespace mw::models {
namespace {

/// Query-key pairs of one sample in one attention layer: causal, half the square.
double causal_pairs(double sequence, double reach) {
  if (reach >= sequence) return sequence * sequence / 2;
  return reach * sequence - reach * reach / 2;
}

}  // namespace

std::vector<LayerWork> layers_of(const LlmParameters& m, int sequence) {
  const double h = m.hidden;
  const double n = m.layers;
  const double s = sequence;
  const double pairs =
      (m.full_attention_layers * causal_pairs(s, s) + m.window_layers * causal_pairs(s, m.window)) /
      n;
  const double attention_share = attention_layers(m) / n;
  const int plain_layers = m.layers - m.moe_layers;
  const double dense_share = plain_layers > 0 ? double(m.dense_mlp_layers) / plain_layers : 0;
  const bool latent = m.attention == Attention::mla;

  LayerWork common;
  common.attention_flops = attention_flops_per_pair(m) * pairs;
  common.dense_weights =
      attention_share * attention_weights(m) + m.mamba_layers * double(m.mamba_weights) / n;
  common.query_width = attention_share * m.heads * (m.head_dim + (latent ? m.rope_dim : 0));
  common.kv_width = attention_share * (latent ? m.heads * double(m.head_dim + m.rope_dim + m.v_dim)
                                              : 2.0 * m.kv_heads * m.head_dim);

  std::vector<LayerWork> out;
  for (int i = 0; i < m.layers; ++i) {
    LayerWork layer = common;
    layer.experts = i >= plain_layers;
    if (layer.experts) {
      layer.dense_weights += m.shared_experts * m.mlp_matrices * h * m.shared_inter + h * m.experts;
      layer.expert_weights = m.experts * expert_weights(m);
      layer.active_experts = m.experts_per_token * expert_weights(m);
      layer.inner = double(m.shared_experts) * m.shared_inter;
      layer.expert_inner = m.moe_inter;
      layer.per_token = m.experts_per_token;
    } else {
      layer.dense_weights += dense_share * m.mlp_matrices * h * m.dense_inter;
      layer.inner = dense_share * m.dense_inter;
    }
    out.push_back(layer);
  }
  return out;
}

LayerWork mtp_layer(const LlmParameters& llm, int sequence) {
  LayerWork layer = layers_of(llm, sequence).back();
  layer.dense_weights += 2.0 * llm.hidden * llm.hidden;
  return layer;
}

double model_flops_per_token(const LlmParameters& llm, int sequence, int mtp) {
  double weights = head_weights(llm), attention = 0;
  const auto add = [&](const LayerWork& layer) {
    weights += layer.dense_weights + layer.active_experts;
    attention += layer.attention_flops / sequence;
  };
  for (const auto& layer : layers_of(llm, sequence)) add(layer);
  for (int i = 0; i < mtp; ++i) {
    add(mtp_layer(llm, sequence));
    weights += head_weights(llm);
  }
  return 6 * weights + 3 * attention;
}

double trained_weights(const LlmParameters& llm, const TrainingJob& job) {
  const LayerWork more = mtp_layer(llm, job.sequence);
  return total_weights(llm) + job.mtp * (more.dense_weights + more.expert_weights);
}

}  // namespace mw::models
