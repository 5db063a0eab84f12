#include "models/inference/jump_pod.hpp"

#include <algorithm>
#include <vector>

#include "models/inference/accounting.hpp"
#include "models/inference/jump_replica.hpp"
#include "models/inference/moments.hpp"

namespace mw::models {

namespace {

/// One next moment per replica, and which of them is the first: a tree of winners. Each node holds
/// its winner's key, so that a change on its way up reads only neighbours, which are known from the
/// start, and selects instead of branching on what nobody can predict.
class NextMoments {
 public:
  void reset(std::size_t replicas) {
    leaves_ = 1;
    while (leaves_ < replicas) leaves_ *= 2;
    nodes_.resize(2 * leaves_);
    for (std::size_t i = 0; i < leaves_; ++i) nodes_[leaves_ + i] = {sim::never, i};
    for (std::size_t i = leaves_ - 1; i > 0; --i) nodes_[i] = nodes_[2 * i];
  }
  void set(std::size_t replica, sim::Time key) {
    std::size_t i = leaves_ + replica;
    Node winner{key, replica};
    nodes_[i] = winner;
    for (; i > 1; i /= 2) {
      // The lower replica where two are equal: a left neighbour wins a tie.
      const Node other = nodes_[i ^ 1];
      const bool lost = other.key - static_cast<sim::Time>(i & 1) < winner.key;
      winner.key = lost ? other.key : winner.key;
      winner.replica = lost ? other.replica : winner.replica;
      nodes_[i / 2] = winner;
    }
  }
  std::size_t first() const { return nodes_[1].replica; }
  sim::Time first_key() const { return nodes_[1].key; }

 private:
  struct Node {
    sim::Time key = sim::never;
    std::size_t replica = 0;
  };
  std::size_t leaves_ = 1;
  std::vector<Node> nodes_;  // [1] over all; children of i: 2 i and 2 i + 1; leaves last
};

/// Memory of one call, kept by the thread for its next.
struct Scratch {
  NextMoments moments;
  std::vector<JumpLane> lanes;
  std::vector<std::uint16_t> due;
};

}  // namespace

void advance_jumping(PodState& pod, const PodParameters& parameters,
                     std::span<const Arrival> arrivals, sim::Time until, PodEpoch& epoch) {
  const std::size_t n = pod.replicas.size();
  const std::size_t first_record = epoch.records.size();
  const PodLaw law = law_of(parameters);
  LatencyFeed latencies(epoch.latencies);
  thread_local Scratch scratch;
  NextMoments& moments = scratch.moments;
  std::vector<JumpLane>& lanes = scratch.lanes;
  JumpEngine engine(make_context(pod, parameters, law, 0, epoch, latencies), epoch.sub_step,
                    scratch.due);
  moments.reset(n);
  lanes.assign(n, {});
  for (std::size_t r = 0; r < n; ++r) {
    const ReplicaState& replica = pod.replicas[r];
    engine.prefetch(replica, 2 * arrivals.size() / n);
    lanes[r].bin = bin_at(epoch, static_cast<std::int32_t>(r), replica.accounted.ns);
    if (const sim::Time first = first_moment(replica, pod.now); first != sim::never)
      moments.set(r, first);
  }

  const auto arrive = [&](const Arrival& a) {
    const Dispatch sent = receive(pod, parameters, law, a, epoch.counts);
    if (sent.replica < 0) return;
    const auto r = static_cast<std::size_t>(sent.replica);
    const sim::Time sooner =
        next_after_arrival(engine, pod.replicas[r], lanes[r], a, sent.charge,
                           priority_of(parameters.tiers, parameters.tier_draws, a.id));
    if (sooner != sim::never) moments.set(r, sooner);
  };

  const Arrival* next = arrivals.data();
  const Arrival* const end = next + arrivals.size();
  const sim::Time stop = key_at(until, end_phase);
  const bool asking = parameters.users.users > 0;
  while (true) {
    const sim::Time moment = moments.first_key();
    if (next != end && key_at(next->t, arrival_phase) < moment &&
        (!asking || next->t <= next_ask(pod.users))) {
      arrive(*next++);
      continue;
    }
    if (asking) {
      const sim::Time asked = next_ask(pod.users);
      if (asked < until && key_at(asked, arrival_phase) < moment) {
        arrive(ask(pod.users, parameters.users));
        continue;
      }
    }
    if (moment >= stop) break;
    const std::size_t r = moments.first();
    moments.set(r, happen(engine, pod.replicas[r], lanes[r], static_cast<std::int32_t>(r), moment));
  }

  PodCounts& counts = epoch.counts;
  counts.running = counts.waiting = counts.kv_blocks_used = 0;
  counts.kv_blocks_total = law.kv_blocks * static_cast<std::int64_t>(n);
  for (std::size_t r = 0; r < n; ++r) {
    ReplicaState& replica = pod.replicas[r];
    engine.cut(replica, lanes[r], {until, 0});
    counts.running += static_cast<std::int64_t>(replica.jump.running());
    counts.waiting += static_cast<std::int64_t>(replica.jump.waiting());
    counts.kv_blocks_used += law.kv_blocks - replica.free_blocks;
  }
  counts.waiting += static_cast<std::int64_t>(pod.held.size());
  latencies.flush();
  order_records(epoch.records, first_record);
  pod.now = until;
}

}  // namespace mw::models
