#include "models/compute/llm.hpp"

namespace mw::models {

void check(const LlmParameters& llm, sim::Problems& problems) {
  const auto need = [&](bool ok, const char* at, const char* problem, const char* advice) {
    if (!ok) problems.add(at, problem, advice);
  };
  need(llm.full_attention_layers + llm.window_layers + llm.mamba_layers <= llm.layers, "layers",
       "is fewer than the attention and state-space layers together",
       "count each layer once among full_attention_layers, window_layers and mamba_layers");
  need(llm.heads % llm.kv_heads == 0, "kv_heads", "does not divide heads",
       "give the number of key/value heads; each serves heads / kv_heads queries");
  need((llm.window_layers > 0) == (llm.window > 0), "window",
       "and window_layers must both be given, or neither", "give the window in tokens");
  need(llm.dense_mlp_layers == 0 || llm.dense_inter > 0, "dense_inter",
       "is missing for the dense_mlp_layers", "give the inner width of the feed-forward part");
  need(llm.moe_layers == 0 || (llm.experts > 0 && llm.experts_per_token > 0 && llm.moe_inter > 0),
       "moe_layers", "need experts, experts_per_token and moe_inter", "give all three");
  need(llm.experts_per_token <= llm.experts, "experts_per_token", "is above experts",
       "give how many routed experts one token visits");
  need(llm.shared_experts == 0 || llm.shared_inter > 0, "shared_inter",
       "is missing for the shared_experts", "give the inner width of a shared expert");
  need(llm.mamba_layers == 0 || (llm.mamba_state > 0 && llm.mamba_weights > 0), "mamba_layers",
       "need mamba_state and mamba_weights", "give both");
  need(llm.attention == Attention::gqa || (llm.kv_lora > 0 && llm.rope_dim > 0 && llm.v_dim > 0),
       "attention", "mla needs kv_lora, rope_dim and v_dim", "give the three widths");
}

}  // namespace mw::models
