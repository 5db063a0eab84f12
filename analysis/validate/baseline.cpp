#include "analysis/validate/baseline.hpp"

#include <algorithm>

#include "models/compute/model_size.hpp"
#include "models/compute/occupancy.hpp"

namespace mw::analysis {

using namespace mw::models;

Figures naive_baseline(const Point& point, const GpuParameters& gpu, const LlmParameters& llm,
                       double batch) {
  const double engine = double(point.n_gpus) / point.replicas;
  const double bytes_per_weight = bytes_per_element(point.precision);
  const double context = point.isl + point.osl / 2;
  const double hit =
      llm.experts > 0 ? 1 - expert_miss(llm.experts_per_token, llm.experts, batch) : 0;
  const double weights = attention_weights_total(llm) + feed_forward_weights(llm) +
                         head_weights(llm) +
                         hit * double(llm.moe_layers) * llm.experts * expert_weights(llm);
  const double windowed = std::min(context, double(llm.window));
  const double kv = kv_bytes_per_layer(llm, 1, point.kv) *
                    (llm.full_attention_layers * context + llm.window_layers * windowed);
  const double bandwidth = engine * gpu.memory_bandwidth.value.value;
  const double peak = engine * tensor_rate(gpu, arithmetic_format(gpu, point.precision));
  const double flops_per_token = 2 * active_weights(llm);

  const double prompt_s = point.isl * flops_per_token / peak;
  const double step_s = std::max((weights * bytes_per_weight + batch * kv) / bandwidth,
                                 batch * flops_per_token / peak);
  // Each token of output brings isl / osl tokens of prompt with it.
  const double mean_step_s = step_s + batch / point.osl * prompt_s;
  Figures out;
  const double tok_s = batch / mean_step_s * point.replicas;
  const double power = 0.85 * gpu.tdp.value.value * point.n_gpus;
  out[Figure::tok_s] = tok_s;
  out[Figure::tok_s_gpu] = tok_s / point.n_gpus;
  out[Figure::itl_ms] = 1e3 * step_s;
  out[Figure::tpot_ms] = 1e3 * mean_step_s;
  out[Figure::ttft_ms] = 1e3 * prompt_s;
  out[Figure::gpu_w] = power;
  out[Figure::j_per_token] = power / tok_s;
  return out;
}

}  // namespace mw::analysis
