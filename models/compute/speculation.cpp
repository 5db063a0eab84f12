#include "models/compute/speculation.hpp"

#include <algorithm>

namespace mw::models {

double expected_tokens(const Speculation& speculation) {
  double sum = 1, run = 1;
  for (int i = 0; i < speculation.tokens; ++i) {
    run *= speculation.acceptance;
    sum += run;
  }
  return sum;
}

LlmParameters draft_of(const Speculation& speculation, const LlmParameters& target) {
  if (speculation.draft_model) return *speculation.draft_model;
  LlmParameters draft = target;
  const int layers = speculation.draft_layers;
  draft.layers = layers;
  draft.full_attention_layers = layers;
  draft.window_layers = draft.mamba_layers = 0;
  draft.moe_layers = target.moe_layers > 0 ? layers : 0;
  draft.dense_mlp_layers = target.moe_layers > 0 ? 0 : layers;
  draft.tied_embedding = true;
  return draft;
}

}  // namespace mw::models
