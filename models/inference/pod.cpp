#include "models/inference/pod.hpp"

#include <algorithm>

#include "models/inference/accounting.hpp"
#include "models/inference/jump_pod.hpp"
#include "models/inference/switching.hpp"
#include "sim/event_queue.hpp"
#include "sim/invariant.hpp"

namespace mw::models {

namespace {

/// The event loop of one call of advance() with the plain engine.
class Loop {
 public:
  Loop(PodState& pod, const PodParameters& parameters, PodEpoch& epoch)
      : pod_(pod),
        parameters_(parameters),
        epoch_(epoch),
        latencies_(epoch.latencies),
        first_record_(epoch.records.size()),
        law_(law_of(parameters)),
        start_planned_(pod.replicas.size(), false) {
    // At a cut every replica that has work is inside an iteration, so ends are all that is pending,
    // but for starts of those that got work of a replica that was switched off.
    for (std::size_t r = 0; r < pod.replicas.size(); ++r) {
      if (pod.replicas[r].busy) {
        plan_end(static_cast<std::int32_t>(r));
      } else if (!pod.replicas[r].waiting.empty()) {
        plan_start(static_cast<std::int32_t>(r), pod.now);
      }
    }
  }

  void run(std::span<const Arrival> arrivals, sim::Time until) {
    std::size_t next = 0;
    while (true) {
      const sim::Time from_outside = next < arrivals.size() ? arrivals[next].t : sim::never;
      const sim::Time asked = next_ask(pod_.users);
      const sim::Time arrival = std::min(from_outside, asked);
      const bool arrival_left = arrival < until;
      const bool event_left = !queue_.empty() && queue_.top().t < until;
      if (arrival_left &&
          (!event_left ||
           sim::EventKey::make(arrival, sim::Phase::arrival, 0, 0).before(queue_.top()))) {
        arrive(asked < from_outside ? ask(pod_.users, parameters_.users) : arrivals[next++]);
      } else if (event_left) {
        const sim::Event event = queue_.pop();
        const auto r = static_cast<std::int32_t>(event.payload.entity);
        if (event.payload.handler == end_of_iteration) {
          end(r);
        } else {
          start_planned_[static_cast<std::size_t>(r)] = false;
          start(r, {event.key.t, 0});
        }
      } else {
        break;
      }
    }
    finish_call(until);
  }

 private:
  enum Handler : std::uint32_t { end_of_iteration, start_of_iteration };

  EngineContext context(std::int32_t r) {
    return make_context(pod_, parameters_, law_, r, epoch_, latencies_);
  }
  ReplicaState& replica(std::int32_t r) { return pod_.replicas[static_cast<std::size_t>(r)]; }

  void plan(sim::Time t, sim::Phase phase, Handler handler, std::int32_t r) {
    queue_.schedule({sim::EventKey::make(t, phase, 0, sequence_++),
                     {handler, static_cast<std::uint32_t>(r), 0}});
  }
  /// An end within the nanosecond after t comes after the arrivals at t, an end at t before them.
  void plan_end(std::int32_t r) {
    const sim::FineTime ends = replica(r).ends;
    plan(ends.ns, ends.ps == 0 ? sim::Phase::completion : sim::Phase::control, end_of_iteration, r);
  }
  void plan_start(std::int32_t r, sim::Time t) {
    if (start_planned_[static_cast<std::size_t>(r)]) return;
    start_planned_[static_cast<std::size_t>(r)] = true;
    plan(t, sim::Phase::control, start_of_iteration, r);
  }

  void arrive(const Arrival& a) {
    const Dispatch sent = receive(pod_, parameters_, law_, a, epoch_.counts);
    if (sent.replica < 0) return;
    Request request;
    request.id = a.id;
    request.arrival = a.t;
    request.prompt = a.prompt_tokens;
    request.output = a.output_tokens;
    request.charge = sent.charge;
    request.priority = priority_of(parameters_.tiers, parameters_.tier_draws, a.id);
    if (parameters_.engine.scheduling == Scheduling::fcfs) {
      replica(sent.replica).waiting.push_back(request);
    } else {
      replica(sent.replica).waiting.insert_by_urgency(request);
    }
    note_arrival(replica(sent.replica), parameters_.engine, a.prompt_tokens);
    if (!replica(sent.replica).busy) plan_start(sent.replica, a.t);
  }

  void start(std::int32_t r, sim::FineTime now) {
    hand_up_until(r, now);
    if (start_iteration(replica(r), context(r), now)) plan_end(r);
  }

  void end(std::int32_t r) {
    const sim::FineTime now = replica(r).ends;
    hand_up_until(r, now);
    finish_iteration(replica(r), context(r));
    if (now.ps == 0) {
      plan_start(r, now.ns);  // arrivals at this very moment come first
    } else {
      start(r, now);
    }
  }

  void hand_up_until(std::int32_t r, sim::FineTime until) {
    BinCursor bin = bin_at(epoch_, r, replica(r).accounted.ns);
    hand_up(replica(r), law_.idle_mw, until, epoch_.sub_step, epoch_.counts, bin);
  }

  void finish_call(sim::Time until) {
    PodCounts& counts = epoch_.counts;
    counts.running = counts.waiting = counts.kv_blocks_used = 0;
    counts.kv_blocks_total = law_.kv_blocks * static_cast<std::int64_t>(pod_.replicas.size());
    for (std::size_t r = 0; r < pod_.replicas.size(); ++r) {
      ReplicaState& one = pod_.replicas[r];
      hand_up_until(static_cast<std::int32_t>(r), {until, 0});
      counts.running += static_cast<std::int64_t>(one.running.size());
      counts.waiting += static_cast<std::int64_t>(one.waiting.size());
      counts.kv_blocks_used += law_.kv_blocks - one.free_blocks;
    }
    counts.waiting += static_cast<std::int64_t>(pod_.held.size());
    latencies_.flush();
    order_records(epoch_.records, first_record_);
    pod_.now = until;
  }

  PodState& pod_;
  const PodParameters& parameters_;
  PodEpoch& epoch_;
  LatencyFeed latencies_;
  std::size_t first_record_;
  PodLaw law_;
  sim::IndexedHeap queue_;
  std::uint64_t sequence_ = 0;
  std::vector<bool> start_planned_;
};

}  // namespace

void begin_epoch(PodEpoch& epoch, int replicas, sim::Time start, sim::Time end,
                 sim::Time sub_step) {
  epoch.start = start;
  epoch.end = end;
  epoch.sub_step = sub_step;
  epoch.bins = static_cast<int>((end - start + sub_step - 1) / sub_step);
  epoch.energy_nj.assign(static_cast<std::size_t>(replicas) * static_cast<std::size_t>(epoch.bins),
                         0);
  epoch.counts = {};
  epoch.records.clear();
}

PodState initial_pod(const PodParameters& parameters) {
  const EngineParameters& engine = parameters.engine;
  MW_INVARIANT(engine.max_num_seqs <= parameters.table->max_sequences &&
                   engine.max_num_batched_tokens <= parameters.table->max_tokens,
               "the engine's limits exceed its step table");
  PodState pod;
  pod.replicas.resize(static_cast<std::size_t>(parameters.replicas));
  for (ReplicaState& replica : pod.replicas) {
    replica.free_blocks = kv_blocks(engine, *parameters.table);
    if (engine.preemption == Preemption::swap) replica.free_host_blocks = engine.swap_blocks;
    if (engine.stepping == Stepping::jump) {
      replica.jump.block_takers.assign(static_cast<std::size_t>(engine.block_size), 0);
    }
  }
  pod.router.outstanding.assign(pod.replicas.size(), 0);
  pod.users = initial_users(parameters.users);
  return pod;
}

void advance(PodState& pod, const PodParameters& parameters, std::span<const Arrival> arrivals,
             sim::Time until, PodEpoch& epoch) {
  MW_INVARIANT(epoch.start <= pod.now && pod.now <= until && until <= epoch.end,
               "a pod is advanced outside its epoch");
  MW_INVARIANT(!pod.held_by, "a pod is advanced whose state is elsewhere");
  MW_INVARIANT(arrivals.empty() ||
                   (arrivals.front().t >= pod.now && arrivals.back().t < until &&
                    std::is_sorted(arrivals.begin(), arrivals.end(),
                                   [](const Arrival& a, const Arrival& b) { return a.t < b.t; })),
               "arrivals must be sorted and lie within the time advanced");
  if (switching_due(pod)) switch_replicas(pod, parameters, epoch.counts);
  if (parameters.engine.stepping == Stepping::jump) {
    advance_jumping(pod, parameters, arrivals, until, epoch);
  } else {
    Loop(pod, parameters, epoch).run(arrivals, until);
  }
}

std::int64_t expected_work(const PodParameters& parameters, const PodCounts& last_epoch,
                           std::size_t arrivals) {
  // In units of a visit to a cold record. Plain touches every running request in each iteration.
  const std::int64_t requests =
      static_cast<std::int64_t>(arrivals) + last_epoch.completed + 2 * last_epoch.preemptions;
  const bool plain = parameters.engine.stepping == Stepping::plain;
  return parameters.replicas + 2 * requests + (plain ? last_epoch.output_tokens / 4 : 0);
}

sim::TraceHash trace_hash(const PodState& pod) {
  std::vector<sim::TraceHash> parts{pod.refusals};
  for (const ReplicaState& replica : pod.replicas) parts.push_back(replica.hash);
  return sim::combine(parts);
}

}  // namespace mw::models
