#include "models/training/stack.hpp"

#include <algorithm>

namespace mw::models {

void check(const TrainingStackParameters& stack, sim::Problems& problems) {
  const auto positive = [&](const char* name, double value) {
    if (!(value > 0))
      problems.add(name, "is 0, so nothing would ever end", "write a share above 0");
  };
  positive("gemm_bf16", stack.gemm_bf16.value);
  positive("gemm_fp8", stack.gemm_fp8.value);
  positive("gemm_bf16_with_fp4", stack.gemm_bf16_with_fp4.value);
  positive("gemm_fp8_with_fp4", stack.gemm_fp8_with_fp4.value);
  positive("gemm_mxfp8", stack.gemm_mxfp8.value);
  positive("gemm_nvfp4", stack.gemm_nvfp4.value);
  positive("expert_gemm", stack.expert_gemm.value);
  positive("attention", stack.attention.value);
  positive("attention_with_fp4", stack.attention_with_fp4.value);
}

double training_rate(const GpuParameters& gpu, TrainingPrecision precision) {
  if (precision != TrainingPrecision::nvfp4) return tensor_rate(gpu, units_of(precision));
  return std::min(gpu.fp4.value.value, 2 * gpu.fp8.value.value);
}

double gemm_share(const TrainingStackParameters& stack, const GpuParameters& gpu,
                  TrainingPrecision precision) {
  const bool fp4 = gpu.fp4.value.value > 0;
  switch (precision) {
    case TrainingPrecision::bf16:
      return fp4 ? stack.gemm_bf16_with_fp4.value : stack.gemm_bf16.value;
    case TrainingPrecision::fp8:
      return fp4 ? stack.gemm_fp8_with_fp4.value : stack.gemm_fp8.value;
    case TrainingPrecision::mxfp8:
      return stack.gemm_mxfp8.value;
    case TrainingPrecision::nvfp4:
      return stack.gemm_nvfp4.value;
  }
  return stack.gemm_bf16.value;
}

double attention_share(const TrainingStackParameters& stack, const GpuParameters& gpu) {
  return gpu.fp4.value.value > 0 ? stack.attention_with_fp4.value : stack.attention.value;
}

double permute_traffic(const TrainingStackParameters& stack, const GpuParameters& gpu) {
  return gpu.fp4.value.value > 0 ? stack.permute_traffic_with_fp4.value
                                 : stack.permute_traffic.value;
}

bool graphs_by_default(const TrainingStackParameters& stack, const GpuParameters& gpu, int domain) {
  return gpu.fp4.value.value > 0 && (stack.graphs_with_fp4 || domain > 8);
}

double gpu_factor(const TrainingStackParameters& stack, const std::string& gpu_name) {
  for (const auto& known : stack.gpu_factors)
    if (known.name == gpu_name) return known.factor.value;
  return 1.0;
}

}  // namespace mw::models
