#pragma once
#include <cstdint>
#include <limits>
#include <vector>

#include "models/inference/closed_loop.hpp"
#include "models/inference/counts.hpp"
#include "models/inference/engine.hpp"
#include "models/inference/jump_state.hpp"
#include "models/inference/outage.hpp"
#include "models/inference/pod_law.hpp"
#include "models/inference/prefix_tree.hpp"
#include "models/inference/request.hpp"
#include "models/inference/router.hpp"
#include "sim/time.hpp"
#include "sim/trace_hash.hpp"

// The plain engine: one iteration at a time, each running request touched by itself. It is slow and
// plain on purpose: faster engines are held against it and must agree bit for bit.
//
// An iteration is scheduled as vLLM V1 does (v1/core/sched/scheduler.py):
//   1. Running requests in order of admission, oldest first: a decode takes one token, the one
//      partial prefill (always the youngest) continues with what the token budget leaves. Whoever
//      needs a KV block when none is free sends the youngest running request back to the front of
//      the queue, its blocks freed and its tokens to be computed anew; a request that is itself
//      the youngest sends itself. By priority: the least urgent running request goes instead, also
//      where it has its token already, which is taken back.
//   2. If nobody was sent back: the head of the queue is admitted while budget is left, fewer than
//      max_num_seqs run, and the blocks of its first chunk are free. Nobody overtakes the head.
// All tokens of the iteration are there at its end, and so are the blocks of completed requests.
// By priority the queue is ordered by (priority, arrival, number), and so is who is least urgent.
//
// Prompts alone (SGLang): an iteration that can go on with the partial prefill or admit the head of
// the queue does only that, by step 2 after the partial prefill; the decodes stand still in it. One
// that cannot is of decodes alone and admits nobody.
//
// New requests are read by the scheduler at the start of an iteration: of each, or with
// admission_interval n of one after n iterations without prefill tokens since it read last, after
// one with prefill tokens, and when nothing runs (SGLang's --scheduler-recv-interval). Who is not
// read yet is not admitted.
//
// With batch_wait, step 2 is left out while somebody decodes, no prompt is in parts, the prompts
// that wait and the decodes together are fewer than batch_wait_tokens, and fewer than batch_wait
// iterations were spent so since the last admission (TensorRT-LLM's batch_wait_timeout_iters and
// batch_wait_max_tokens_ratio). Iterations in which the head could not be admitted do not count.
//
// With preemption by swap (as vLLM V0 had it) the blocks of a request that is sent back move to the
// host's memory if they fit; at the head of the queue it then needs room for them and for its next
// tokens, and goes on where it was. The time of all moves is added to the iteration, in which the
// GPUs draw idle power for so long.
namespace mw::models {

/// Kinds of transitions that the trace hash folds. Numbers are part of the hash: never reuse one.
enum class Transition : std::uint32_t {
  refused = 1,
  admitted = 2,
  first_token = 3,
  completed = 4,
  preempted = 5,
  level_changed = 6,
  swapped_out = 7,
  swapped_in = 8,
  switched_off = 9,
  switched_on = 10,
  thrown_back = 11,       // it ran on a replica that is switched off
  dispatched_again = 12,  // it was at one
  drains = 13,            // or no longer
};

inline constexpr std::int32_t no_batch_limit = std::numeric_limits<std::int32_t>::max();

/// What a replica is besides its requests: the same for every engine, on the host and on a device.
struct ReplicaBooks {
  // Set-points: read at every start of an iteration.
  std::int32_t requested_level = 0;              // clock level, 0 = highest clock
  std::int32_t ceiling_level = 0;                // the highest clock that heat allows
  std::int64_t power_limit_mw = no_power_limit;  // mean power of an iteration
  // Below the engine's own; `max_tokens` stays above its max_num_seqs, so that no decode is
  // skipped.
  std::int32_t max_seqs = no_batch_limit, max_tokens = no_batch_limit;

  std::int64_t free_blocks = 0;
  std::int64_t free_host_blocks = 0;  // for those that are swapped out
  // Where new requests are not read in each iteration: how many of those that wait were not yet,
  // and the iterations until they are.
  std::int64_t unread = 0;
  std::int32_t until_read = 0;
  // Tokens to compute of all that wait, and iterations that they were held back for more.
  std::int64_t waiting_tokens = 0;
  std::int32_t waited = 0;

  // The iteration that runs, if any: `started` to `ends`. Otherwise idle.
  bool busy = false;
  Outage outage = Outage::none;  // set-point, read when its pod goes on: to be switched off
  Outage off = Outage::none;     // in force
  bool draining = false;         // set-point, read alike: gets nothing new
  bool drains = false;           // in force
  std::int32_t level = 0;        // of the iteration that runs or ran last
  sim::FineTime started{}, ends{};
  std::int64_t prefill_nj = 0, decode_nj = 0;
  sim::FineTime accounted{};                                  // energy is handed up until here
  std::int64_t capped_iterations = 0, heated_iterations = 0;  // since the start
  sim::TraceHash hash;
};

struct ReplicaState : ReplicaBooks {
  PrefixTree prefixes;  // in its KV cache; those that nobody holds are in free blocks
  // Of the requests either engine keeps its own: `waiting` and `running`, or `jump`.
  RequestQueue waiting;
  std::vector<Request> running;  // in order of admission, oldest first
  JumpState jump;
};
template <sim::Describes<ReplicaState> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("requested_level", self.requested_level, About{.text = "Clock level asked for", .min = 0});
  visit("ceiling_level", self.ceiling_level,
        About{.text = "Clock level of the highest clock that heat allows", .min = 0});
  visit("power_limit_mw", self.power_limit_mw, About{.text = "Power limit, milliwatt", .min = 0});
  visit("max_seqs", self.max_seqs, About{.text = "Most requests at a time that are allowed"});
  visit("max_tokens", self.max_tokens, About{.text = "Most tokens of an iteration allowed"});
  visit("draining", self.draining, About{.text = "It is to get nothing new"});
  visit("drains", self.drains, About{.text = "It gets nothing new"});
  visit("outage", self.outage, About{.text = "Why it is to be switched off"});
  visit("off", self.off, About{.text = "Why it is switched off"});
  visit("waiting", self.waiting, About{.text = "Requests that wait"});
  visit("running", self.running, About{.text = "Requests that run, oldest first"});
  visit("jump", self.jump, About{.text = "Requests of the jump engine"});
  visit("prefixes", self.prefixes, About{.text = "Cache of prefixes"});
  visit("free_blocks", self.free_blocks, About{.text = "KV blocks free", .min = 0});
  visit("free_host_blocks", self.free_host_blocks,
        About{.text = "KV blocks free in the host's memory", .min = 0});
  visit("unread", self.unread,
        About{.text = "Of those that wait: not yet read by the scheduler", .min = 0});
  visit("until_read", self.until_read,
        About{.text = "Iterations of decodes until it reads them", .min = 0});
  visit("waiting_tokens", self.waiting_tokens,
        About{.text = "Tokens to compute of those that wait", .min = 0});
  visit("waited", self.waited,
        About{.text = "Iterations that prompts were held back for more", .min = 0});
  visit("busy", self.busy, About{.text = "An iteration runs"});
  visit("level", self.level, About{.text = "Clock level of the newest iteration", .min = 0});
  visit("started", self.started, About{.text = "Start of the iteration that runs"});
  visit("ends", self.ends, About{.text = "Its end"});
  visit("prefill_nj", self.prefill_nj, About{.text = "Its energy beyond the decode-only step, nJ"});
  visit("decode_nj", self.decode_nj, About{.text = "Its energy as a decode-only step, nJ"});
  visit("accounted", self.accounted, About{.text = "Energy is handed up until here"});
  visit("capped_iterations", self.capped_iterations,
        About{.text = "Iterations that a power limit slowed, since the start"});
  visit("heated_iterations", self.heated_iterations,
        About{.text = "Iterations that heat slowed, since the start"});
  visit("hash", self.hash, About{.text = "Fingerprint of its transitions"});
}

/// What a completed request leaves in the books; all times in picoseconds after its arrival.
struct Finished {
  std::uint64_t id;
  sim::Time arrival;
  std::int64_t admitted_ps, first_ps, finished_ps;
  std::int64_t marks;
  std::int32_t prompt, output, preemptions, charge, priority;
};

/// Who else wants to know of a completion: keepers of records, and users who wait for an answer.
struct Listeners {
  std::vector<RequestRecord>* records = nullptr;  // null: none are kept
  UsersState* users = nullptr;                    // null: nobody waits for an answer
  const PodUsers* asking = nullptr;
  void ended(std::int32_t replica, const Finished& request, sim::FineTime now) const;
};

/// What an engine reads, and where it writes besides its replica's state.
template <class Latencies, class Router, class Listening>
struct ContextOf {
  const PodLaw& law;
  std::int32_t replica = 0;  // its index in the pod
  PodCounts& counts;
  Latencies& latencies;
  Router& router;
  Listening listening;
};
using EngineContext = ContextOf<LatencyFeed, RouterState, Listeners>;

/// Schedules the next iteration at `now` and starts it. False, and nothing changes, when there is
/// nothing to run. All arrivals up to and including `now` are in the queue.
bool start_iteration(ReplicaState& replica, const EngineContext& context, sim::FineTime now);

/// The iteration's end, at replica.ends: tokens appear, completed requests leave.
void finish_iteration(ReplicaState& replica, const EngineContext& context);

}  // namespace mw::models
