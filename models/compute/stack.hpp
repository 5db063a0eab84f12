#pragma once
#include <string>

#include "models/compute/batching.hpp"
#include "models/compute/collectives.hpp"
#include "sim/describe.hpp"
#include "sim/quantity.hpp"

namespace mw::models {

/// What a rank of an expert-parallel group permutes before and after its experts: every token of
/// the iteration, or those that its own experts get.
enum class ExpertPermute { all_tokens, own_tokens };
inline std::span<const char* const> enum_names(ExpertPermute) {
  static constexpr const char* names[] = {"all_tokens", "own_tokens"};
  return names;
}

/// How prompts meet the ranks of data-parallel attention: each is worked on as it comes, on its own
/// rank, or held back until every rank has one.
enum class PromptRanks { as_they_come, evened_out };
inline std::span<const char* const> enum_names(PromptRanks) {
  static constexpr const char* names[] = {"as_they_come", "evened_out"};
  return names;
}

/// The serving software: how near its kernels come to the hardware, and what it adds on the host.
struct StackParameters {
  static constexpr const char* catalog = "stacks";
  std::string text;
  std::string era;
  // Shares of the data-sheet rate that kernels reach (times the GPU's own factors).
  sim::Sourced<double> dense_bandwidth;
  sim::Sourced<double> dense_bandwidth_fp4;
  sim::Sourced<double> expert_bandwidth;
  sim::Sourced<double> expert_bandwidth_fp8_tensor;
  sim::Sourced<double> expert_bandwidth_4bit;
  sim::Sourced<double> attention_bandwidth;
  sim::Sourced<double> activation_bandwidth;
  sim::Sourced<double> permute_bandwidth;
  sim::Sourced<double> blackwell_bandwidth;
  sim::Sourced<double> dense_compute;
  sim::Sourced<double> dense_compute_fp8;
  sim::Sourced<double> dense_compute_fp8_tensor;
  sim::Sourced<double> dense_compute_fp4;
  sim::Sourced<double> expert_compute;
  sim::Sourced<double> expert_compute_fp8;
  sim::Sourced<double> expert_compute_fp4;
  sim::Sourced<double> prompt_attention_compute;
  sim::Sourced<double> latent_attention_compute;
  // Fixed costs of an iteration.
  sim::Sourced<sim::Seconds> step_overhead;
  sim::Sourced<sim::Seconds> attention_layer_gap;
  sim::Sourced<sim::Seconds> latent_layer_gap;
  sim::Sourced<sim::Seconds> moe_layer_gap;
  sim::Sourced<sim::Seconds> fp8_layer_gap;
  sim::Sourced<sim::Seconds> collective_latency;
  sim::Sourced<sim::Seconds> host_base;
  sim::Sourced<sim::Seconds> host_per_sequence;
  sim::Sourced<sim::Seconds> sampler_per_logit;
  sim::Sourced<int> expert_tile;
  sim::Sourced<int> expert_tile_block_fp8;
  sim::Sourced<int> blackwell_tile_block_fp8;
  sim::Sourced<double> mixed_step_burst;
  // Outside the engine.
  sim::Sourced<sim::Seconds> request_latency;
  sim::Sourced<sim::Seconds> latent_prompt_launch;
  // Scheduler settings.
  ExpertExchange expert_exchange = ExpertExchange::one_sided;
  ExpertPermute expert_permute = ExpertPermute::own_tokens;
  PromptRanks prompt_ranks = PromptRanks::as_they_come;
  bool fused_mxfp4 = true;
  Batching batching = Batching::mixed;
  int max_batched_tokens = 8192;
  int block_size = 16;
  double memory_share = 0.9;
  sim::Sourced<sim::Bytes> workspace;
};

template <sim::Describes<StackParameters> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  const auto share = [](const char* text) {
    return About{.text = text, .min = 0.001, .max = 1.5, .required = true};
  };
  const auto duration = [](const char* text) {
    return About{.text = text, .min = 0, .max = 10, .required = true};
  };
  visit("text", self.text, About{.text = "What the stack is, in one line"});
  visit("era", self.era, About{.text = "Versions and dates that the figures stand for"});
  visit("dense_bandwidth", self.dense_bandwidth,
        share("Share of the memory bandwidth reached by dense weights"));
  visit("dense_bandwidth_fp4", self.dense_bandwidth_fp4,
        share("The same where NVFP4 weights meet FP4 units: activations are quantised, and the "
              "kernels are short"));
  visit("expert_bandwidth", self.expert_bandwidth,
        share("The same for experts in BF16 and block-scaled FP8"));
  visit("expert_bandwidth_fp8_tensor", self.expert_bandwidth_fp8_tensor,
        share("The same for experts in FP8 with one scale per tensor or row"));
  visit("expert_bandwidth_4bit", self.expert_bandwidth_4bit,
        share("The same for experts in 4-bit formats"));
  visit("attention_bandwidth", self.attention_bandwidth,
        share("The same for reading the KV cache"));
  visit("activation_bandwidth", self.activation_bandwidth,
        share("The same for activations between kernels"));
  visit("permute_bandwidth", self.permute_bandwidth,
        share("The same for permuting tokens to experts and back (an effective value)"));
  visit(
      "blackwell_bandwidth", self.blackwell_bandwidth,
      share("Of all these, what remains on GPUs with FP4 units: below 1 while the stack's kernels "
            "are not tuned for them"));
  visit("dense_compute", self.dense_compute,
        share("Share of the tensor rate reached by dense layers, BF16"));
  visit("dense_compute_fp8", self.dense_compute_fp8, share("The same in FP8 scaled by blocks"));
  visit("dense_compute_fp8_tensor", self.dense_compute_fp8_tensor,
        About{.text = "The same in FP8 with one scale per tensor or row, and where MXFP4 computes "
                      "in FP8; 0: as scaled by blocks",
              .min = 0,
              .max = 1.5});
  visit("dense_compute_fp4", self.dense_compute_fp4, share("The same in FP4"));
  visit("expert_compute", self.expert_compute, share("The same for experts, BF16"));
  visit("expert_compute_fp8", self.expert_compute_fp8,
        share("The same for experts, FP8, padded rows included"));
  visit("expert_compute_fp4", self.expert_compute_fp4, share("The same for experts, FP4"));
  visit("prompt_attention_compute", self.prompt_attention_compute,
        share("Share of the BF16 rate reached by attention over prompts"));
  visit("latent_attention_compute", self.latent_attention_compute,
        share("The same by attention of decodes over an mla latent, with its weights absorbed"));
  visit("step_overhead", self.step_overhead, duration("Fixed GPU time of an iteration"));
  visit("attention_layer_gap", self.attention_layer_gap,
        duration("Kernel gaps per attention or state-space layer"));
  visit("latent_layer_gap", self.latent_layer_gap,
        duration("Further gaps per mla layer, which launches more kernels"));
  visit("moe_layer_gap", self.moe_layer_gap, duration("Kernel gaps per layer with experts"));
  visit("fp8_layer_gap", self.fp8_layer_gap, duration("Extra gaps per layer under FP8 weights"));
  visit("collective_latency", self.collective_latency,
        duration("Latency of one collective per doubling of its ranks"));
  visit("host_base", self.host_base, duration("Host time of an iteration"));
  visit("host_per_sequence", self.host_per_sequence,
        duration("Host time of an iteration per running sequence"));
  visit("sampler_per_logit", self.sampler_per_logit,
        duration("Sampler time per logit at 3.35 TB/s of memory bandwidth"));
  visit(
      "expert_tile", self.expert_tile,
      About{.text = "Rows to which kernels pad an expert that is hit", .min = 1, .required = true});
  visit("expert_tile_block_fp8", self.expert_tile_block_fp8,
        About{.text = "The same under block-scaled FP8", .min = 1, .required = true});
  visit("blackwell_tile_block_fp8", self.blackwell_tile_block_fp8,
        About{.text = "The same on GPUs with FP4 units; 0: as elsewhere", .min = 0});
  visit("mixed_step_burst", self.mixed_step_burst,
        About{.text = "Steady estimate only: mixed iterations per admission when admissions are "
                      "rare; below 1 because they come in bursts",
              .min = 0.001,
              .max = 10,
              .required = true});
  visit("expert_exchange", self.expert_exchange,
        About{.text = "How tokens of data-parallel attention reach experts on other ranks"});
  visit("expert_permute", self.expert_permute,
        About{.text = "Tokens that a rank permutes under expert parallelism"});
  visit("prompt_ranks", self.prompt_ranks,
        About{.text = "How prompts meet the ranks of data-parallel attention"});
  visit("fused_mxfp4", self.fused_mxfp4,
        About{.text = "MXFP4 experts permute tokens within their own kernels on GPUs with FP4 "
                      "units"});
  visit("request_latency", self.request_latency,
        About{.text =
                  "What a client waits beyond the engine before its first token: HTTP, tokenizer, "
                  "processes. Added by `millwright validate`; a run counts from the router",
              .min = 0,
              .max = 10});
  visit("latent_prompt_launch", self.latent_prompt_launch,
        About{.text = "Least time of one layer with an mla latent in the pass of a prompt, whose "
                      "kernels are launched one by one. Used for first tokens by `millwright "
                      "validate`",
              .min = 0,
              .max = 0.1});
  visit("batching", self.batching,
        About{.text = "Prompts and decodes in one iteration, or prompts alone and first"});
  visit("max_batched_tokens", self.max_batched_tokens,
        About{.text = "Tokens an iteration may process", .min = 1});
  visit("block_size", self.block_size, About{.text = "Tokens in a KV block", .min = 1});
  visit("workspace", self.workspace,
        About{.text = "Memory per GPU for activations, graphs and communication buffers",
              .min = 0,
              .required = true});
  visit("memory_share", self.memory_share,
        About{.text = "Share of GPU memory the engine may use", .min = 0.05, .max = 1});
}

}  // namespace mw::models
