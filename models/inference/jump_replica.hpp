#pragma once
#include <cstdint>

#include "models/inference/accounting.hpp"
#include "models/inference/pod.hpp"
#include "models/inference/replica.hpp"
#include "sim/time.hpp"

// The jump engine: from one change of the running requests to the next, at a cost per request and
// not per token. It owes the plain engine (replica.hpp) equality in every decision, moment and
// nanojoule; that holds for these reasons.
//
//   1. While nobody joins or leaves, an iteration depends on two numbers: how many decode and the
//      sum of their contexts, which grows by the first in each. The cost table is an integer line
//      over a cell of that sum (step_cost.hpp), so times and energies of a run of iterations are
//      arithmetic progressions and their sums closed forms over integers: the same bits as adding
//      one by one, wherever the run is cut.
//   2. No decode is ever skipped (the token budget exceeds max_num_seqs), so a request that starts
//      to decode completes in an iteration whose number is known then.
//   3. A request takes a KV block in every block_size-th iteration. Counting the requests by the
//      remainder of those gives the blocks that any number of iterations will take; a run stops
//      before the iteration that lacks one.
//   4. The head of the queue is tested at the start of a run. If it does not fit then, it does not
//      fit within the run: free blocks only shrink, and the token budget, the number of running
//      requests and the head stay. If nobody waits, an arrival cuts the run at the first boundary
//      at or after it: the smallest number of iterations whose time reaches it. By priority, so
//      does the arrival of a request that becomes the head.
//   5. A power limit is an inequality of two lines within a cell, so a clock level that is chosen
//      at both ends of a stretch is chosen throughout; a run stops where the choice changes.
//   6. Iterations that admit, prefill or send back are stepped singly, in the order of the plain
//      engine. Sending back the youngest while the demand of those that stay exceeds the free
//      blocks removes the same requests as walking through them: the ones sent back are the last
//      in order, so they had not taken a block yet. By priority the victim may have taken its
//      block already, but gives it back: walking sends another one back exactly when the demand
//      of all that stay exceeds what is free, for then and only then some request lacks a block.
//      A request that comes back from the host joins the sums after its first iteration, like one
//      whose prompt ends in it.
//   7. Prompts alone: whether one goes first is known from the partial prefill, the head and the
//      free blocks, as in 4; decodes and their numbers stand still in it. What the decodes waited
//      is kept by moments of newest tokens, and counted with the gap that ends it.
//   8. Where new requests are read in every n-th iteration, a run ends at the first such boundary
//      at or after an arrival; until then nobody new can be admitted.
//   9. Every gap between two tokens of a request is the duration of one iteration, except over a
//      preemption; so the histogram of gaps gets each iteration's duration once per decoding
//      request. Replicas meet in the router alone, whose books are sums: the order of completions
//      between two arrivals does not matter.
namespace mw::models {

/// A run of iterations that only decode, planned from a boundary on; nothing of it has happened in
/// the books until it is committed, whole or in part.
struct JumpRun {
  std::int64_t iterations = 0;  // 0: no run, the replica is idle or inside a single iteration
  std::int64_t time_ps = 0, time_step = 0;  // of the first; how much more each further one
  std::int64_t energy_nj = 0, energy_step = 0;
  LevelChoice choice;
  sim::FineTime starts{}, ends{};

  std::int64_t time_of(std::int64_t k) const { return time_ps + time_step * k; }
  std::int64_t energy_of(std::int64_t k) const { return energy_nj + energy_step * k; }
  static std::int64_t pairs(std::int64_t n) {
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(n * (n - 1)) >> 1);
  }
  /// Sums over the first n.
  std::int64_t time_until(std::int64_t n) const { return time_ps * n + time_step * pairs(n); }
  std::int64_t energy_until(std::int64_t n) const { return energy_nj * n + energy_step * pairs(n); }
  /// The most iterations whose time together is at most `ps`, at most `iterations`; and that time.
  struct Whole {
    std::int64_t iterations, time_ps;
  };
  Whole whole_within(std::int64_t ps) const;
  /// To be called once time_ps and time_step are set.
  void prepare() {
    per_time = 1.0 / static_cast<double>(time_ps);
    growth = static_cast<double>(time_step) * per_time;
  }
  double per_time = 0, growth = 0;
};

/// What the engine knows of a replica within one call of advance().
struct JumpLane {
  JumpRun run;
  BinCursor bin;
};

/// Steps the replicas of one pod through one call of advance(); which one is said at each call.
class JumpEngine {
 public:
  JumpEngine(PodState& pod, const PodParameters& parameters, PodEpoch& epoch,
             const StepTableView& table, LatencyFeed& latencies);

  /// Asks memory for the records of about so many requests as complete next.
  void prefetch(const ReplicaState& replica, std::size_t completions) const;

  /// At a boundary or when idle, after all arrivals up to and including `now`: what runs next.
  /// False if nothing does.
  bool start(ReplicaState& replica, JumpLane& lane, std::int32_t r, sim::FineTime now);

  /// The end of what runs.
  static sim::FineTime ends(const ReplicaState& replica, const JumpLane& lane) {
    return lane.run.iterations > 0 ? lane.run.ends : replica.ends;
  }
  /// At that end: tokens appear, completed requests leave.
  void finish(ReplicaState& replica, JumpLane& lane, std::int32_t r);

  /// A request joins the queue at `a.t`. True if what runs now ends earlier.
  bool arrive(ReplicaState& replica, JumpLane& lane, const Arrival& a, std::int32_t charge,
              std::int32_t priority);

  /// Leaves the replica as the plain engine would be at `until`: all that ended before is done,
  /// the iteration that runs has started, its energy is handed up to here.
  void cut(ReplicaState& replica, JumpLane& lane, sim::FineTime until);

 private:
  void start_single(ReplicaState& replica, sim::FineTime now);
  void plan_run(ReplicaState& replica, JumpRun& run, sim::FineTime now);
  void limit_to_choice(const ReplicaState& replica, const StepLoad& load, JumpRun& run) const;
  void commit(ReplicaState& replica, JumpLane& lane, std::int64_t iterations);
  void note_gaps(const JumpRun& run, std::int64_t first, std::int64_t iterations,
                 std::int64_t decodes);
  void note_stalled(JumpState& jump, sim::FineTime now);

  /// The head of the queue.
  struct Head {
    bool sent_back;
    std::int32_t computed, rest;  // tokens in the host's memory; to compute
  };
  Head head_of(const JumpState& jump) const {
    if (jump.sent_back.empty() ||
        (by_priority_ && !jump.arrived.empty() &&
         urgency(jump.arrived.front()) < urgency(jump.sent_back.back()))) {
      return {false, 0, jump.arrived[jump.head].prompt};
    }
    const JumpRequest& request = jump.sent_back.back();
    return {true, request.computed, tokens_to_prefill(request) - request.computed};
  }
  bool head_fits(const ReplicaState& replica, std::int64_t free_blocks) const;
  std::int64_t boundary_that_reads(const ReplicaState& replica, std::int64_t n) const;
  std::uint16_t victim_of(const JumpState& jump) const;
  std::uint16_t admit(ReplicaState& replica, bool sent_back, sim::FineTime now);
  std::int64_t send_back(ReplicaState& replica, std::uint16_t slot, sim::FineTime now);
  void join_decoding(JumpState& jump, std::uint16_t slot);
  void leave_decoding(JumpState& jump, const JumpRequest& request) const;
  void leave(JumpState& jump, std::uint16_t slot) const;
  void complete_due(ReplicaState& replica, sim::FineTime now);
  void complete_slot(ReplicaState& replica, std::uint16_t slot, std::int32_t computed,
                     sim::FineTime now);

  // Block sizes are powers of two nearly always, and divisions dear.
  struct Division {
    std::int64_t quotient, remainder;
  };
  Division by_block_size(std::int64_t n) const {
    if (block_shift_ >= 0) return {n >> block_shift_, n & (engine_.block_size - 1)};
    return {n / engine_.block_size, n % engine_.block_size};
  }
  std::int64_t blocks(std::int64_t tokens) const {
    return by_block_size(tokens + engine_.block_size - 1).quotient;
  }
  std::size_t phase_of(std::int64_t iteration) const {
    return static_cast<std::size_t>(by_block_size(iteration).remainder);
  }
  /// Blocks that the decoding requests take in the next n iterations.
  std::int64_t demand(const JumpState& jump, std::int64_t n) const;
  std::int64_t affordable(const JumpState& jump, std::int64_t free_blocks, std::int64_t most) const;

  const EngineParameters& engine_;
  const StepTableView& table_;
  int block_shift_ = -1;  // of a power of two
  bool by_priority_, prompts_first_, reads_all_;
  std::int64_t idle_mw_;
  PodEpoch& epoch_;
  EngineContext context_;
  std::vector<std::uint16_t> due_;
};

/// The replica in the plain engine's words: what both agree on, field by field.
ReplicaState in_plain_words(const ReplicaState& replica, const EngineParameters& engine);

}  // namespace mw::models
