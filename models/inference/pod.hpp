#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "models/compute/step_table.hpp"
#include "models/inference/closed_loop.hpp"
#include "models/inference/counts.hpp"
#include "models/inference/engine.hpp"
#include "models/inference/prefix_law.hpp"
#include "models/inference/replica.hpp"
#include "models/inference/request.hpp"
#include "models/inference/router.hpp"
#include "sim/describe.hpp"
#include "sim/time.hpp"
#include "sim/trace_hash.hpp"

// A pod: one router front and the replicas it feeds, one ordered event loop.
//
// Order within the pod is the order of moments; at one and the same moment: ends of iterations,
// then arrivals (so the router has counted what completed), then starts of iterations. Hence an
// iteration sees every arrival up to and including the moment it starts, and an idle replica starts
// at the arrival itself. Replicas meet only in the router, so ties between them have no meaning.
//
// Causes of lost tokens, the first that applies: a request that no replica could ever hold (the
// model's own limit included) lost its tokens to KV memory; a late one that an outage had thrown
// back (switching.hpp), to the outage's cause; a late one after a preemption, to KV memory; one
// that shared an iteration slowed by a power limit, to the cap, or by heat, to heat; any other late
// one, to the queue, which is the load.
namespace mw::models {

struct PodParameters {
  std::shared_ptr<const StepTable> table;  // all replicas are alike
  EngineParameters engine;
  RouterPolicy router = RouterPolicy::least_tokens;
  int replicas = 1;
  std::int64_t max_context = endless;  // prompt and output tokens that the model takes
  std::vector<PriorityTier> tiers;     // none: all requests are alike
  sim::Stream tier_draws{};
  PodUsers users;  // ask, are answered and ask again; none where requests come from outside
  std::shared_ptr<const PrefixLaw> prefixes;  // null: its replicas keep no cache of them
  Slo slo;
  std::uint64_t seed = 0;
  std::uint32_t partition = 0;
  bool keep_records = false;  // fill PodEpoch::records
  bool may_drain = false;     // a controller takes replicas out of service when they are drained
};

struct PodState {
  sim::Time now = 0;
  std::vector<ReplicaState> replicas;
  RouterState router;
  UsersState users;
  std::vector<Request> held;  // wait at the front: all replicas are off
  sim::TraceHash refusals;
  // Who has its requests while it advances elsewhere (flat_pods.hpp): what is here is then no state
  // to go on from, nor is a copy of it.
  const void* held_by = nullptr;
};
template <sim::Describes<PodState> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("now", self.now, About{.text = "Everything before this moment has happened, ns"});
  visit("replicas", self.replicas, About{.text = "Its replicas"});
  visit("router", self.router, About{.text = "Its router"});
  visit("users", self.users, About{.text = "Its users, in a closed loop"});
  visit("held", self.held, About{.text = "Requests that wait for a replica to be switched on"});
  visit("refusals", self.refusals, About{.text = "Fingerprint of refused requests"});
}

/// What one epoch handed up. Energy is binned by replica on the epoch's sub-grid, idle included.
/// Latencies are added to what is there already; pods that share it share a thread.
struct PodEpoch {
  sim::Time start = 0, end = 0, sub_step = sim::second;
  int bins = 0;
  std::vector<std::int64_t> energy_nj;  // [replica][bin]
  PodCounts counts;
  std::vector<RequestRecord> records;
  Latencies* latencies = nullptr;  // null: nobody asks
};

/// Clears the epoch for [start, end), but for where its latencies go. The last bin is shorter where
/// sub_step does not divide it.
void begin_epoch(PodEpoch& epoch, int replicas, sim::Time start, sim::Time end, sim::Time sub_step);

/// Idle replicas at time 0. The engine's limits must lie within the table's.
PodState initial_pod(const PodParameters& parameters);

/// Lets everything before `until` happen. `arrivals` come from outside, are sorted by time and lie
/// in [pod.now, until), which lies in the epoch; the pod's own users ask besides. Where an epoch is
/// cut changes nothing.
void advance(PodState& pod, const PodParameters& parameters, std::span<const Arrival> arrivals,
             sim::Time until, PodEpoch& epoch);

/// What advance() will cost, in no particular unit: from what reaches the pod and what its last
/// epoch did. For dealing pods to threads.
std::int64_t expected_work(const PodParameters& parameters, const PodCounts& last_epoch,
                           std::size_t arrivals);

/// One fingerprint of all that happened in the pod.
sim::TraceHash trace_hash(const PodState& pod);

}  // namespace mw::models
