#include "models/inference/switching.hpp"

#include <algorithm>
#include <utility>

#include "models/inference/accounting.hpp"
#include "models/inference/jump_replica.hpp"
#include "sim/index.hpp"

namespace mw::models {
namespace {

using sim::idx;

bool ran(const Request& request) {
  return request.preemptions > 0;
}

bool gets_nothing(const ReplicaState& replica) {
  return replica.off != Outage::none || replica.drains;
}

/// Everything that a replica holds is nobody's; as it was at the start.
void clear_requests(ReplicaState& replica, const PodParameters& p) {
  const EngineParameters& engine = p.engine;
  replica.waiting = {};
  replica.running = {};
  replica.jump = {};
  replica.prefixes = {};
  if (engine.stepping == Stepping::jump) {
    replica.jump.block_takers.assign(idx(engine.block_size), 0);
  }
  replica.free_blocks = kv_blocks(engine, *p.table);
  replica.free_host_blocks = engine.preemption == Preemption::swap ? engine.swap_blocks : 0;
  replica.unread = replica.waiting_tokens = 0;
  replica.until_read = replica.waited = 0;
  replica.busy = false;
}

/// Switches the replica off; its requests, in the order in which they are dispatched again.
std::vector<Request> switch_off(ReplicaState& replica, const PodParameters& p, sim::FineTime now,
                                PodCounts& counts) {
  fold(replica, now, Transition::switched_off, static_cast<std::uint64_t>(replica.outage), 0);
  ++counts.switched_off;
  const ReplicaState plain = in_plain_words(replica, p.engine);
  clear_requests(replica, p);
  std::vector<Request> out = plain.running;
  for (Request& request : out) {
    ++request.preemptions;
    ++counts.thrown_back;
    fold(replica, now, Transition::thrown_back, request.id,
         static_cast<std::uint64_t>(request.emitted));
  }
  for (std::size_t i = plain.waiting.head; i < plain.waiting.items.size(); ++i)
    out.push_back(plain.waiting.items[i]);
  for (Request& request : out) {
    request.computed = request.chunk = request.blocks = request.host_blocks = 0;
    request.prefilling = true;
    request.marks = mark_of(replica.outage);
  }
  return out;
}

JumpRequest in_jump_words(const Request& r) {
  const sim::FineTime arrival{r.arrival, 0};
  JumpRequest j;
  j.id = r.id;
  j.arrival = r.arrival;
  j.prompt = r.prompt;
  j.output = r.output;
  j.charge = r.charge;
  j.preemptions = r.preemptions;
  j.marks = r.marks;
  j.admitted_ps = sim::ps_between(arrival, r.admitted);
  j.emitted = r.emitted;
  j.computed_once = r.computed_once;
  j.priority = static_cast<std::int8_t>(r.priority);
  j.last_key = -1;
  if (r.emitted > 0) {
    j.first_ps = sim::ps_between(arrival, r.first);
    j.last_ps = sim::ps_between(arrival, r.last_token);
  }
  return j;
}

void join_plain(ReplicaState& replica, const EngineParameters& engine, const Request& request) {
  if (engine.scheduling == Scheduling::priority) {
    replica.waiting.insert_by_urgency(request);
  } else if (ran(request)) {
    replica.waiting.insert_returned(request);
  } else {
    replica.waiting.push_back(request);
  }
}

void join_jump(ReplicaState& replica, const EngineParameters& engine, const Request& request) {
  JumpState& jump = replica.jump;
  const bool by_priority = engine.scheduling == Scheduling::priority;
  if (ran(request)) {
    const JumpRequest record = in_jump_words(request);
    auto& all = jump.sent_back;  // the next one last
    const auto later = [](const JumpRequest& a, const JumpRequest& b) {
      return urgency(b) < urgency(a);
    };
    all.insert(by_priority ? std::upper_bound(all.begin(), all.end(), record, later) : all.begin(),
               record);
    return;
  }
  jump.add_arrived({request.id, request.arrival, request.prompt, request.output, request.charge,
                    static_cast<std::int16_t>(request.priority), outage_of(request.marks)});
  if (by_priority) push_arrived_heap(jump);
}

/// To a replica that is on, or back to the front.
void dispatch_again(PodState& pod, const PodParameters& p, const PodLaw& law, Request request,
                    sim::FineTime now) {
  if (nobody_on(pod.router)) {
    pod.held.push_back(request);
    return;
  }
  const std::int32_t prompt = request.prompt + request.emitted;
  const Dispatch sent = send(pod.router, law, request.id, request.prompt, prompt);
  ReplicaState& replica = pod.replicas[idx(sent.replica)];
  request.charge = sent.charge;
  fold(replica, now, Transition::dispatched_again, request.id, 0);
  (p.engine.stepping == Stepping::jump ? join_jump : join_plain)(replica, p.engine, request);
  if (ran(request)) {
    replica.waiting_tokens += prompt;
  } else {
    note_arrival(replica, p.engine, prompt);
  }
}

}  // namespace

bool is_drained(const PodState& pod, std::size_t replica) {
  return pod.replicas[replica].drains && pod.router.outstanding[replica] == off_charge;
}

bool switching_due(const PodState& pod) {
  return std::any_of(pod.replicas.begin(), pod.replicas.end(), [](const ReplicaState& replica) {
    return replica.outage != replica.off || replica.draining != replica.drains;
  });
}

void switch_replicas(PodState& pod, const PodParameters& p, PodCounts& counts) {
  const PodLaw law = law_of(p);
  const sim::FineTime now{pod.now, 0};
  std::vector<Request> again = std::exchange(pod.held, {});
  for (std::size_t r = 0; r < pod.replicas.size(); ++r) {
    ReplicaState& replica = pod.replicas[r];
    if (replica.outage == replica.off && replica.draining == replica.drains) continue;
    const bool was_out = gets_nothing(replica);
    std::int64_t& outstanding = pod.router.outstanding[r];
    if (was_out) outstanding -= off_charge;
    if (replica.outage != replica.off) {
      if (replica.off == Outage::none) {
        const std::vector<Request> its = switch_off(replica, p, now, counts);
        again.insert(again.end(), its.begin(), its.end());
        outstanding = 0;
        if (r < pod.router.sent.size()) pod.router.sent[r] = {};
      } else if (replica.outage == Outage::none) {
        fold(replica, now, Transition::switched_on, 0, 0);
      }
      replica.off = replica.outage;
    }
    if (replica.draining != replica.drains)
      fold(replica, now, Transition::drains, replica.draining ? 1 : 0, 0);
    replica.drains = replica.draining;
    const bool is_out = gets_nothing(replica);
    if (is_out) outstanding += off_charge;
    pod.router.off += (is_out ? 1 : 0) - (was_out ? 1 : 0);
  }
  for (const Request& request : again) dispatch_again(pod, p, law, request, now);
}

}  // namespace mw::models
