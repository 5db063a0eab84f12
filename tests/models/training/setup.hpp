#pragma once
#include "models/compute/catalog_file.hpp"
#include "models/training/step.hpp"

namespace mw::test {

/// Plain figures, so that the algebra of a test can be followed.
inline models::TrainingStackParameters plain_stack() {
  models::TrainingStackParameters s;
  for (auto* share : {&s.gemm_bf16, &s.gemm_fp8, &s.gemm_bf16_with_fp4, &s.gemm_fp8_with_fp4,
                      &s.gemm_mxfp8, &s.gemm_nvfp4, &s.attention, &s.attention_with_fp4})
    share->value = 0.5;
  s.expert_gemm.value = 0.8;
  s.activation_traffic.value = s.nvfp4_traffic.value = s.head_time.value = 1;
  s.permute_traffic.value = s.permute_traffic_with_fp4.value = 2;
  s.exposed_tensor.value = s.exposed_data.value = s.exposed_pipeline.value = 0.25;
  s.exposed_experts.value = 0.7;
  s.layer_gap.value = {1e-4};
  s.moe_layer_host.value = {4e-3};
  s.moe_layer_host_graphs.value = {1e-3};
  s.straggler.value = 0.005;
  s.workspace.value = {6e9};
  s.memory_share.value = 1;
  return s;
}

/// 405B on 256 GB200, as Megatron-Bridge's recipe splits it.
inline models::TrainingSetup setup_405b() {
  models::TrainingSetup s;
  s.gpu = read_catalog<models::GpuParameters>("gb200");
  s.llm = read_catalog<models::LlmParameters>("llama_3_1_405b");
  s.stack = plain_stack();
  s.domain = 72;
  s.job.gpus = 256;
  s.job.tp = 4;
  s.job.pp = 16;
  s.job.vpp = 8;
  s.job.precision = models::TrainingPrecision::fp8;
  s.job.global_batch = 1536;
  return s;
}

/// DeepSeek-V3 with one module for a further token.
inline models::TrainingSetup setup_deepseek() {
  models::TrainingSetup s = setup_405b();
  s.llm = read_catalog<models::LlmParameters>("deepseek_v3");
  s.job.tp = 1;
  s.job.pp = 4;
  s.job.vpp = 4;
  s.job.ep = 64;
  s.job.sequence = 4096;
  s.job.global_batch = 2048;
  s.job.mtp = 1;
  return s;
}

/// 8B on one GPU with all that is not arithmetic taken away.
inline models::TrainingSetup setup_arithmetic() {
  models::TrainingSetup s;
  s.gpu = read_catalog<models::GpuParameters>("h100_sxm");
  s.gpu.memory_bandwidth.value = {1e30};
  s.llm = read_catalog<models::LlmParameters>("llama_3_1_8b");
  s.stack = plain_stack();
  s.stack.layer_gap.value = {0};
  s.job.gpus = 1;
  s.job.sequence = 4096;
  s.job.global_batch = 4;
  return s;
}

}  // namespace mw::test
