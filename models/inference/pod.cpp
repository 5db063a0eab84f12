#include "models/inference/pod.hpp"

#include <algorithm>

#include "sim/event_queue.hpp"
#include "sim/fixed.hpp"
#include "sim/invariant.hpp"

namespace mw::models {

namespace {

constexpr std::uint32_t router_stream = 1;

/// Idle energy from some fixed moment until `t`, modulo 2^64: only differences are used, and those
/// are exact as long as one idle spell stays below 9e9 J. Milliwatt times picoseconds are 1e-6 nJ.
std::uint64_t idle_nj_until(std::int64_t idle_mw, sim::FineTime t) {
  const std::int64_t microseconds = sim::div_floor(t.ns, 1000);
  const std::int64_t rest_ps = (t.ns - microseconds * 1000) * 1000 + t.ps;
  return static_cast<std::uint64_t>(idle_mw) * static_cast<std::uint64_t>(microseconds) +
         static_cast<std::uint64_t>(sim::mul_div_floor(idle_mw, rest_ps, 1'000'000));
}

/// Energy handed up so far, by purpose. Cumulative and floored, so that however an iteration is cut
/// into bins and epochs, the parts add up to the whole to the last nanojoule.
struct Spent {
  std::int64_t prefill_nj = 0, decode_nj = 0, idle_nj = 0;
};
Spent spent_until(const ReplicaState& replica, std::int64_t idle_mw, sim::FineTime from,
                  sim::FineTime t) {
  if (!replica.busy) {
    return {0, 0,
            static_cast<std::int64_t>(idle_nj_until(idle_mw, t) - idle_nj_until(idle_mw, from))};
  }
  const std::int64_t whole = sim::ps_between(replica.started, replica.ends);
  const std::int64_t part = sim::ps_between(replica.started, t);
  return {sim::mul_div_floor(replica.prefill_nj, part, whole),
          sim::mul_div_floor(replica.decode_nj, part, whole), 0};
}

/// Hands the replica's energy up to `until`, bin by bin.
void hand_up(ReplicaState& replica, std::int32_t r, std::int64_t idle_mw, sim::FineTime until,
             PodEpoch& epoch) {
  const sim::FineTime from = replica.accounted;
  if (!(from < until)) return;
  Spent before = spent_until(replica, idle_mw, from, from);
  std::int64_t bin = (from.ns - epoch.start) / epoch.sub_step;
  for (sim::FineTime at = from; at < until; ++bin) {
    const sim::FineTime edge{epoch.start + (bin + 1) * epoch.sub_step, 0};
    at = edge < until ? edge : until;
    const Spent now = spent_until(replica, idle_mw, from, at);
    const std::int64_t prefill = now.prefill_nj - before.prefill_nj;
    const std::int64_t decode = now.decode_nj - before.decode_nj;
    const std::int64_t idle = now.idle_nj - before.idle_nj;
    epoch.counts.prefill_nj += prefill;
    epoch.counts.decode_nj += decode;
    epoch.counts.idle_nj += idle;
    epoch.energy_nj[static_cast<std::size_t>(std::int64_t{r} * epoch.bins + bin)] +=
        prefill + decode + idle;
    before = now;
  }
  if (replica.busy) epoch.counts.busy_ps += sim::ps_between(from, until);
  replica.accounted = until;
}

std::int64_t to_limit_ps(const std::optional<sim::Seconds>& target) {
  if (!target || target->value > 9e6) return no_power_limit;
  return static_cast<std::int64_t>(target->value * 1e12 + 0.5);
}

/// The event loop of one call of advance().
class Loop {
 public:
  Loop(PodState& pod, const PodParameters& parameters, PodEpoch& epoch)
      : pod_(pod),
        parameters_(parameters),
        epoch_(epoch),
        table_(parameters.table->view()),
        blocks_(kv_blocks(parameters.engine, *parameters.table)),
        start_planned_(pod.replicas.size(), false) {
    // At a cut every replica that has work is inside an iteration, so ends are all that is pending.
    for (std::size_t r = 0; r < pod.replicas.size(); ++r) {
      if (pod.replicas[r].busy) plan_end(static_cast<std::int32_t>(r));
    }
  }

  void run(std::span<const Arrival> arrivals, sim::Time until) {
    std::size_t next = 0;
    while (true) {
      const bool arrival_left = next < arrivals.size();
      const bool event_left = !queue_.empty() && queue_.top().t < until;
      if (arrival_left &&
          (!event_left ||
           sim::EventKey::make(arrivals[next].t, sim::Phase::arrival, 0, 0).before(queue_.top()))) {
        arrive(arrivals[next++]);
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
    return {parameters_.engine,
            table_,
            r,
            to_limit_ps(parameters_.slo.ttft),
            to_limit_ps(parameters_.slo.tpot),
            epoch_.counts,
            pod_.latencies,
            pod_.router,
            parameters_.keep_records ? &epoch_.records : nullptr};
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
    PodCounts& counts = epoch_.counts;
    ++counts.arrivals;
    counts.arrived_prompt_tokens += a.prompt_tokens;
    counts.arrived_output_tokens += a.output_tokens;
    if (!can_ever_fit(a.prompt_tokens, a.output_tokens, parameters_.engine.block_size, blocks_)) {
      ++counts.refused;
      counts.refused_prompt_tokens += a.prompt_tokens;
      counts.refused_output_tokens += a.output_tokens;
      counts.lost_kv_memory += a.output_tokens;
      pod_.refusals.fold(a.t, static_cast<std::uint32_t>(Transition::refused), a.id, 0);
      return;
    }
    const Dispatch sent =
        dispatch(pod_.router, parameters_.router,
                 {parameters_.seed, parameters_.partition, router_stream}, a.prompt_tokens);
    Request request;
    request.id = a.id;
    request.arrival = a.t;
    request.prompt = a.prompt_tokens;
    request.output = a.output_tokens;
    request.charge = sent.charge;
    replica(sent.replica).waiting.push_back(request);
    if (!replica(sent.replica).busy) plan_start(sent.replica, a.t);
  }

  void start(std::int32_t r, sim::FineTime now) {
    hand_up(replica(r), r, parameters_.table->idle_power_mw, now, epoch_);
    if (start_iteration(replica(r), context(r), now)) plan_end(r);
  }

  void end(std::int32_t r) {
    const sim::FineTime now = replica(r).ends;
    hand_up(replica(r), r, parameters_.table->idle_power_mw, now, epoch_);
    finish_iteration(replica(r), context(r));
    if (now.ps == 0) {
      plan_start(r, now.ns);  // arrivals at this very moment come first
    } else {
      start(r, now);
    }
  }

  void finish_call(sim::Time until) {
    PodCounts& counts = epoch_.counts;
    counts.running = counts.waiting = counts.kv_blocks_used = 0;
    counts.kv_blocks_total = blocks_ * static_cast<std::int64_t>(pod_.replicas.size());
    for (std::size_t r = 0; r < pod_.replicas.size(); ++r) {
      ReplicaState& one = pod_.replicas[r];
      hand_up(one, static_cast<std::int32_t>(r), parameters_.table->idle_power_mw, {until, 0},
              epoch_);
      counts.running += static_cast<std::int64_t>(one.running.size());
      counts.waiting += static_cast<std::int64_t>(one.waiting.size());
      counts.kv_blocks_used += blocks_ - one.free_blocks;
    }
    pod_.now = until;
  }

  PodState& pod_;
  const PodParameters& parameters_;
  PodEpoch& epoch_;
  StepTableView table_;
  std::int64_t blocks_;
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
  }
  pod.router.outstanding.assign(pod.replicas.size(), 0);
  return pod;
}

void advance(PodState& pod, const PodParameters& parameters, std::span<const Arrival> arrivals,
             sim::Time until, PodEpoch& epoch) {
  MW_INVARIANT(epoch.start <= pod.now && pod.now <= until && until <= epoch.end,
               "a pod is advanced outside its epoch");
  MW_INVARIANT(arrivals.empty() ||
                   (arrivals.front().t >= pod.now && arrivals.back().t < until &&
                    std::is_sorted(arrivals.begin(), arrivals.end(),
                                   [](const Arrival& a, const Arrival& b) { return a.t < b.t; })),
               "arrivals must be sorted and lie within the time advanced");
  Loop(pod, parameters, epoch).run(arrivals, until);
}

sim::TraceHash trace_hash(const PodState& pod) {
  std::vector<sim::TraceHash> parts{pod.refusals};
  for (const ReplicaState& replica : pod.replicas) parts.push_back(replica.hash);
  return sim::combine(parts);
}

}  // namespace mw::models
