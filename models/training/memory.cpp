#include "models/training/memory.hpp"

#include <algorithm>

#include "models/compute/kernel_cost.hpp"
#include "models/compute/model_size.hpp"
#include "models/training/layer_pass.hpp"
#include "models/training/stages.hpp"

namespace mw::models {
namespace {

/// Bytes of a stored weight with what matrix products need beside it. Narrow formats keep a second,
/// transposed copy for the backward pass; NVFP4 keeps BF16 weights too. Assumed, after Transformer
/// Engine's documentation.
double held_bytes(TrainingPrecision p) {
  switch (p) {
    case TrainingPrecision::bf16:
    case TrainingPrecision::fp8:
    case TrainingPrecision::mxfp8:
      return 2;
    case TrainingPrecision::nvfp4:
      return 2 + 2 * bytes_per_element(Precision::nvfp4);
  }
  return 2;
}

struct Held {
  double dense = 0, experts = 0;  // weights of a stage, on one GPU before data-parallel sharding
};

}  // namespace

double kept_bytes(const TrainingSetup& s, const LayerWork& layer) {
  const TrainingJob& job = s.job;
  const double h = s.llm.hidden;
  const double own = job.rank_tokens() / job.tp;
  const double unsplit = job.sequence_parallel ? own : job.rank_tokens();
  if (job.recompute == Recompute::full) return activation_bytes * h * unsplit;
  // Inputs of matrix products are kept as these read them; what stands between them in BF16.
  const double narrow = std::min(activation_bytes, product_bytes(job.precision));
  const bool again = job.recompute == Recompute::activations;
  const double attention =
      activation_bytes * (h * unsplit + (layer.query_width + layer.kv_width) * own) +
      narrow * (h * unsplit + layer.query_width * own);
  // Input of the norm, input of the product, gate and up parts, input of the down product.
  const double between = (s.llm.mlp_matrices - 1) * activation_bytes + (again ? 0 : narrow);
  const double dense = activation_bytes * h * unsplit + narrow * h * unsplit +
                       layer.inner * own * (again ? between * 0.5 : between);
  const double experts =
      layer.per_token * own * (narrow * h + layer.expert_inner * (again ? between * 0.5 : between));
  return attention + dense + experts;
}

double in_flight(const TrainingJob& job, int stage) {
  const double p = job.pp, v = job.chunks(), m = job.micro_batches();
  if (v == 1) return std::min(m, p - stage);
  return std::min(m, p * (1 + (p - 1) / (p * v)) - 2.0 * stage / v);
}

TrainingMemory training_memory(const TrainingSetup& s) {
  const TrainingJob& job = s.job;
  const auto layers = layers_of(s.llm, job.sequence);
  const auto stages = split_stages(s.llm.layers, job);
  const double embedding = head_weights(s.llm) / job.tp;
  const auto spread = [&](Sharding from, double weights, int ranks) {
    return static_cast<int>(job.sharding) >= static_cast<int>(from) ? weights / ranks : weights;
  };
  TrainingMemory worst;
  for (std::size_t i = 0; i < stages.size(); ++i) {
    const auto& stage = stages[i];
    Held held;
    double kept = 0, largest_layer = 0;
    // The first layers wait longest, so theirs leave; one is in use and one on its way at any time.
    int gone = std::min(job.offload_layers, s.llm.layers - 2);
    const auto take = [&](const LayerWork& layer) {
      held.dense += layer.dense_weights / job.tp;
      held.experts += layer.expert_weights / job.ep;
      if (gone-- <= 0) kept += kept_bytes(s, layer);
      largest_layer =
          std::max(largest_layer, layer.dense_weights / job.tp + layer.expert_weights / job.ep);
    };
    for (const int l : stage.layers) take(layers[static_cast<std::size_t>(l)]);
    if (stage.embedding) held.dense += embedding;
    if (stage.head && !(s.llm.tied_embedding && job.pp == 1)) held.dense += embedding;
    if (stage.head)
      for (int k = 0; k < job.mtp; ++k) take(mtp_layer(s.llm, job.sequence));

    TrainingMemory m;
    m.stage = static_cast<int>(i);
    const auto all = [&](Sharding from) {
      return spread(from, held.dense, job.dense_replicas()) +
             spread(from, held.experts, job.expert_replicas());
    };
    m.weights = all(Sharding::parameters) * held_bytes(job.precision);
    if (!job.frozen) {
      m.gradients = all(Sharding::gradients) * job.gradient_bytes;
      m.optimizer = all(Sharding::optimizer) * (4.0 + 2 * job.moment_bytes);
    }
    m.activations = kept * in_flight(job, m.stage);
    // Logits in BF16 and their gradient's FP32 copy, of one micro-batch.
    if (stage.head) m.buffers += job.rank_tokens() / job.tp * s.llm.vocab * 6;
    // Two layers' weights and gradients gathered whole, one in use and one on its way.
    if (job.sharding == Sharding::parameters)
      m.buffers += 2 * largest_layer * (held_bytes(job.precision) + job.gradient_bytes);
    if (job.recompute == Recompute::full && !stage.layers.empty()) {
      TrainingSetup whole = s;
      whole.job.recompute = Recompute::none;
      m.buffers += kept_bytes(whole, layers[static_cast<std::size_t>(stage.layers.back())]);
    }
    m.workspace = s.stack.workspace.value.value;
    m.usable = s.gpu.memory.value.value * s.stack.memory_share.value;
    if (i == 0 || m.total() > worst.total()) worst = m;
  }
  return worst;
}

}  // namespace mw::models
