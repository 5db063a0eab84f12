#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "models/numerics/log_histogram.hpp"
#include "sim/describe.hpp"
#include "sim/quantity.hpp"
#include "sim/time.hpp"

namespace mw::models {

/// What a service promises. A request is good when it meets every target that is set.
struct Slo {
  std::optional<sim::Seconds> ttft;
  std::optional<sim::Seconds> tpot;
};
template <sim::Describes<Slo> Self>
void describe(Self& self, auto&& visit) {
  visit("ttft", self.ttft,
        sim::About{.text = "Longest time from arrival to the first token", .min = 1e-6});
  visit("tpot", self.tpot,
        sim::About{.text = "Longest mean time per output token after the first", .min = 1e-6});
}

/// What happened in a pod during one epoch. Sums over pods and epochs, except the last four, which
/// are levels at the epoch's end and sum over pods only.
///
///   arrivals = refused + completed + change of (running + waiting)
///   sum of all energy bins = prefill_nj + decode_nj + idle_nj
///   completed_output_tokens + refused_output_tokens = slo_good_tokens + all lost tokens
struct PodCounts {
  std::int64_t arrivals = 0, refused = 0, admitted = 0, completed = 0, preemptions = 0;
  std::int64_t arrived_prompt_tokens = 0, arrived_output_tokens = 0;
  std::int64_t refused_prompt_tokens = 0, refused_output_tokens = 0;
  std::int64_t completed_prompt_tokens = 0, completed_output_tokens = 0;
  std::int64_t prompt_tokens = 0;      // prompt tokens computed for the first time
  std::int64_t cached_tokens = 0;      // prompt tokens found in the prefix cache instead
  std::int64_t recomputed_tokens = 0;  // tokens computed again after a preemption
  std::int64_t output_tokens = 0;      // tokens emitted
  std::int64_t iterations = 0;
  std::int64_t capped_iterations = 0;      // the power limit forced a lower clock than asked for
  std::int64_t over_limit_iterations = 0;  // not even the lowest clock met the power limit
  std::int64_t busy_ps = 0;                // replica-picoseconds inside iterations
  std::int64_t prefill_nj = 0, decode_nj = 0, idle_nj = 0;
  std::int64_t slo_good_requests = 0, slo_good_tokens = 0;
  std::int64_t slo_missed_ttft = 0, slo_missed_tpot = 0;  // requests; one may miss both
  std::int64_t refused_context = 0;  // of the refused: longer than the model's context
  std::int64_t swaps = 0;            // of the preemptions: those that moved blocks to the host
  std::int64_t swapped_blocks = 0;   // KV blocks moved, both ways
  // Output tokens that were not delivered, or came late, by cause (see pod.hpp).
  std::int64_t lost_kv_memory = 0, lost_cap = 0, lost_queue = 0;
  std::int64_t lost_heat = 0, lost_failure = 0, lost_grid = 0, lost_shed = 0;
  std::int64_t heated_iterations = 0;  // heat forced a lower clock than asked for
  std::int64_t unavailable_ps = 0;     // replica-picoseconds switched off
  std::int64_t switched_off = 0;       // replicas, times
  std::int64_t thrown_back = 0;        // requests that ran on one and begin anew

  std::int64_t running = 0, waiting = 0, kv_blocks_used = 0, kv_blocks_total = 0;
};
template <sim::Describes<PodCounts> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("arrivals", self.arrivals, About{.text = "Requests that reached the router"});
  visit("refused", self.refused,
        About{.text = "Requests that no replica's KV cache, or the model's context, could hold"});
  visit("admitted", self.admitted, About{.text = "Requests that ran for the first time"});
  visit("completed", self.completed, About{.text = "Requests whose last token was emitted"});
  visit("preemptions", self.preemptions, About{.text = "Requests sent back for want of KV blocks"});
  visit("arrived_prompt_tokens", self.arrived_prompt_tokens, About{.text = "Prompt tokens asked"});
  visit("arrived_output_tokens", self.arrived_output_tokens, About{.text = "Output tokens asked"});
  visit("refused_prompt_tokens", self.refused_prompt_tokens,
        About{.text = "Prompt tokens of refused requests"});
  visit("refused_output_tokens", self.refused_output_tokens,
        About{.text = "Output tokens of refused requests"});
  visit("completed_prompt_tokens", self.completed_prompt_tokens,
        About{.text = "Prompt tokens of completed requests"});
  visit("completed_output_tokens", self.completed_output_tokens,
        About{.text = "Output tokens of completed requests"});
  visit("prompt_tokens", self.prompt_tokens,
        About{.text = "Prompt tokens computed for the first time"});
  visit("cached_tokens", self.cached_tokens,
        About{.text = "Prompt tokens found in the prefix cache, not computed"});
  visit("recomputed_tokens", self.recomputed_tokens,
        About{.text = "Tokens computed again after a preemption"});
  visit("output_tokens", self.output_tokens, About{.text = "Tokens emitted"});
  visit("iterations", self.iterations, About{.text = "Iterations started"});
  visit("capped_iterations", self.capped_iterations,
        About{.text = "Iterations that a power limit slowed"});
  visit("over_limit_iterations", self.over_limit_iterations,
        About{.text = "Iterations above the power limit at the lowest clock"});
  visit("busy_ps", self.busy_ps, About{.text = "Picoseconds inside iterations, all replicas"});
  visit("prefill_nj", self.prefill_nj, About{.text = "Energy beyond the decode-only step, nJ"});
  visit("decode_nj", self.decode_nj, About{.text = "Energy of the decode-only step, nJ"});
  visit("idle_nj", self.idle_nj, About{.text = "Energy between iterations, nJ"});
  visit("slo_good_requests", self.slo_good_requests,
        About{.text = "Completed requests that met every target"});
  visit("slo_good_tokens", self.slo_good_tokens, About{.text = "Their output tokens"});
  visit("slo_missed_ttft", self.slo_missed_ttft,
        About{.text = "Completed requests whose first token was late"});
  visit("slo_missed_tpot", self.slo_missed_tpot,
        About{.text = "Completed requests whose tokens came too slowly"});
  visit("refused_context", self.refused_context,
        About{.text = "Of the refused: longer than the model's context"});
  visit("swaps", self.swaps,
        About{.text = "Of the preemptions: those that kept their KV blocks in "
                      "the host's memory"});
  visit("swapped_blocks", self.swapped_blocks,
        About{.text = "KV blocks moved between GPUs and host, both ways"});
  visit("lost_kv_memory", self.lost_kv_memory,
        About{.text = "Output tokens refused, or late after a preemption"});
  visit("lost_cap", self.lost_cap, About{.text = "Output tokens late under a power limit"});
  visit("lost_queue", self.lost_queue, About{.text = "Output tokens late for the load alone"});
  visit(
      "lost_heat", self.lost_heat,
      About{.text = "Output tokens late under a clock that heat lowered, or that it switched off"});
  visit("lost_failure", self.lost_failure,
        About{.text = "Output tokens late after a failure of their replica"});
  visit("lost_grid", self.lost_grid,
        About{.text = "Output tokens late after their replica was switched off for the grid"});
  visit("lost_shed", self.lost_shed,
        About{.text = "Output tokens late after their replica was switched off for want of power"});
  visit("heated_iterations", self.heated_iterations, About{.text = "Iterations that heat slowed"});
  visit("unavailable_ps", self.unavailable_ps,
        About{.text = "Picoseconds switched off, all replicas"});
  visit("switched_off", self.switched_off, About{.text = "Times that a replica was switched off"});
  visit("thrown_back", self.thrown_back,
        About{.text = "Requests that ran on a replica that was switched off, and began anew"});
  visit("running", self.running, About{.text = "Requests that run at the epoch's end"});
  visit("waiting", self.waiting, About{.text = "Requests that wait at the epoch's end"});
  visit("kv_blocks_used", self.kv_blocks_used, About{.text = "KV blocks in use at the end"});
  visit("kv_blocks_total", self.kv_blocks_total, About{.text = "KV blocks there are"});
}

/// Adds every field of `more`; levels too, so that pods of one epoch sum up.
void add(PodCounts& sum, const PodCounts& more);

/// Latencies in seconds. They belong to a service: pods count into whatever their epoch points to.
struct Latencies {
  LogHistogram ttft;   // arrival to first token
  LogHistogram tpot;   // mean gap between the tokens of a request that has at least two
  LogHistogram itl;    // every gap between two tokens of a request
  LogHistogram e2e;    // arrival to last token
  LogHistogram queue;  // arrival to the start of the first iteration that ran it
  bool operator==(const Latencies&) const = default;
};
template <sim::Describes<Latencies> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("ttft", self.ttft, About{.text = "Time to the first token"});
  visit("tpot", self.tpot, About{.text = "Mean time per output token after the first"});
  visit("itl", self.itl, About{.text = "Gap between two tokens of a request"});
  visit("e2e", self.e2e, About{.text = "Time to the last token"});
  visit("queue", self.queue, About{.text = "Time before the request first ran"});
}
/// `times`: how often each of its values counts.
inline void merge(Latencies& sum, const Latencies& more, std::int64_t times = 1) {
  sum.ttft.merge(more.ttft, times);
  sum.tpot.merge(more.tpot, times);
  sum.itl.merge(more.itl, times);
  sum.e2e.merge(more.e2e, times);
  sum.queue.merge(more.queue, times);
}

inline void clear(Latencies& all) {
  for (LogHistogram* h : {&all.ttft, &all.tpot, &all.itl, &all.e2e, &all.queue}) h->clear();
}

/// Values on their way into a histogram: counted in batches, so that the event loop keeps the
/// nearest cache for itself.
class HistogramFeed {
 public:
  explicit HistogramFeed(LogHistogram& to) : to_(to) {}
  void add(double value) {
    values_[held_++] = value;
    if (held_ == values_.size()) flush();
  }
  void flush() {
    for (std::size_t i = 0; i < held_; ++i) to_.add(values_[i]);
    held_ = 0;
  }

 private:
  LogHistogram& to_;
  std::size_t held_ = 0;
  std::array<double, 64> values_;
};

/// What an engine notes latencies in; flushed at the end of a call of advance().
class LatencyFeed {
  Latencies unread_;  // where nobody asks

 public:
  explicit LatencyFeed(Latencies* asked) : LatencyFeed(asked ? *asked : unread_, 0) {}
  HistogramFeed ttft, tpot, e2e, queue;
  LogHistogram& itl;  // few bins, many counts at once
  void flush() {
    ttft.flush();
    tpot.flush();
    e2e.flush();
    queue.flush();
  }

 private:
  LatencyFeed(Latencies& to, int)
      : ttft(to.ttft), tpot(to.tpot), e2e(to.e2e), queue(to.queue), itl(to.itl) {}
};

/// One finished request, kept where PodParameters asks for records.
struct RequestRecord {
  std::uint64_t id = 0;
  sim::Time arrival = 0;
  sim::FineTime admitted{}, first{}, finished{};
  std::int32_t prompt_tokens = 0, output_tokens = 0, preemptions = 0, replica = 0;
  std::int32_t priority = 0;
};

}  // namespace mw::models
