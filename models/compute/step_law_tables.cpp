// The step law's passes as measured, where kernel tables are given and hold all their shapes.
#include "models/compute/model_size.hpp"
#include "models/compute/step_law.hpp"

namespace mw::models {

void StepLaw::follow(KernelCost& cost, std::optional<double> measured, double stretch) {
  const double formula = overlap(cost.read_time, cost.compute_time / stretch);
  if (!measured || formula <= 0) return;
  const double ratio = *measured / formula;
  for (double* time : {&cost.time, &cost.read_time, &cost.compute_time}) *time *= ratio;
}

std::optional<double> StepLaw::measured_dense(double tokens) const {
  if (llm_.mamba_layers > 0) return std::nullopt;
  double sum = 0;
  for (const LayerGemm& gemm : layer_gemms(llm_, shape_.tp)) {
    const Precision kind = gemm.attention ? attention_format(llm_, shape_.weights) : shape_.weights;
    GemmShape shape = gemm.shape;
    shape.m = tokens / d_;
    const auto time =
        tables_->time(kernel_format(kind, llm_.fp8_scaling), roof_of(gpu_, kind), shape);
    if (!time) return std::nullopt;
    sum += gemm.count * *time;
  }
  return sum;
}

std::optional<double> StepLaw::measured_experts(double tokens) const {
  const MoeShape shape{llm_.hidden,
                       llm_.moe_inter,
                       llm_.experts_per_token,
                       llm_.experts,
                       shape_.stage_gpus() / shape_.ep,
                       shape_.ep,
                       llm_.mlp_matrices};
  const auto time = tables_->time(kernel_format(shape_.weights, llm_.fp8_scaling),
                                  roof_of(gpu_, shape_.weights), shape, tokens);
  if (!time) return std::nullopt;
  return llm_.moe_layers * *time;
}

void StepLaw::follow_attention(StepLinear& out) const {
  // Verification of drafts has no tables: a decode there has one query a sequence.
  if (llm_.attention == Attention::mla && shape_.speculation.on()) return;
  const AttentionShape attention = attention_shape(llm_, shape_);
  const AttentionRoof roof = attention_roof(gpu_, llm_, attention);
  // One layer's on one rank; every rank of a group works on all of its group's sequences.
  const double layers = double(llm_.full_attention_layers) / (shape_.pp * d_);
  if (const auto share = tables_->decode_utilisation(attention, roof))
    out.kv_full_time = layers * roof.per_context_token / *share;
  if (const auto share = tables_->prompt_utilisation(attention, roof))
    out.pair_full_time = layers * roof.per_pair / *share;
}

}  // namespace mw::models
