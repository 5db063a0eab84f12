#pragma once
#include <vector>

#include "models/compute/llm.hpp"
#include "models/training/job.hpp"

// How much work a layer is: weights, operations and elements, before any hardware.
namespace mw::models {

/// One layer of the model, or a module that predicts further tokens.
struct LayerWork {
  bool experts = false;
  double dense_weights = 0;              // attention, feed-forward, shared experts, router
  double expert_weights = 0;             // all routed experts
  double active_experts = 0;             // weights of those that a token visits
  double attention_flops = 0;            // forward, of one sample
  double query_width = 0, kv_width = 0;  // elements a token of queries, of keys and values together
  double inner = 0;         // inner elements of the dense feed-forward part and shared experts
  double expert_inner = 0;  // inner width of a routed expert
  double per_token = 0;     // routed experts a token visits
};

/// Layers in order: those with experts last (as DeepSeek-V3); attention and state-space layers that
/// not every layer has are spread evenly.
std::vector<LayerWork> layers_of(const LlmParameters& llm, int sequence);

/// A module that predicts one further token: a layer of the last kind behind a projection of two
/// hidden vectors to one (DeepSeek-AI, arXiv 2412.19437, section 2.2). Shares embedding and head.
LayerWork mtp_layer(const LlmParameters& llm, int sequence);

/// Operations of a training step per token, forward and backward, as publications count them:
/// 6 for each weight that works on the token, and three times the causal attention's. No recompute.
double model_flops_per_token(const LlmParameters& llm, int sequence, int mtp = 0);

/// All weights of the job's model, modules for further tokens included.
double trained_weights(const LlmParameters& llm, const TrainingJob& job);

}  // namespace mw::models
