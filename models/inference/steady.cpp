#include "models/inference/steady.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "models/inference/accounting.hpp"
#include "models/inference/engine.hpp"
#include "sim/index.hpp"
#include "sim/portable_math.hpp"

namespace mw::models {
namespace {

using sim::idx;

/// A replica with n requests, n >= 1.
struct AtBatch {
  double completed = 0;   // requests/s
  double iterations = 0;  // per second
  double capped = 0;      // of them
  double heated = 0;
  double prefill_w = 0, decode_w = 0;
};

struct Part {
  double time = 0, energy = 0;  // s, J
  bool capped = false, heated = false;
};
/// Set-points of a replica.
struct Held {
  std::int64_t limit_mw;
  std::int32_t ceiling_level;
};
Part part_of(const StepTableView& table, const StepLoad& load, const Held& held) {
  ReplicaBooks replica;
  replica.power_limit_mw = held.limit_mw;
  replica.ceiling_level = held.ceiling_level;
  const LevelChoice choice = choose_level(replica, table, load);
  const StepCost cost = step_cost(table, choice.level, load);
  return {static_cast<double>(cost.time_ps) * 1e-12, static_cast<double>(cost.energy_nj) * 1e-9,
          choice.slowed == Slowed::by_cap, choice.slowed == Slowed::by_heat};
}

std::int32_t whole(double x, std::int32_t least = 0) {
  return std::max(least, static_cast<std::int32_t>(std::floor(x + 0.5)));
}

/// Each iteration gives a token to each of n requests, so n / output of them end, and as many
/// prompts come in: with a chance of 1 - exp(-n / output) at least one, if they come at random.
/// Prompts of one iteration are read together as far as the engine's budget of tokens goes.
AtBatch at_batch(const StepTableView& table, const EngineParameters& engine,
                 const FlowRequest& request, std::int32_t n, const Held& held) {
  const auto kv = [&](std::int32_t decodes) { return std::llround(request.context * decodes); };
  const bool apart = engine.batching == Batching::prefill_first;
  double ends = n / request.output;  // of requests, by iteration that decodes
  double with_prompts = 1 - sim::portable::exp(-ends);
  const double room = std::max(1.0, engine.max_num_batched_tokens - (apart ? 0.0 : double{1} * n));
  const double tokens = std::clamp(ends * request.prompt / with_prompts, 1.0, room);
  // Long prompts take several iterations, at worst all of them.
  with_prompts = ends * request.prompt / tokens;
  if (!apart && with_prompts > 1) {
    ends /= with_prompts;
    with_prompts = 1;
  }
  const std::int32_t prompts = whole(ends / with_prompts, 1);
  StepLoad reading;
  reading.decodes = apart ? 0 : std::max(0, n - prompts);
  reading.kv_tokens = kv(reading.decodes);
  reading.prefill_tokens = whole(tokens, 1);
  reading.sampled = std::min(reading.decodes + prompts, n);
  reading.prefill_pairs = std::llround(tokens * std::min(tokens, request.prompt) / 2);
  const Part mixed = part_of(table, reading, held);
  const Part plain = part_of(table, {n, 0, n, kv(n), 0}, held);
  Part beside;  // of the mixed iteration, what decoding alone would have taken
  if (reading.decodes > 0)
    beside = part_of(table, {reading.decodes, 0, reading.decodes, reading.kv_tokens, 0}, held);

  const double plains = apart ? 1 : 1 - with_prompts;
  const double time = plains * plain.time + with_prompts * mixed.time;
  const double decode =
      plains * plain.energy + with_prompts * std::min(mixed.energy, beside.energy);
  const double all = plains * plain.energy + with_prompts * mixed.energy;
  return {.completed = ends / time,
          .iterations = (plains + with_prompts) / time,
          .capped = (plains * plain.capped + with_prompts * mixed.capped) / time,
          .heated = (plains * plain.heated + with_prompts * mixed.heated) / time,
          .prefill_w = (all - decode) / time,
          .decode_w = decode / time};
}

}  // namespace

FlowRequest flow_request(const FrontParameters& front, const PodParameters& pod) {
  FlowRequest mean;
  mean.rate = FlowRate(front);
  const std::int64_t blocks = kv_blocks(pod.engine, *pod.table);
  double all = 0, fit = 0, held = 0;
  const auto take = [&](Lengths one) {
    const double prompt = one.prompt, output = one.output;
    ++all;
    mean.all_prompt += prompt;
    mean.all_output += output;
    if (one.prompt + std::int64_t{one.output} > pod.max_context ||
        !can_ever_fit(one.prompt, one.output, pod.engine.block_size, blocks))
      return;
    ++fit;
    mean.prompt += prompt;
    mean.output += output;
    // It runs as long as it has tokens to make, its context growing by each.
    held += output * (prompt + output / 2);
  };
  if (front.trace) {
    for (const Trace::Row& row : front.trace->rows) take({row.prompt_tokens, row.output_tokens});
  } else {
    constexpr std::uint32_t flow_stream = 0xf10f;
    constexpr std::uint64_t draws = 1 << 16;
    const RequestLengths lengths(front.lengths);
    for (std::uint64_t i = 0; i < draws; ++i) {
      const sim::Bits draw = sim::bits({front.seed, front.entity, flow_stream}, i);
      Lengths one = lengths.at(sim::unit_interval(draw.first), sim::unit_interval(draw.second));
      if (front.prefixes) one.prompt += front.prefixes->tokens_before(i);
      take(one);
    }
  }
  mean.all_prompt /= all;
  mean.all_output /= all;
  mean.fits = fit / all;
  if (fit == 0) return mean;
  mean.context = held / mean.output;
  mean.prompt /= fit;
  mean.output /= fit;
  return mean;
}

FlowRate::FlowRate(const FrontParameters& front) : mean_(traffic_means(front).requests_per_s) {
  if (front.trace) return;
  const ArrivalLaw law(front.arrivals, 1, front.start_unix_ns);
  if (law.shape.flat()) return;
  start_in_week_ = law.start_in_week;
  shape_ = law.shape;
}

double FlowRate::mean(sim::Time from, sim::Time to) const {
  if (!shape_) return mean_;
  const double a = start_in_week_ + sim::to_seconds(from);
  const double b = start_in_week_ + sim::to_seconds(to);
  return mean_ * (shape_->integral(b) - shape_->integral(a)) / (b - a);
}

SteadyPod steady_pod(const PodParameters& pod, const FlowRequest& request, double rate,
                     std::int64_t limit_mw, std::int32_t ceiling_level) {
  const double replicas = pod.replicas;
  const double idle_w = static_cast<double>(pod.table->idle_power_mw) * 1e-3;
  SteadyPod steady;
  steady.idle_w = replicas * idle_w;
  if (request.fits <= 0) return steady;
  const StepTableView table = pod.table->view();
  const double held = static_cast<double>(kv_blocks(pod.engine, *pod.table)) *
                      pod.engine.block_size / (request.context + pod.engine.block_size / 2.0);
  const auto most = static_cast<std::int32_t>(
      std::clamp(std::floor(held), 1.0, double{1} * pod.engine.max_num_seqs));
  std::vector<AtBatch> at(idx(most) + 1);
  for (std::int32_t n = 1; n <= most; ++n)
    at[idx(n)] = at_batch(table, pod.engine, request, n, {limit_mw, ceiling_level});

  // Of n requests in the pod, n mod replicas replicas hold one more than the others.
  const auto add = [&](SteadyPod& sum, std::int64_t n, double weight) {
    const std::int64_t low = n / pod.replicas;
    const double fuller = static_cast<double>(n % pod.replicas);
    const auto one_kind = [&](std::int64_t batch, double count) {
      if (count == 0) return;
      const double w = weight * count;
      if (batch == 0) {
        sum.idle_w += w * idle_w;
        return;
      }
      const AtBatch& a = at[idx(batch)];
      sum.busy += w;
      sum.running += w * static_cast<double>(batch);
      sum.completed += w * a.completed;
      sum.iterations += w * a.iterations;
      sum.capped += w * a.capped;
      sum.heated += w * a.heated;
      sum.prefill_w += w * a.prefill_w;
      sum.decode_w += w * a.decode_w;
    };
    one_kind(low, replicas - fuller);
    one_kind(low + 1, fuller);
  };
  const std::int64_t full = std::int64_t{most} * pod.replicas;
  const double capacity = replicas * at[idx(most)].completed;
  SteadyPod sum;
  double weights = 0;
  if (rate >= capacity) {
    add(sum, full, 1);
    weights = 1;
  } else if (rate > 0) {
    double weight = 1;  // of n requests in the pod, up to a common factor
    for (std::int64_t n = 0;; ++n) {
      // Beyond `full` they wait: a geometric tail, in which the pod works as when it is full.
      const double times = n == full ? 1 / (1 - rate / capacity) : 1;
      add(sum, n, weight * times);
      weights += weight * times;
      if (n == full) break;
      SteadyPod next;
      add(next, n + 1, 1);
      const double step = rate / next.completed;
      weight *= step;
      if (step < 1 && weight < 1e-18 * weights) break;  // nothing more comes to count
      if (weight > 1e200) {
        const double smaller = 1e-200;
        weight *= smaller;
        weights *= smaller;
        for (double SteadyPod::*field :
             {&SteadyPod::completed, &SteadyPod::running, &SteadyPod::busy, &SteadyPod::iterations,
              &SteadyPod::capped, &SteadyPod::heated, &SteadyPod::prefill_w, &SteadyPod::decode_w,
              &SteadyPod::idle_w})
          sum.*field *= smaller;
      }
    }
  } else {
    add(sum, 0, 1);
    weights = 1;
  }
  for (double SteadyPod::*field : {&SteadyPod::completed, &SteadyPod::running, &SteadyPod::busy,
                                   &SteadyPod::iterations, &SteadyPod::capped, &SteadyPod::heated,
                                   &SteadyPod::prefill_w, &SteadyPod::decode_w, &SteadyPod::idle_w})
    sum.*field /= weights;
  sum.capacity = capacity;
  sum.per_token = sum.completed > 0 ? sum.running / (sum.completed * request.output) : 0;
  return sum;
}

}  // namespace mw::models
