#include "models/training/overlapped_pipeline.hpp"

#include <algorithm>

#include "sim/index.hpp"

namespace mw::models {
namespace {

constexpr double element = 2;  // bytes: BF16 weights and activations

/// Tokens that a GPU works on: a context-parallel group shares a sequence.
double tokens_of(const OverlappedJob& job) {
  return static_cast<double>(job.microbatch) * job.sequence / job.context;
}

/// A matrix product of `tokens` rows: operations, and weights, inputs and outputs once each. A
/// backward is two such (Kaplan et al. 2020: 2 and 4 operations per weight and token).
OverlapKernel product(double tokens, double in, double out, bool backward) {
  const double passes = backward ? 2 : 1;
  return {.flops = passes * 2 * tokens * in * out,
          .bytes = passes * element * (in * out + tokens * (in + out)),
          .launches = passes};
}

/// Element-wise kernels that read and write `width` elements a token, all told.
OverlapKernel element_wise(double tokens, double width, bool backward) {
  const double passes = backward ? 2 : 1;
  return {.flops = 0, .bytes = passes * element * tokens * width, .launches = passes};
}

/// What a rank of a ring sends in an all-reduce of `bytes` among n.
double all_reduce(double bytes, double n) {
  return 2 * (n - 1) / n * bytes;
}

OverlapCost one_after_the_other(const GpuParameters& gpu, const OverlapParameters& overlap,
                                const OverlapPartition& p, double clock, double blocking_power) {
  return overlap_cost(
      gpu, overlap, p,
      {static_cast<std::int32_t>(p.kernels.size()), overlap.default_multiprocessors, clock},
      blocking_power);
}

/// The power manager does not let the mean power of an op pass its ceiling: such clocks are never
/// reached. The lowest one always is.
std::vector<OpChoice> within_ceiling(const GpuParameters& gpu, std::vector<OpChoice> choices) {
  const double most = gpu.power_ceiling.value * gpu.tdp.value.value;
  const auto lowest = std::min_element(choices.begin(), choices.end(), [](auto& a, auto& b) {
    return a.energy / a.time < b.energy / b.time;
  });
  const OpChoice kept = *lowest;
  std::erase_if(choices, [&](const OpChoice& c) { return c.energy > most * c.time; });
  if (choices.empty()) choices.push_back(kept);
  return choices;
}

}  // namespace

std::vector<OverlapPartition> layer_partitions(const LlmParameters& llm, const OverlappedJob& job,
                                               double share, bool backward) {
  const double tokens = tokens_of(job) * share, t = job.tensor;
  const double h = llm.hidden, queries = static_cast<double>(llm.heads) * llm.head_dim / t;
  const double keys = 2.0 * llm.kv_heads * llm.head_dim / t, inner = llm.dense_inter / t;
  const double passes = backward ? 2 : 1;
  // Causal: half of all pairs; scores and values, 2 operations each; backward 2.5 times the forward
  // (FlashAttention-2, Dao 2023: 5 products for 2).
  const double pairs = tokens * job.sequence / 2;
  const OverlapKernel attention{.flops = (backward ? 2.5 : 1.0) * 4 * pairs * queries,
                                .bytes = passes * element * tokens * (2 * queries + keys),
                                .launches = passes};
  // All-reduce of the output, forwards and backwards alike (Shoeybi et al. 2019); keys and values
  // go once round a context-parallel ring, and with their gradients on the way back.
  const double output = element * tokens * h;
  const double ring = passes * element * tokens * keys * (job.context - 1.0);
  OverlapPartition mixing{
      .kernels = {element_wise(tokens, 3 * h, backward),  // norm, residual
                  product(tokens, h, queries + keys, backward),
                  element_wise(tokens, 2 * (queries + keys), backward),  // rotary
                  attention, product(tokens, queries, h, backward)},
      .sent = all_reduce(output, t) + ring};
  // Gate and up, their product, down; or up, activation, down.
  const double gates = llm.mlp_matrices - 1;
  OverlapPartition feed{.kernels = {element_wise(tokens, 3 * h, backward),
                                    product(tokens, h, gates * inner, backward),
                                    element_wise(tokens, (gates + 1) * inner, backward),
                                    product(tokens, inner, h, backward)},
                        .sent = all_reduce(output, t)};
  return {mixing, feed};
}

OverlapPartition head_partition(const LlmParameters& llm, const OverlappedJob& job, bool backward) {
  const double tokens = tokens_of(job), share = static_cast<double>(llm.vocab) / job.tensor;
  return {.kernels = {product(tokens, llm.hidden, share, backward),
                      element_wise(tokens, 4 * share, backward)},  // loss in single precision
          .sent = 0};
}

std::vector<double> stage_layers(const LlmParameters& llm, const OverlappedJob& job) {
  const std::int32_t p = job.pipeline.stages;
  std::vector<double> layers(sim::idx(p), static_cast<double>(llm.layers) / p);
  if (!job.balanced || p == 1) return layers;
  const auto flops = [](const OverlapPartition& part) {
    double sum = 0;
    for (const OverlapKernel& k : part.kernels) sum += k.flops;
    return sum;
  };
  double layer = 0;
  for (const auto& part : layer_partitions(llm, job, 1, false)) layer += flops(part);
  const double head = flops(head_partition(llm, job, false)) / layer;
  // The last stage's share decides: the others take the rest, the first ones the larger parts.
  std::int32_t best = 0;
  double least = 1e300, most = 0;  // of the longest stage, and of the shortest
  for (std::int32_t last = 0; last <= llm.layers; ++last) {
    const std::int32_t others = (llm.layers - last + p - 2) / (p - 1);
    const double longest = std::max<double>(others, last + head);
    const double shortest = std::min<double>((llm.layers - last) / (p - 1), last + head);
    if (longest < least || (longest == least && shortest > most)) {
      least = longest;
      most = shortest;
      best = last;
    }
  }
  const std::int32_t rest = llm.layers - best;
  for (std::int32_t s = 0; s < p - 1; ++s)
    layers[sim::idx(s)] = rest / (p - 1) + (s < rest % (p - 1) ? 1 : 0);
  layers.back() = best;
  return layers;
}

PipelineCosts overlapped_pipeline(const GpuParameters& gpu, const OverlapParameters& overlap,
                                  const LlmParameters& llm, const OverlappedJob& job,
                                  const std::vector<double>& clocks, double blocking_power,
                                  OverlapMethod method) {
  PipelineCosts costs{.pipeline = job.pipeline, .blocking_power = blocking_power};
  const double halves = method == OverlapMethod::sequential ? 1 : 2;
  const auto all_layers = stage_layers(llm, job);
  for (std::int32_t stage = 0; stage < job.pipeline.stages; ++stage) {
    const bool last = stage == job.pipeline.stages - 1;
    for (const bool backward : {false, true}) {
      const double layers = all_layers[sim::idx(stage)];
      std::vector<OverlapPartition> partitions;
      std::vector<double> times;
      const auto add = [&](bool back) {
        for (auto& p : layer_partitions(llm, job, 1 / halves, back)) {
          partitions.push_back(std::move(p));
          times.push_back(layers * halves);
        }
      };
      add(backward);
      if (backward && job.recompute) add(false);
      if (last) {
        partitions.push_back(head_partition(llm, job, backward));
        times.push_back(1);
      }
      OpTable table{.part = stage,
                    .instruction = backward ? Instruction::backward : Instruction::forward,
                    .choices = {}};
      if (method == OverlapMethod::joint) {
        std::vector<std::vector<OverlapChoice>> choices;
        for (const auto& p : partitions)
          choices.push_back(overlap_choices(gpu, overlap, p, clocks, blocking_power));
        table.choices = joint_choices(choices, times, blocking_power);
      } else {
        for (const double clock : clocks) {
          OpChoice c{.clock = clock};
          for (std::size_t i = 0; i < partitions.size(); ++i) {
            const OverlapCost cost =
                method == OverlapMethod::sequential
                    ? one_after_the_other(gpu, overlap, partitions[i], clock, blocking_power)
                    : overlap_cost(gpu, overlap, partitions[i],
                                   {0, overlap.default_multiprocessors, clock}, blocking_power);
            c.time += times[i] * cost.time;
            c.energy += times[i] * cost.energy;
          }
          table.choices.push_back(c);
        }
      }
      table.choices = within_ceiling(gpu, std::move(table.choices));
      costs.tables.push_back(std::move(table));
    }
  }
  return costs;
}

}  // namespace mw::models
