#pragma once
#include <string>
#include <vector>

#include "models/compute/gpu.hpp"
#include "models/training/job.hpp"
#include "sim/describe.hpp"
#include "sim/quantity.hpp"

namespace mw::models {

/// How the long matrix products of a part that no constant was fitted on relate to what its data
/// sheet and its family's shares say.
struct TrainingGpuFactor {
  std::string name;
  sim::Sourced<double> factor{1.0, sim::Confidence::assumed, "as its family"};
};
template <sim::Describes<TrainingGpuFactor> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("name", self.name, About{.text = "Name of the GPU's catalog entry", .required = true});
  visit("factor", self.factor,
        About{.text = "Sustained tensor rate relative to its data sheet and its family's shares",
              .min = 0.1,
              .max = 3,
              .required = true});
}

/// The training software of a time: how near its kernels come to the hardware, how much of its
/// communication shows. Shares "with FP4" are for GPUs with FP4 units (Blackwell and later).
struct TrainingStackParameters {
  static constexpr const char* catalog = "training_stacks";
  std::string text;
  std::string era;
  // Shares of the data-sheet rate that long matrix products sustain.
  sim::Sourced<double> gemm_bf16;
  sim::Sourced<double> gemm_fp8;
  sim::Sourced<double> gemm_bf16_with_fp4;
  sim::Sourced<double> gemm_fp8_with_fp4;
  sim::Sourced<double> gemm_mxfp8;
  sim::Sourced<double> gemm_nvfp4;
  sim::Sourced<double> expert_gemm;
  sim::Sourced<double> attention;
  sim::Sourced<double> attention_with_fp4;
  // Multiples of the memory traffic that a layer needs at least.
  sim::Sourced<double> activation_traffic;
  sim::Sourced<double> nvfp4_traffic;
  sim::Sourced<double> permute_traffic;
  sim::Sourced<double> permute_traffic_with_fp4;
  sim::Sourced<double> head_time;
  // Shares of the time of communication that are not hidden where it overlaps.
  sim::Sourced<double> exposed_tensor;
  sim::Sourced<double> exposed_experts;
  sim::Sourced<double> exposed_data;
  sim::Sourced<double> exposed_pipeline;
  // Fixed costs, of a layer and micro-batch; and of many ranks.
  sim::Sourced<sim::Seconds> layer_gap;
  sim::Sourced<sim::Seconds> moe_layer_host;
  sim::Sourced<sim::Seconds> moe_layer_host_graphs;
  bool graphs_with_fp4 = false;
  sim::Sourced<double> straggler;
  sim::Sourced<double> run_overhead;
  sim::Sourced<sim::Bytes> workspace;
  sim::Sourced<double> memory_share;
  std::vector<TrainingGpuFactor> gpu_factors;
};
template <sim::Describes<TrainingStackParameters> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  const auto share = [](const char* text) {
    return About{.text = text, .min = 0, .max = 1.5, .required = true};
  };
  const auto times = [](const char* text) {
    return About{.text = text, .min = 0, .max = 100, .required = true};
  };
  visit("text", self.text, About{.text = "What the software is, in one line"});
  visit("era", self.era, About{.text = "Versions and dates that the figures stand for"});
  visit("gemm_bf16", self.gemm_bf16,
        share("Share of the tensor rate that the layers' matrix products sustain, BF16"));
  visit("gemm_fp8", self.gemm_fp8, share("The same in FP8"));
  visit("gemm_bf16_with_fp4", self.gemm_bf16_with_fp4,
        share("The same in BF16 on GPUs with FP4 units"));
  visit("gemm_fp8_with_fp4", self.gemm_fp8_with_fp4,
        share("The same in FP8 on GPUs with FP4 units"));
  visit("gemm_mxfp8", self.gemm_mxfp8, share("The same in MXFP8, of the FP8 rate"));
  visit("gemm_nvfp4", self.gemm_nvfp4,
        share("The same in NVFP4, of twice the FP8 rate (of the FP4 rate where that is less)"));
  visit("expert_gemm", self.expert_gemm,
        share("Grouped products of experts: share of what other layers sustain"));
  visit("attention", self.attention, share("Share of the BF16 rate that attention sustains"));
  visit("attention_with_fp4", self.attention_with_fp4, share("The same on GPUs with FP4 units"));
  visit("activation_traffic", self.activation_traffic,
        times("Memory traffic of norms, casts and gates, as a multiple of 20 hidden + 12 inner "
              "elements a token and layer"));
  visit("nvfp4_traffic", self.nvfp4_traffic,
        times("That traffic in NVFP4, which scales, rotates and rounds every operand, relative to "
              "other formats"));
  visit("permute_traffic", self.permute_traffic,
        times("Memory traffic of permuting tokens to experts and of their activations, as a "
              "multiple of 12 k (hidden + inner) elements a token and layer"));
  visit("permute_traffic_with_fp4", self.permute_traffic_with_fp4,
        times("The same on GPUs with FP4 units, where later software fuses it with the products"));
  visit("head_time", self.head_time,
        times("Time of head and loss, as a multiple of its matrix products and logits"));
  visit("exposed_tensor", self.exposed_tensor,
        share("Share of tensor- and context-parallel exchanges that is not hidden"));
  visit("exposed_experts", self.exposed_experts, share("The same of exchanges with experts"));
  visit("exposed_data", self.exposed_data, share("The same of gradients and weights"));
  visit("exposed_pipeline", self.exposed_pipeline, share("The same of hand-overs between stages"));
  visit("layer_gap", self.layer_gap,
        About{.text = "Gaps between kernels, per layer and micro-batch",
              .min = 0,
              .max = 1,
              .required = true});
  visit("moe_layer_host", self.moe_layer_host,
        About{.text = "Host time of a layer with experts, per micro-batch",
              .min = 0,
              .max = 1,
              .required = true});
  visit("moe_layer_host_graphs", self.moe_layer_host_graphs,
        About{.text = "The same with captured graphs", .min = 0, .max = 1, .required = true});
  visit("graphs_with_fp4", self.graphs_with_fp4,
        About{.text = "Recipes capture graphs on all GPUs with FP4 units; otherwise only where "
                      "NVLink joins more than 8"});
  visit("straggler", self.straggler,
        About{.text = "Longer steps per doubling of the GPUs beyond 8, as a share",
              .min = 0,
              .max = 0.2,
              .required = true});
  visit("run_overhead", self.run_overhead,
        About{.text = "Time of a run beside its steps (evaluation, first steps, logging), as a "
                      "share of theirs",
              .min = 0,
              .max = 1,
              .required = true});
  visit("workspace", self.workspace,
        About{.text = "Memory per GPU for communication buffers, kernels and fragments",
              .min = 0,
              .required = true});
  visit(
      "memory_share", self.memory_share,
      About{
          .text = "Share of GPU memory that can be used", .min = 0.05, .max = 1, .required = true});
  visit("gpu_factors", self.gpu_factors,
        About{.text = "GPUs that sustain another rate than their family and data sheet say"});
}
void check(const TrainingStackParameters& stack, sim::Problems& problems);

/// Data-sheet rate of the matrix products: NVFP4 never more than twice FP8, since the faster FP4
/// rate of Blackwell Ultra has not shown in training.
double training_rate(const GpuParameters& gpu, TrainingPrecision precision);
/// Shares that apply to this GPU.
double gemm_share(const TrainingStackParameters& stack, const GpuParameters& gpu,
                  TrainingPrecision precision);
double attention_share(const TrainingStackParameters& stack, const GpuParameters& gpu);
/// Permutation of tokens, and whether layers with experts are launched from graphs, on this GPU.
double permute_traffic(const TrainingStackParameters& stack, const GpuParameters& gpu);
bool graphs_by_default(const TrainingStackParameters& stack, const GpuParameters& gpu, int domain);
/// 1 for GPUs that the stack does not name.
double gpu_factor(const TrainingStackParameters& stack, const std::string& gpu_name);

}  // namespace mw::models
