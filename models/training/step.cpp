#include "models/training/step.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "models/compute/kernel_cost.hpp"
#include "models/compute/model_size.hpp"
#include "models/training/layer_pass.hpp"
#include "models/training/stages.hpp"
#include "models/training/work.hpp"

namespace mw::models {
namespace {

using P = StepPart;

/// Average power near the ceiling of the power manager: a smooth lesser of the two, (a^-8 +
/// c^-8)^(-1/8). The stack's shares hold at the clocks that the ceiling leaves, so it costs no time
/// here.
double below_ceiling(double asked, double ceiling) {
  const double x = asked / ceiling;
  const double x2 = x * x, x4 = x2 * x2, x8 = x4 * x4;
  return asked / std::sqrt(std::sqrt(std::sqrt(1 + x8)));
}

/// What each stage does with one micro-batch, and once a step.
struct StageCost {
  PassCost micro_batch, end;
  double dense_weights = 0, expert_weights = 0;  // on one GPU
};

std::vector<StageCost> stage_costs(const TrainingSetup& s, const Fabric& fabric, double clock) {
  const TrainingJob& job = s.job;
  const auto layers = layers_of(s.llm, job.sequence);
  // Layers of a kind are alike: one pass each.
  PassCost dense, experts;
  for (const auto& layer : layers) {
    PassCost& known = layer.experts ? experts : dense;
    if (known.time.sum() == 0) known = layer_pass(s, fabric, layer, clock);
  }
  const PassCost head = head_pass(s, clock);
  const double embedding = head_weights(s.llm) / job.tp;

  std::vector<StageCost> out;
  for (const auto& stage : split_stages(s.llm.layers, job)) {
    StageCost cost;
    const auto take = [&](const LayerWork& layer) {
      cost.dense_weights += layer.dense_weights / job.tp;
      cost.expert_weights += layer.expert_weights / job.ep;
    };
    double with_experts = 0, without = 0;
    for (const int i : stage.layers) {
      const auto& layer = layers[static_cast<std::size_t>(i)];
      take(layer);
      (layer.experts ? with_experts : without) += 1;
    }
    cost.micro_batch.add(dense, without);
    cost.micro_batch.add(experts, with_experts);
    if (stage.embedding) cost.dense_weights += embedding;
    if (stage.head) {
      cost.micro_batch.add(head, 1 + job.mtp);
      if (!(s.llm.tied_embedding && job.pp == 1)) cost.dense_weights += embedding;
      for (int i = 0; i < job.mtp; ++i) {
        const LayerWork more = mtp_layer(s.llm, job.sequence);
        cost.micro_batch.add(layer_pass(s, fabric, more, clock));
        take(more);
      }
    }
    cost.end = step_end(s, fabric, cost.dense_weights, cost.expert_weights);
    out.push_back(std::move(cost));
  }
  return out;
}

/// A micro-batch handed on by a stage and taken back, through each of its chunks.
PassCost hand_over_cost(const TrainingSetup& s, const Fabric& fabric) {
  const TrainingJob& job = s.job;
  PassCost out;
  if (job.pp == 1) return out;
  const double bytes = job.rank_tokens() / job.tp * s.llm.hidden * activation_bytes;
  const CollectiveCost one = hand_over(fabric, 1, job.stage_gpus(), bytes);
  for (const StepPhase phase : {StepPhase::forward, StepPhase::backward}) {
    out.time.at(P::hand_over, phase) = s.stack.exposed_pipeline.value * job.chunks() * one.transfer;
    out.energy.at(P::hand_over, phase) = job.chunks() * bytes * s.gpu.link_energy.value.value;
  }
  return out;
}

}  // namespace

double TrainingTable::of(StepPart part) const {
  double sum = 0;
  for (const double x : cells[static_cast<std::size_t>(part)]) sum += x;
  return sum;
}
double TrainingTable::of(StepPhase phase) const {
  double sum = 0;
  for (const auto& part : cells) sum += part[static_cast<std::size_t>(phase)];
  return sum;
}
double TrainingTable::sum() const {
  double sum = 0;
  for (const auto& part : cells)
    for (const double x : part) sum += x;
  return sum;
}
void TrainingTable::add(const TrainingTable& more, double times) {
  for (std::size_t i = 0; i < step_parts; ++i)
    for (std::size_t j = 0; j < step_phases; ++j) cells[i][j] += times * more.cells[i][j];
}

StepBound bound_of(StepPart part) {
  switch (part) {
    case P::gemm:
    case P::experts:
    case P::attention:
    case P::head:
      return StepBound::compute;
    case P::weights:
    case P::activations:
    case P::permute:
    case P::optimizer:
      return StepBound::memory;
    case P::tensor:
    case P::context:
    case P::exchange:
    case P::hand_over:
    case P::data:
      return StepBound::communication;
    case P::bubble:
    case P::straggler:
      return StepBound::pipeline;
    case P::gaps:
    case P::host:
      return StepBound::host;
  }
  return StepBound::compute;
}

bool is_exposed(StepPart part) {
  const StepBound bound = bound_of(part);
  return bound != StepBound::compute && bound != StepBound::memory;
}

double waiting_power(const GpuParameters& gpu) {
  return gpu.idle.value.value + gpu.busy_share.value * gpu.tdp.value.value;
}

Fabric training_fabric(const TrainingSetup& s) {
  int domain = s.domain;
  if (s.job.gpus > domain)
    domain = static_cast<int>(std::bit_floor(static_cast<unsigned>(std::max(1, domain))));
  return fabric_of(s.gpu, domain);
}

TrainingStep training_step(const TrainingSetup& s, double clock) {
  const TrainingJob& job = s.job;
  const Fabric fabric = training_fabric(s);
  const auto stages = stage_costs(s, fabric, clock);
  const PassCost handed = hand_over_cost(s, fabric);
  const double micro_batches = job.micro_batches();

  TrainingStep out;
  out.clock = clock;
  std::size_t slowest = 0;
  double sum = 0, longest = 0, longest_end = 0;
  for (std::size_t i = 0; i < stages.size(); ++i) {
    const TrainingTable& one = stages[i].micro_batch.time;
    const double time = one.sum();
    sum += time;
    if (time > longest) slowest = i, longest = time;
    longest_end = std::max(longest_end, stages[i].end.time.sum());
  }
  // 1F1B, interleaved in chunks: while the pipeline fills and drains, the slowest stage waits for
  // one micro-batch through a chunk of every other (Narayanan et al., SC 2021, section 2.2).
  const double bubble = (sum - longest) / job.chunks();
  out.time.add(stages[slowest].micro_batch.time, micro_batches);
  out.time.add(handed.time, micro_batches);
  out.time.add(stages[slowest].end.time);
  out.time.at(P::bubble, StepPhase::step) = bubble;
  out.time.at(P::data, StepPhase::step) += longest_end - stages[slowest].end.time.sum();
  const double alone = out.time.sum();
  const double late = s.stack.straggler.value * std::max(0.0, log2_of(job.gpus / 8.0));
  out.time.at(P::straggler, StepPhase::step) = late * alone;
  out.seconds = out.time.sum();

  // Of the mean GPU: what it does, and how long it waits while others work.
  TrainingTable mean_time;
  const double share = 1.0 / static_cast<double>(stages.size());
  for (const auto& stage : stages) {
    mean_time.add(stage.micro_batch.time, micro_batches * share);
    mean_time.add(stage.end.time, share);
    out.dynamic_energy.add(stage.micro_batch.energy, micro_batches * share);
    out.dynamic_energy.add(stage.end.energy, share);
  }
  mean_time.add(handed.time, micro_batches);
  out.dynamic_energy.add(handed.energy, micro_batches);
  mean_time.at(P::straggler, StepPhase::step) = out.time.of(P::straggler);
  mean_time.at(P::bubble, StepPhase::step) = out.seconds - mean_time.sum();

  const double core = core_voltage(s.gpu, clock) / core_voltage(s.gpu, 1);
  const double resting =
      s.gpu.idle.value.value + s.gpu.busy_share.value * s.gpu.tdp.value.value * core * core;
  const double ceiling = s.gpu.power_ceiling.value * s.gpu.tdp.value.value;
  const double asked = out.dynamic_energy.sum() + resting * out.seconds;
  out.demand = asked / out.seconds / ceiling;
  out.joules = below_ceiling(asked / out.seconds, ceiling) * out.seconds;
  // What the ceiling takes away is taken from all alike.
  const double kept = out.joules / asked;
  for (const auto& stage : stages) {
    const auto pass = [&](StepPhase phase, double& time, double& energy) {
      time = stage.micro_batch.time.of(phase);
      energy = kept * (stage.micro_batch.energy.of(phase) + resting * time);
    };
    StagePass& one = out.stages.emplace_back();
    pass(StepPhase::forward, one.forward, one.forward_energy);
    pass(StepPhase::backward, one.backward, one.backward_energy);
  }
  TrainingTable dynamic, steady;
  dynamic.add(out.dynamic_energy, kept);
  steady.add(mean_time, resting * kept);
  out.dynamic_energy = dynamic;
  out.static_energy = steady;

  out.tokens_per_gpu_second = job.step_tokens() / (out.seconds * job.gpus);
  out.model_flops = out.tokens_per_gpu_second * model_flops_per_token(s.llm, job.sequence, job.mtp);
  out.mfu = out.model_flops / tensor_rate(s.gpu, units_of(job.precision));
  for (std::size_t i = 0; i < step_parts; ++i) {
    const auto part = static_cast<P>(i);
    out.bounds[static_cast<std::size_t>(bound_of(part))] += out.time.of(part) / out.seconds;
  }
  return out;
}

TrainingStep training_step_under(const TrainingSetup& s, double limit) {
  const TrainingStep free = training_step(s);
  if (free.watts() <= limit) return free;
  double low = s.gpu.min_clock.value / s.gpu.max_clock.value, high = 1;
  for (int i = 0; i < 40; ++i) {
    const double middle = 0.5 * (low + high);
    (training_step(s, middle).watts() <= limit ? low : high) = middle;
  }
  TrainingStep out = training_step(s, low);
  // The limit owns what the clock adds; the rest keeps the shares it has without.
  const double kept = free.seconds / out.seconds;
  for (std::size_t i = 0; i < step_bounds; ++i) out.bounds[i] = free.bounds[i] * kept;
  out.bounds[static_cast<std::size_t>(StepBound::power)] = 1 - kept;
  return out;
}

}  // namespace mw::models
