#pragma once
#include <rapidcheck.h>

#include <algorithm>
#include <string>
#include <vector>

#include "models/inference/cell_table.hpp"
#include "models/inference/hand_table.hpp"
#include "models/inference/jump_replica.hpp"
#include "models/inference/pod.hpp"
#include "sim/random.hpp"

// Pods with requests and moving set-points, made up for tests that hold one engine against another.
namespace mw::models::test {

using sim::millisecond;
using sim::second;
using sim::Time;

/// A set-point that the pod finds at the start of an epoch.
struct Change {
  std::size_t replica;
  std::int32_t level;
  std::int64_t limit_mw;
  std::int32_t ceiling = 0;
  Outage outage = Outage::none;
  bool draining = false;
  std::int32_t max_seqs = no_batch_limit, max_tokens = no_batch_limit;
};
inline void apply(PodState& pod, const Change& change) {
  ReplicaState& replica = pod.replicas[change.replica];
  replica.requested_level = change.level;
  replica.power_limit_mw = change.limit_mw;
  replica.ceiling_level = change.ceiling;
  replica.outage = change.outage;
  replica.draining = change.draining;
  replica.max_seqs = change.max_seqs;
  replica.max_tokens = change.max_tokens;
}

struct Case {
  PodParameters pod;
  std::vector<Arrival> arrivals;
  std::vector<Time> cuts;                    // ends of the epochs
  std::vector<std::vector<Change>> changes;  // by epoch; may be shorter
  Time sub_step = 10 * millisecond;
};

inline PodState in_plain_words(const PodState& pod, const PodParameters& p) {
  PodState plain = pod;
  for (ReplicaState& replica : plain.replicas) {
    replica = models::in_plain_words(replica, p.engine);
    // Engines evict when they look, so one may be behind the other.
    if (p.prefixes) evict_for(replica, law_of(p), replica.free_blocks);
  }
  return plain;
}

inline std::string counts_text(const PodCounts& plain, const PodCounts& jump) {
  std::string text;
  std::vector<std::int64_t> values;
  describe(plain, [&](const char*, const std::int64_t& v, const auto&) { values.push_back(v); });
  std::size_t i = 0;
  describe(jump, [&](const char* name, const std::int64_t& v, const auto&) {
    if (v != values[i]) {
      text += std::string(name) + ": " + std::to_string(values[i]) + " plain, " +
              std::to_string(v) + " jump\n";
    }
    ++i;
  });
  return text;
}

inline std::vector<Time> every(Time step, Time end) {
  std::vector<Time> cuts;
  for (Time t = step; t < end; t += step) cuts.push_back(t);
  cuts.push_back(end);
  return cuts;
}

/// Requests that come as a Poisson stream, lengths exponential about their means.
inline std::vector<Arrival> poisson(std::uint64_t seed, std::size_t count, double mean_gap_s,
                                    double mean_prompt, double mean_output) {
  const sim::Stream draws{seed, 9, 9};
  std::vector<Arrival> arrivals;
  double t = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    t += mean_gap_s * sim::exponential(draws, 3 * i);
    arrivals.push_back(
        {sim::from_seconds(t), i,
         1 + static_cast<std::int32_t>(mean_prompt * sim::exponential(draws, 3 * i + 1)),
         1 + static_cast<std::int32_t>(mean_output * sim::exponential(draws, 3 * i + 2))});
  }
  return arrivals;
}

/// How often tests with random input run: RC_PARAMS can say more.
inline Case random_case() {
  Case c;
  CellTable table;
  table.window = *rc::gen::element<std::int64_t>(0, 24, 200);
  table.end = *rc::gen::element<std::int64_t>(0, 500, 4000, 100'000);
  table.shift_below = *rc::gen::inRange(0, 6);
  table.shift_above = *rc::gen::inRange(2, 13);
  table.per_kv_j = *rc::gen::element(0.0, 2e-5, 3e-4);
  table.levels = *rc::gen::inRange(1, 6);
  // Moments on whole nanoseconds, where boundaries and arrivals coincide, or on picoseconds.
  if (*rc::gen::inRange(0, 4) == 0) {
    HandTable hand;
    hand.max_sequences = table.max_sequences;
    hand.max_tokens = table.max_tokens;
    hand.levels = 1 + table.levels % 2;
    table.levels = hand.levels;
    c.pod.table = hand.build();
  } else {
    c.pod.table = table.build();
  }
  c.pod.engine.max_num_seqs = *rc::gen::inRange(1, table.max_sequences + 1);
  c.pod.engine.max_num_batched_tokens =
      *rc::gen::inRange(c.pod.engine.max_num_seqs + 1, table.max_tokens);
  c.pod.engine.block_size = *rc::gen::element(1, 2, 3, 7, 16, 64);
  c.pod.replicas = *rc::gen::inRange(1, 5);
  c.pod.router = *rc::gen::element(RouterPolicy::round_robin, RouterPolicy::least_tokens,
                                   RouterPolicy::power_of_two);
  c.pod.slo = {sim::Seconds{0.05}, sim::Seconds{0.004}};
  c.pod.seed = static_cast<std::uint64_t>(*rc::gen::inRange(0, 1000));
  c.pod.keep_records = true;

  const double prompt = *rc::gen::element(3, 40, 300), output = *rc::gen::element(1, 20, 200);
  // KV from far too little for one request in two to more than enough.
  const double need = c.pod.engine.max_num_seqs * (prompt + output) / c.pod.engine.block_size;
  const int percent = *rc::gen::element(15, 40, 100, 300);
  c.pod.engine.kv_blocks = 1 + static_cast<std::int64_t>(need * percent / 100);
  // Load from 10 % to 130 % of what decoding alone allows.
  const double load = 0.01 * *rc::gen::inRange(10, 130);
  const double step_s = 3e-3 + 3e-6 * c.pod.engine.max_num_seqs;
  const double gap_s = output * step_s / c.pod.engine.max_num_seqs / load / c.pod.replicas;
  const auto count = static_cast<std::size_t>(*rc::gen::inRange(1, 250));
  c.arrivals = poisson(c.pod.seed, count, gap_s, prompt, output);
  // Some come together, or on round moments.
  const Time round = *rc::gen::element<Time>(1, 1000, millisecond, 50 * millisecond);
  for (Arrival& a : c.arrivals) a.t -= a.t % round;

  const Time end = c.arrivals.back().t + *rc::gen::element<Time>(1, second, 30 * second);
  const auto epochs = *rc::gen::inRange<std::size_t>(1, 30);
  for (std::size_t k = 0; k < epochs; ++k) {
    c.cuts.push_back(1 + *rc::gen::inRange<std::int64_t>(0, end));
  }
  if (*rc::gen::inRange(0, 2) == 0) {
    for (Time& t : c.cuts) t += millisecond - t % millisecond;
  }
  c.cuts.push_back(end + millisecond);
  std::sort(c.cuts.begin(), c.cuts.end());
  c.cuts.erase(std::unique(c.cuts.begin(), c.cuts.end()), c.cuts.end());
  c.sub_step = *rc::gen::element<Time>(999'999, 10 * millisecond, 100 * millisecond, 3 * second);

  if (*rc::gen::inRange(0, 3) > 0) {
    c.changes.resize(c.cuts.size());
    for (auto& epoch : c.changes) {
      if (*rc::gen::inRange(0, 3) == 0) continue;
      Change change{static_cast<std::size_t>(*rc::gen::inRange(0, c.pod.replicas)),
                    *rc::gen::inRange(0, table.levels + 1), no_power_limit};
      if (*rc::gen::inRange(0, 4) > 0) change.limit_mw = *rc::gen::inRange(100'000, 2'600'000);
      if (*rc::gen::inRange(0, 2) == 0) {
        change.max_seqs = *rc::gen::inRange(1, c.pod.engine.max_num_seqs + 1);
        change.max_tokens = *rc::gen::inRange(c.pod.engine.max_num_seqs + 1,
                                              c.pod.engine.max_num_batched_tokens + 1);
      }
      epoch.push_back(change);
    }
  }
  // Replicas that go off and on, often all of them at once, under clocks that fall and rise.
  if (*rc::gen::inRange(0, 2) == 0) {
    c.changes.resize(c.cuts.size());
    const int off_percent = *rc::gen::element(0, 10, 50, 90);
    for (auto& epoch : c.changes) {
      for (std::size_t r = 0; r < static_cast<std::size_t>(c.pod.replicas); ++r) {
        if (*rc::gen::inRange(0, 3) == 0) continue;
        Change change{r, 0, no_power_limit, *rc::gen::inRange(0, table.levels + 1)};
        if (!epoch.empty() && epoch[0].replica == r) change.limit_mw = epoch[0].limit_mw;
        if (*rc::gen::inRange(0, 100) < off_percent)
          change.outage = *rc::gen::element(Outage::failure, Outage::grid, Outage::heat,
                                            Outage::shed, Outage::parked);
        change.draining = *rc::gen::inRange(0, 100) < off_percent;
        epoch.push_back(change);
      }
    }
  }
  c.pod.engine.scheduling = *rc::gen::element(Scheduling::fcfs, Scheduling::priority);
  using Tiers = std::vector<PriorityTier>;
  c.pod.tiers = *rc::gen::element(Tiers{}, Tiers{{1, -3}}, Tiers{{0.2, 0}, {0.8, 5}},
                                  Tiers{{0.3, 1}, {0.4, -100}, {0.3, 100}});
  c.pod.tier_draws = {c.pod.seed, 5, 6};
  c.pod.engine.preemption = *rc::gen::element(Preemption::recompute, Preemption::swap);
  if (c.pod.engine.preemption == Preemption::recompute) {
    c.pod.engine.batching = *rc::gen::element(Batching::mixed, Batching::prefill_first);
  }
  if (c.pod.engine.scheduling == Scheduling::fcfs) {
    c.pod.engine.admission_interval = *rc::gen::element(1, 1, 2, 3, 10, 40);
    if (c.pod.engine.admission_interval == 1 && c.pod.engine.batching == Batching::mixed) {
      c.pod.engine.batch_wait = *rc::gen::element(0, 0, 1, 7, 40);
      c.pod.engine.batch_wait_tokens = *rc::gen::inRange(0, c.pod.engine.max_num_batched_tokens);
    }
  }
  c.pod.engine.swap_blocks = *c.pod.engine.kv_blocks * *rc::gen::element(0, 30, 500) / 100;
  c.pod.engine.swap_block_ps = *rc::gen::element<std::int64_t>(0, 1, 1'234'567, 1'000'000'000);
  c.pod.max_context = *rc::gen::element<std::int64_t>(std::int64_t{endless}, 400);
  if (*rc::gen::inRange(0, 3) == 0) {
    PodUsers& users = c.pod.users;
    users.first = 1'000'000;  // numbers apart from the others'
    users.users = users.all = *rc::gen::inRange(1, 3 * c.pod.engine.max_num_seqs);
    users.requests = *rc::gen::element<std::int64_t>(1, 50, 300);
    users.think = *rc::gen::element<Time>(0, 1, 3'000'001, second) / round * round;
    users.lengths.prompt.lognormal = LognormalLength{prompt, 1};
    users.lengths.output.emplace().lognormal = LognormalLength{output + 1, 1};
    users.draws = {c.pod.seed, 3, 4};
    if (*rc::gen::inRange(0, 2) == 0) c.arrivals.clear();  // or both kinds come together
  }
  if (c.pod.engine.preemption == Preemption::recompute && *rc::gen::inRange(0, 2) == 0) {
    const auto law = std::make_shared<PrefixLaw>();
    law->group_tokens = c.pod.engine.block_size * *rc::gen::element(1, 2, 5);
    law->users = static_cast<std::uint64_t>(*rc::gen::element(0, 3, 40));
    law->turns = static_cast<std::uint64_t>(*rc::gen::inRange(1, 20));
    law->distinct = static_cast<std::uint64_t>(*rc::gen::element(0, 0, 3, 50));
    if (*rc::gen::inRange(0, 4) > 0) {
      add_shared(*law,
                 {*rc::gen::inRange(1, 30), *rc::gen::inRange(1, 2 * static_cast<int>(prompt) + 2),
                  0.01 * *rc::gen::inRange(0, 101), 0.5 * *rc::gen::inRange(0, 5)},
                 {c.pod.seed, 7, 8});
    }
    c.pod.prefixes = law;
    if (*rc::gen::inRange(0, 2) == 0) c.pod.router = RouterPolicy::kv_aware;
  }
  return c;
}

}  // namespace mw::models::test
