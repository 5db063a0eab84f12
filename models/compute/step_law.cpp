#include "models/compute/step_law.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "models/compute/layer_collectives.hpp"
#include "models/compute/model_size.hpp"
#include "models/compute/occupancy.hpp"
#include "models/compute/pipeline.hpp"

namespace mw::models {
namespace {

constexpr double activation_passes = 8;  // reads and writes of the hidden vector per layer
// Standard deviation of the contexts of running sequences over their mean. Ages spread evenly over
// an answer: answer / sqrt(12) / (prompt + answer / 2), 0.03 to 0.46 at 8k/1k to 1k/8k; lengths of
// live traffic vary more.
constexpr double context_variation = 0.4;
constexpr double reference_bandwidth = 3.35e12;  // H100 SXM, where the sampler was fitted

}  // namespace

StepLaw::StepLaw(const GpuParameters& gpu, const LlmParameters& llm, const StackParameters& stack,
                 const ReplicaShape& shape, std::shared_ptr<const KernelTables> tables)
    : gpu_(gpu),
      llm_(llm),
      stack_(stack),
      shape_(shape),
      n_(shape.stage_gpus()),
      d_(shape.attention_dp),
      tp_(shape.tp),
      ep_(shape.ep),
      bandwidth_(gpu.memory_bandwidth.value.value * gpu.bandwidth_factor.value *
                 (gpu.fp4.value.value > 0 ? stack.blackwell_bandwidth.value : 1)),
      bf16_rate_(gpu.bf16.value.value * gpu.compute_factor.value),
      imbalance_(stage_imbalance(llm, shape.pp)),
      tables_(std::move(tables)) {
  if (!shape.speculation.on()) return;
  const LlmParameters draft = draft_of(shape.speculation, llm);
  StackParameters draft_stack = stack;
  // A module drafts within the model's own launch; a model of its own is launched for itself.
  if (!shape.speculation.draft_model) draft_stack.step_overhead.value.value = 0;
  draft_ =
      std::make_shared<const StepLaw>(gpu, draft, draft_stack, draft_shape(shape, draft), tables_);
}

template <class Part>
KernelCost StepLaw::whole(double tokens, const Part& part) const {
  const double count = micro_batches(shape_, tokens);
  KernelCost cost = pipelined(part(*this, tokens / count), count, imbalance_);
  // The first draft follows the verification of all tokens; prompts pass the draft's layers too.
  if (draft_) cost += part(*draft_, tokens);
  return cost;
}

KernelCost StepLaw::dense(double tokens, double stretch) const {
  return whole(tokens, [=](const StepLaw& law, double t) { return law.dense_pass(t, stretch); });
}

KernelCost StepLaw::experts(double tokens, double stretch) const {
  return whole(tokens, [=](const StepLaw& law, double t) { return law.experts_pass(t, stretch); });
}

KernelCost StepLaw::activations(double tokens) const {
  return whole(tokens, [](const StepLaw& law, double t) { return law.activations_pass(t); });
}

KernelCost StepLaw::collectives(double tokens) const {
  KernelCost cost =
      whole(tokens, [](const StepLaw& law, double t) { return law.collectives_pass(t); });
  const CollectiveCost handed = stage_hand_over(gpu_, llm_, shape_, tokens);
  cost.time += handed.time();
  cost.other_energy += (handed.link_bytes + handed.scale_out_bytes) * gpu_.link_energy.value.value;
  return cost;
}

KernelCost StepLaw::sampling(std::int64_t sampled, double stretch) const {
  if (sampled == 0) return {};
  // Every token of the verification is sampled. The head is the last stage's, once each tick.
  const double tokens = static_cast<double>(sampled) * (1 + shape_.speculation.tokens);
  const double count = micro_batches(shape_, tokens);
  KernelCost cost = pipelined(head_pass(tokens / count, stretch), count, shape_.pp);
  for (int i = 0; i < shape_.speculation.tokens; ++i) {
    cost += draft_->sampling(sampled, stretch);
    if (i > 0) cost += draft_->tokens(sampled, stretch);
  }
  return cost;
}

StepLaw::Arithmetic StepLaw::arithmetic(Precision stored, const FormatShares& shares) const {
  const Precision format = arithmetic_format(gpu_, stored);
  const double share = format == Precision::nvfp4 ? shares.fp4
                       : format == Precision::fp8 ? shares.fp8
                                                  : shares.bf16;
  return {tensor_rate(gpu_, format) * gpu_.compute_factor.value * share, flop_energy(gpu_, format)};
}

StepLaw::Arithmetic StepLaw::dense_arithmetic(Precision stored) const {
  const bool tensor =
      llm_.fp8_scaling == Fp8Scaling::tensor && stack_.dense_compute_fp8_tensor.value > 0;
  const auto& fp8 = tensor ? stack_.dense_compute_fp8_tensor : stack_.dense_compute_fp8;
  return arithmetic(stored,
                    {stack_.dense_compute.value, fp8.value, stack_.dense_compute_fp4.value});
}

StepLaw::Arithmetic StepLaw::expert_arithmetic(Precision stored) const {
  return arithmetic(stored, {stack_.expert_compute.value, stack_.expert_compute_fp8.value,
                             stack_.expert_compute_fp4.value});
}

KernelCost StepLaw::memory_cost(double bytes) const {
  const double energy = bytes * gpu_.memory_energy.value.value;
  const double core = gpu_.memory_core_share.value;
  return {0, energy * core, energy * (1 - core)};
}

double StepLaw::dense_bytes(double weights, Precision stored) const {
  const double bytes = weights * bytes_per_element(stored);
  if (arithmetic_format(gpu_, stored) != Precision::nvfp4) return bytes;
  return bytes * (stack_.dense_bandwidth.value / stack_.dense_bandwidth_fp4.value);
}

KernelCost StepLaw::dense_pass(double tokens, double stretch) const {
  const Precision attention_kind = attention_format(llm_, shape_.weights);
  const double attention = attention_weights_total(llm_);
  const double other = feed_forward_weights(llm_);
  const double bytes = d_ * (attention * bytes_per_element(attention_kind) +
                             other * bytes_per_element(shape_.weights));
  const double paced =
      d_ * (dense_bytes(attention, attention_kind) + dense_bytes(other, shape_.weights));
  const double attention_flops = 2 * attention * tokens;
  const double other_flops = 2 * other * tokens;
  const double read = paced / (n_ * bandwidth_ * stack_.dense_bandwidth.value);
  const Arithmetic in_attention = dense_arithmetic(attention_kind);
  const Arithmetic elsewhere = dense_arithmetic(shape_.weights);
  const double compute = (attention_flops / in_attention.rate + other_flops / elsewhere.rate) / n_;
  KernelCost cost = memory_cost(bytes);
  cost.read_time = read;
  cost.compute_time = compute * stretch;
  cost.time = overlap(cost.read_time, cost.compute_time);
  cost.flop_energy = attention_flops * in_attention.energy + other_flops * elsewhere.energy;
  cost.core_energy += cost.flop_energy;
  if (tables_) follow(cost, measured_dense(tokens), stretch);
  return cost;
}

KernelCost StepLaw::experts_pass(double tokens, double stretch) const {
  if (llm_.moe_layers == 0 || tokens <= 0) return {};
  const double experts = llm_.experts;
  const double per_token = llm_.experts_per_token;
  const double weights = expert_weights(llm_);
  const bool block_fp8 = shape_.weights == Precision::fp8 && llm_.fp8_scaling == Fp8Scaling::block;

  const double miss = expert_miss(per_token, experts, tokens);
  const double hit = 1 - miss;
  const double z = expected_maximum(shape_.ep);
  const double on_rank = experts / ep_;
  const double slowest =
      std::min(on_rank, on_rank * hit + z * std::sqrt(on_rank * hit * miss * (1 - 1 / ep_)));
  const double imbalance = 1 + z * std::sqrt((ep_ - 1) / (tokens * per_token));

  double share = stack_.expert_bandwidth.value;
  if (shape_.weights == Precision::fp8 && !block_fp8) {
    share = stack_.expert_bandwidth_fp8_tensor.value;
  } else if (four_bit(shape_.weights)) {
    share = stack_.expert_bandwidth_4bit.value;
  }
  const double stored = bytes_per_element(shape_.weights);
  const double layers = llm_.moe_layers;
  const double gpus_per_rank = n_ / ep_;
  const double read = layers * slowest * weights * stored / (gpus_per_rank * bandwidth_ * share);

  // Every expert that is hit works on whole tiles of rows.
  const bool blackwell = gpu_.fp4.value.value > 0 && stack_.blackwell_tile_block_fp8.value > 0;
  const double tile = !block_fp8  ? stack_.expert_tile.value
                      : blackwell ? stack_.blackwell_tile_block_fp8.value
                                  : stack_.expert_tile_block_fp8.value;
  const double rows = experts * hit * std::max(tokens * per_token / (experts * hit), tile);
  const double flops = layers * 2 * weights * rows;
  const Arithmetic arithmetic = expert_arithmetic(shape_.weights);
  const double compute = flops * imbalance / (n_ * arithmetic.rate);

  KernelCost cost = memory_cost(layers * experts * hit * weights * stored);
  cost.read_time = read;
  cost.compute_time = compute * stretch;
  cost.time = overlap(cost.read_time, cost.compute_time);
  // Rows of padding are zeros: few transistors switch.
  const double useful = layers * 2 * weights * tokens * per_token;
  cost.flop_energy =
      (useful + (flops - useful) * gpu_.padding_energy_ratio.value) * arithmetic.energy;
  cost.core_energy += cost.flop_energy;
  if (tables_) follow(cost, measured_experts(tokens), stretch);
  return cost;
}

double StepLaw::permuted_bytes(double tokens) const {
  if (llm_.moe_layers == 0) return 0;
  if (stack_.fused_mxfp4 && shape_.weights == Precision::mxfp4 && gpu_.fp4.value.value > 0)
    return 0;
  // Hidden vectors to and from the experts' order, and three passes of the inner vector. A rank
  // without experts of its own handles copies of every token; kernels of expert-parallel ranks may
  // leave out the copies of others.
  const bool own = shape_.ep > 1 && stack_.expert_permute == ExpertPermute::own_tokens;
  const double hidden = 2.0 * llm_.hidden * (own ? 1 : n_);
  return llm_.experts_per_token * (hidden + 3.0 * llm_.moe_inter) * activation_bytes *
         llm_.moe_layers * tokens / n_;
}

double StepLaw::hidden_bytes(double tokens) const {
  return activation_passes * llm_.hidden * llm_.layers * activation_bytes * tokens / d_;
}

KernelCost StepLaw::activations_pass(double tokens) const {
  // Every rank of a tensor-parallel group holds and rewrites the same hidden vectors.
  const double hidden = hidden_bytes(tokens);
  const double permute = permuted_bytes(tokens);  // per GPU
  const double rate = gpu_.memory_bandwidth.value.value;
  KernelCost cost = memory_cost(n_ * (hidden + permute));
  cost.time = hidden / (rate * stack_.activation_bandwidth.value) +
              permute / (rate * stack_.permute_bandwidth.value);
  cost.vector_energy = vector_energy(cost.time);
  cost.core_energy += cost.vector_energy;
  return cost;
}

double StepLaw::vector_energy(double time) const {
  return n_ * gpu_.vector_share.value * gpu_.tdp.value.value * time;
}

KernelCost StepLaw::collectives_pass(double tokens) const {
  const CollectiveCost sent = layer_collectives(gpu_, llm_, stack_, shape_, tokens);
  KernelCost cost;
  cost.time = sent.time();
  // What crosses the network leaves the GPU too; adapters and switches belong to the racks.
  cost.other_energy = (sent.link_bytes + sent.scale_out_bytes) * gpu_.link_energy.value.value;
  return cost;
}

double StepLaw::gaps() const {
  double time = shape_.pp * stack_.step_overhead.value.value +
                stack_.attention_layer_gap.value.value *
                    (attention_layers(llm_) + llm_.mamba_layers) * imbalance_ +
                stack_.moe_layer_gap.value.value * llm_.moe_layers * imbalance_;
  if (llm_.attention == Attention::mla) {
    time += stack_.latent_layer_gap.value.value * attention_layers(llm_) * imbalance_;
  }
  if (shape_.weights == Precision::fp8) {
    time += stack_.fp8_layer_gap.value.value * llm_.layers * imbalance_;
  }
  return draft_ ? time + draft_->gaps() : time;
}

KernelCost StepLaw::tokens(std::int64_t tokens, double stretch) const {
  const double t = static_cast<double>(tokens);
  const KernelCost parts[] = {dense(t, stretch), experts(t, stretch), activations(t),
                              collectives(t)};
  KernelCost sum;
  for (const KernelCost& part : parts) sum += part;
  sum.time += gaps() * stretch;
  return sum;
}

KernelCost StepLaw::head_pass(double count, double stretch) const {
  const double weights = head_weights(llm_);
  const double bytes = d_ * weights * bytes_per_element(Precision::bf16);
  const double flops = 2 * weights * count;
  // Every rank of a tensor-parallel group samples the group's sequences; groups share them out.
  const double logits = count * llm_.vocab / d_;  // on each rank
  const double read = bytes / (n_ * bandwidth_ * stack_.dense_bandwidth.value);
  const Arithmetic arithmetic = dense_arithmetic(Precision::bf16);
  const double compute = flops / (n_ * arithmetic.rate);
  KernelCost cost = memory_cost(bytes);
  cost.read_time = read;
  cost.compute_time = compute * stretch;
  const double sampler = stack_.sampler_per_logit.value.value * logits *
                         (reference_bandwidth / gpu_.memory_bandwidth.value.value);
  cost.time = overlap(cost.read_time, cost.compute_time) + sampler * stretch;
  cost.flop_energy = flops * arithmetic.energy;
  cost.vector_energy = vector_energy(sampler);
  cost.core_energy += cost.flop_energy + cost.vector_energy;
  return cost;
}

StepLinear StepLaw::linear() const {
  StepLinear out;
  // Attention is cut over all stages, each with its own layers.
  const double gpus = shape_.gpus;
  const double rate = gpus * bandwidth_ * stack_.attention_bandwidth.value;
  const double flop_energy = gpu_.flop_energy.value.value;
  const double layer_bytes = kv_bytes_per_layer(llm_, shape_.tp, shape_.kv);
  const auto read = [&](double bytes, double& time, double& core, double& other) {
    const KernelCost cost = memory_cost(bytes);
    time = bytes / rate;
    core = cost.core_energy;
    other = cost.other_energy;
  };
  read(layer_bytes * llm_.full_attention_layers, out.kv_full_time, out.kv_full_core,
       out.kv_full_other);
  read(layer_bytes * llm_.window_layers, out.kv_window_time, out.kv_window_core,
       out.kv_window_other);
  if (llm_.attention == Attention::mla) {
    // Few bytes serve many heads, so arithmetic may take longer than reading; kernels overlap the
    // two entirely (aiconfigurator's mla_generation_module tables, 16 against 128 heads).
    // Verification asks with every drafted token too.
    const double queries = 1 + shape_.speculation.tokens;
    const double flops = queries * latent_flops_per_pair(llm_) * llm_.full_attention_layers;
    const double compute = flops / (gpus * bf16_rate_ * stack_.latent_attention_compute.value);
    out.kv_full_time = std::max(out.kv_full_time, compute);
    out.kv_full_core += flops * flop_energy;
  }
  // State-space state is FP32, read and written once per token.
  read(8.0 * llm_.mamba_layers * static_cast<double>(llm_.mamba_state), out.state_time,
       out.state_core, out.state_other);
  out.window = llm_.window;

  const double pair_flops = attention_flops_per_pair(llm_);
  const double pair_rate = gpus * bf16_rate_ * stack_.prompt_attention_compute.value;
  out.pair_full_time = pair_flops * llm_.full_attention_layers / pair_rate;
  out.pair_full_core = pair_flops * llm_.full_attention_layers * flop_energy;
  out.pair_window_time = pair_flops * llm_.window_layers / pair_rate;
  out.pair_window_core = pair_flops * llm_.window_layers * flop_energy;
  if (tables_) follow_attention(out);

  // Every micro-batch is scheduled for itself.
  out.host_base = shape_.pp * stack_.host_base.value.value;
  // Each data-parallel rank has an engine process of its own for its share of the sequences.
  out.host_per_sequence = stack_.host_per_sequence.value.value / d_;
  out.idle_power = gpus * gpu_.idle.value.value;
  out.power_ceiling = gpus * gpu_.tdp.value.value * gpu_.power_ceiling.value;
  out.knee_ratio = gpu_.knee_clock.value / gpu_.max_clock.value;
  out.knee_volts = core_voltage(gpu_, out.knee_ratio) / gpu_.max_voltage.value.value;
  out.stages = shape_.pp;
  if (d_ > 1 && llm_.moe_layers > 0) wait_for_ranks(out);
  out.tokens_per_decode = 1 + shape_.speculation.tokens;
  out.yield_per_decode = expected_tokens(shape_.speculation);
  if (draft_) {
    // Each draft reads the draft's own cache; its windows count as full layers here.
    const StepLinear draft = draft_->linear();
    const double drafts = shape_.speculation.tokens;
    out.kv_full_time += drafts * (draft.kv_full_time + draft.kv_window_time);
    out.kv_full_core += drafts * (draft.kv_full_core + draft.kv_window_core);
    out.kv_full_other += drafts * (draft.kv_full_other + draft.kv_window_other);
    out.state_time += drafts * draft.state_time;
    out.state_core += drafts * draft.state_core;
    out.state_other += drafts * draft.state_other;
    out.pair_full_time += draft.pair_full_time + draft.pair_window_time;
    out.pair_full_core += draft.pair_full_core + draft.pair_window_core;
  }
  return out;
}

void StepLaw::wait_for_ranks(StepLinear& out) const {
  constexpr double many = 1024;  // tokens a rank: their slope is that of a prompt
  const double of_pass = imbalance_ / shape_.pp;
  const KernelCost one = dense_pass(d_, 1), more = dense_pass(d_ * many, 1);
  const auto sent = [&](double tokens) {
    return layer_collectives(gpu_, llm_, stack_, shape_, d_ * tokens).transfer;
  };
  out.ranks = shape_.attention_dp;
  out.rank_read = one.read_time * imbalance_;
  out.rank_compute = more.compute_time / many * of_pass;
  out.rank_vector = hidden_bytes(d_) /
                    (gpu_.memory_bandwidth.value.value * stack_.activation_bandwidth.value) *
                    of_pass;
  // A gather brings every token to every rank, wherever it comes from; else each rank sends its
  // own.
  if (exchange_of(stack_, shape_) != ExpertExchange::all_gather) {
    out.rank_send = (sent(2 * many) - sent(many)) / many * of_pass;
  }
  out.crowding = expected_maximum(out.ranks);
  out.context_spread = context_variation * out.crowding;
  out.prompts_even = stack_.prompt_ranks == PromptRanks::evened_out;
}

LevelLaw StepLaw::level(double clock_ratio) const {
  const double volts = core_voltage(gpu_, clock_ratio) / gpu_.max_voltage.value.value;
  return {clock_ratio, 1 / clock_ratio, volts * volts,
          shape_.gpus * gpu_.busy_share.value * gpu_.tdp.value.value * clock_ratio * volts * volts};
}

}  // namespace mw::models
