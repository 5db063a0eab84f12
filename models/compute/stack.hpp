#pragma once
#include <string>

#include "models/compute/collectives.hpp"
#include "sim/describe.hpp"
#include "sim/quantity.hpp"

namespace mw::models {

/// The serving software: how near its kernels come to the hardware, and what it adds on the host.
struct StackParameters {
  static constexpr const char* catalog = "stacks";
  std::string text;
  std::string era;
  // Shares of the data-sheet rate that kernels reach (times the GPU's own factors).
  sim::Sourced<double> dense_bandwidth;
  sim::Sourced<double> expert_bandwidth;
  sim::Sourced<double> expert_bandwidth_fp8_tensor;
  sim::Sourced<double> expert_bandwidth_4bit;
  sim::Sourced<double> attention_bandwidth;
  sim::Sourced<double> activation_bandwidth;
  sim::Sourced<double> permute_bandwidth;
  sim::Sourced<double> dense_compute;
  sim::Sourced<double> expert_compute;
  // Fixed costs of an iteration.
  sim::Sourced<sim::Seconds> step_overhead;
  sim::Sourced<sim::Seconds> attention_layer_gap;
  sim::Sourced<sim::Seconds> moe_layer_gap;
  sim::Sourced<sim::Seconds> fp8_layer_gap;
  sim::Sourced<sim::Seconds> collective_latency;
  sim::Sourced<sim::Seconds> host_base;
  sim::Sourced<sim::Seconds> host_per_sequence;
  sim::Sourced<sim::Seconds> sampler_per_logit;
  sim::Sourced<int> expert_tile;
  sim::Sourced<int> expert_tile_block_fp8;
  sim::Sourced<double> mixed_step_burst;
  // Scheduler settings.
  ExpertExchange expert_exchange = ExpertExchange::one_sided;
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
  visit("dense_compute", self.dense_compute,
        share("Share of the tensor rate reached by dense layers and prompt attention"));
  visit("expert_compute", self.expert_compute, share("The same for experts"));
  visit("step_overhead", self.step_overhead, duration("Fixed GPU time of an iteration"));
  visit("attention_layer_gap", self.attention_layer_gap,
        duration("Kernel gaps per attention or state-space layer"));
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
  visit("mixed_step_burst", self.mixed_step_burst,
        About{.text = "Steady estimate only: mixed iterations per admission when admissions are "
                      "rare; below 1 because they come in bursts",
              .min = 0.001,
              .max = 10,
              .required = true});
  visit("expert_exchange", self.expert_exchange,
        About{.text = "How tokens of data-parallel attention reach experts on other ranks"});
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
