#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "models/inference/accounting.hpp"
#include "models/inference/pod.hpp"
#include "models/inference/prefix_cache.hpp"
#include "models/inference/replica.hpp"
#include "sim/host_device.hpp"
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
//  10. With a cache of prefixes (prefix_cache.hpp) the head's hit can only shrink within a run, as
//      others take free blocks. It then has more to compute and takes as many blocks, unless the
//      token budget cuts its prompt: a shorter hit then ends in fewer blocks, which might be free.
//      While that can be, iterations are stepped singly.
namespace mw::models {

/// A run of iterations that only decode, planned from a boundary on; nothing of it has happened in
/// the books until it is committed, whole or in part.
struct JumpRun {
  std::int64_t iterations = 0;  // 0: no run, the replica is idle or inside a single iteration
  std::int64_t time_ps = 0, time_step = 0;  // of the first; how much more each further one
  std::int64_t energy_nj = 0, energy_step = 0;
  LevelChoice choice;
  sim::FineTime starts{}, ends{};

  MW_HD std::int64_t time_of(std::int64_t k) const { return time_ps + time_step * k; }
  MW_HD std::int64_t energy_of(std::int64_t k) const { return energy_nj + energy_step * k; }
  MW_HD static std::int64_t pairs(std::int64_t n) {
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(n * (n - 1)) >> 1);
  }
  /// Sums over the first n.
  MW_HD std::int64_t time_until(std::int64_t n) const { return time_ps * n + time_step * pairs(n); }
  MW_HD std::int64_t energy_until(std::int64_t n) const {
    return energy_nj * n + energy_step * pairs(n);
  }
  /// The most iterations whose time together is at most `ps`, at most `iterations`; and that time.
  struct Whole {
    std::int64_t iterations, time_ps;
  };
  MW_HD Whole whole_within(std::int64_t ps) const;
  /// To be called once time_ps and time_step are set.
  MW_HD void prepare() {
    per_time = 1.0 / static_cast<double>(time_ps);
    growth = static_cast<double>(time_step) * per_time;
  }
  double per_time = 0, growth = 0;
};

MW_HD inline JumpRun::Whole JumpRun::whole_within(std::int64_t ps) const {
  if (ps < time_ps) return {0, 0};
  // With x = ps / time and e = step / time (growth) the sum is n (1 + e (n - 1) / 2) = x. Three
  // terms of the series where e x is small, the root of the quadratic where it is not; then the
  // exact integer.
  const double x = static_cast<double>(ps) * per_time;
  const double ex = growth * x, b = 1 - 0.5 * growth;
  const double root = ex < 0.125 ? x * (1 - ex * (0.5 - 0.5 * ex)) + 0.5 * ex
                                 : 2 * x / (b + std::sqrt(b * b + 2 * ex));
  std::int64_t n = std::min(static_cast<std::int64_t>(root), iterations);
  std::int64_t time = time_until(n);
  while (time > ps) time -= time_of(--n);
  while (n < iterations && time + time_of(n) <= ps) time += time_of(n++);
  return {n, time};
}

/// What the engine knows of a replica within one call of advance().
struct JumpLane {
  JumpRun run;
  BinCursor bin;
};

/// Where the host keeps what the engine works on. A device has flat memory in its place
/// (flat_pod.hpp), with the same words.
struct HostMemory {
  using Replica = ReplicaState;
  using Jump = JumpState;
  using Router = RouterState;
  using Latencies = LatencyFeed;
  using Listening = Listeners;
  using Due = std::vector<std::uint16_t>;
  static constexpr bool has_priorities = true;
  static constexpr bool has_prefixes = true;
};

/// Steps the replicas of one pod through one call of advance(); which one is said at each call.
template <class Memory>
class JumpEngineOn {
 public:
  using Replica = typename Memory::Replica;
  using Jump = typename Memory::Jump;
  using Due = typename Memory::Due;
  using Context =
      ContextOf<typename Memory::Latencies, typename Memory::Router, typename Memory::Listening>;

  /// `due` is memory for the requests that complete in one iteration.
  MW_HD JumpEngineOn(const Context& context, sim::Time sub_step, Due& due)
      : engine_(context.law.engine),
        table_(context.law.table),
        prompts_first_(engine_.batching == Batching::prefill_first),
        reads_all_(engine_.admission_interval == 1),
        sub_step_(sub_step),
        context_(context),
        due_(due) {}

  /// Asks memory for the records of about so many requests as complete next.
  void prefetch(const Replica& replica, std::size_t completions) const;

  /// At a boundary or when idle, after all arrivals up to and including `now`: what runs next.
  /// False if nothing does.
  MW_HD bool start(Replica& replica, JumpLane& lane, std::int32_t r, sim::FineTime now);

  /// The end of what runs.
  MW_HD static sim::FineTime ends(const Replica& replica, const JumpLane& lane) {
    return lane.run.iterations > 0 ? lane.run.ends : replica.ends;
  }
  /// At that end: tokens appear, completed requests leave.
  MW_HD void finish(Replica& replica, JumpLane& lane, std::int32_t r);

  /// A request joins the queue at `a.t`. True if what runs now ends earlier.
  MW_HD bool arrive(Replica& replica, JumpLane& lane, const Arrival& a, std::int32_t charge,
                    std::int32_t priority);

  /// Leaves the replica as the plain engine would be at `until`: all that ended before is done,
  /// the iteration that runs has started, its energy is handed up to here.
  MW_HD void cut(Replica& replica, JumpLane& lane, sim::FineTime until);

 private:
  MW_HD void start_single(Replica& replica, sim::FineTime now);
  /// `one`: of a single iteration.
  MW_HD void plan_run(Replica& replica, JumpRun& run, sim::FineTime now, bool one);
  MW_HD void limit_to_choice(const Replica& replica, const StepLoad& load, JumpRun& run) const;
  MW_HD void commit(Replica& replica, JumpLane& lane, std::int64_t iterations);
  MW_HD void note_gaps(const JumpRun& run, std::int64_t first, std::int64_t iterations,
                       std::int64_t decodes);
  MW_HD void note_stalled(Jump& jump, sim::FineTime now);

  /// The head of the queue.
  struct Head {
    bool sent_back;
    std::int32_t computed, rest;  // tokens in the host's memory; to compute
    std::uint64_t id;
    std::int32_t prompt;
  };
  MW_HD Head head_of(const Jump& jump) const {
    bool first_time = jump.sent_back.empty();
    if constexpr (Memory::has_priorities) {
      first_time = first_time || (by_priority() && !jump.arrived.empty() &&
                                  urgency(jump.arrived.front()) < urgency(jump.sent_back.back()));
    }
    if (first_time) {
      const JumpArrival& arrival = jump.first_arrived();
      return {false, 0, arrival.prompt, arrival.id, arrival.prompt};
    }
    const JumpRequest& request = jump.sent_back.back();
    return {true, request.computed, tokens_to_prefill(request) - request.computed, request.id,
            request.prompt};
  }
  /// The head's part in an iteration with so many tokens and blocks to spare.
  struct Admission {
    bool fits = false;  // else the rest says nothing
    Head head{};
    std::int32_t chunk = 0;   // tokens
    std::int64_t blocks = 0;  // that it takes
    PrefixHit hit{};
    bool may_fit_soon = false;  // although nobody leaves: see 10 above
  };
  MW_HD MW_ALWAYS_INLINE Admission next_admission(Replica& replica, std::int32_t budget,
                                                  std::int64_t free_blocks) const;
  MW_HD std::int64_t boundary_that_reads(const Replica& replica, std::int64_t n) const;
  MW_HD std::uint16_t victim_of(const Jump& jump) const;
  MW_HD JumpArrival take_arrival(Jump& jump) const;
  MW_HD std::uint16_t admit(Replica& replica, bool sent_back, sim::FineTime now);
  MW_HD std::int64_t send_back(Replica& replica, std::uint16_t slot, sim::FineTime now);
  MW_HD void join_decoding(Jump& jump, std::uint16_t slot);
  MW_HD void leave_decoding(Jump& jump, const JumpRequest& request) const;
  MW_HD void leave(Jump& jump, std::uint16_t slot) const;
  MW_HD void complete_due(Replica& replica, sim::FineTime now);
  MW_HD void complete_slot(Replica& replica, std::uint16_t slot, std::int32_t computed,
                           sim::FineTime now);

  // Block sizes are powers of two nearly always, and divisions dear.
  struct Division {
    std::int64_t quotient, remainder;
  };
  MW_HD Division by_block_size(std::int64_t n) const {
    if (context_.law.block_shift >= 0)
      return {n >> context_.law.block_shift, n & (engine_.block_size - 1)};
    return {n / engine_.block_size, n % engine_.block_size};
  }
  MW_HD std::int64_t blocks(std::int64_t tokens) const {
    return by_block_size(tokens + engine_.block_size - 1).quotient;
  }
  MW_HD std::size_t phase_of(std::int64_t iteration) const {
    return static_cast<std::size_t>(by_block_size(iteration).remainder);
  }
  /// Blocks that the decoding requests take in the next n iterations.
  MW_HD std::int64_t demand(const Jump& jump, std::int64_t n) const;
  MW_HD std::int64_t affordable(const Jump& jump, std::int64_t free_blocks,
                                std::int64_t most) const;

  /// Blocks that become free when a request with so many computed tokens leaves: see
  /// freed_blocks().
  MW_HD std::int64_t freed_by(Replica& replica, const JumpRequest& request, std::int32_t computed,
                              std::int64_t room) const {
    if constexpr (Memory::has_prefixes)
      return freed_blocks(replica, context_.law, request.id, request.prompt, computed,
                          blocks(computed), room);
    return blocks(computed);
  }

  MW_HD bool by_priority() const {
    return Memory::has_priorities && engine_.scheduling == Scheduling::priority;
  }

  const EngineParameters& engine_;
  const StepTableView& table_;
  bool prompts_first_, reads_all_;
  sim::Time sub_step_;
  Context context_;
  Due& due_;
};

/// By priority those that never ran are a heap whose front is the most urgent.
inline bool less_urgent(const JumpArrival& a, const JumpArrival& b) {
  return urgency(b) < urgency(a);
}
/// Its newest entry goes to its place.
inline void push_arrived_heap(JumpState& jump) {
  std::push_heap(jump.arrived.begin(), jump.arrived.end(), less_urgent);
}

extern template class JumpEngineOn<HostMemory>;
using JumpEngine = JumpEngineOn<HostMemory>;

/// The replica in the plain engine's words: what both agree on, field by field.
ReplicaState in_plain_words(const ReplicaState& replica, const EngineParameters& engine);

}  // namespace mw::models
