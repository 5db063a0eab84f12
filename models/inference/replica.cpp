#include "models/inference/replica.hpp"

#include <algorithm>

#include "models/inference/accounting.hpp"

namespace mw::models {

namespace {

/// Adds the request's share of the iteration to the load.
void take(Request& request, StepLoad& load, PodCounts& counts) {
  const std::int32_t chunk = request.chunk;
  const std::int32_t start = request.computed;
  const std::int32_t end = start + chunk;
  if (!request.prefilling) {
    ++load.decodes;
    ++load.sampled;
    load.kv_tokens += end;
  } else {
    load.prefill_tokens += chunk;
    load.prefill_pairs += pairs_of(start, chunk);
    if (end == request.prompt + request.emitted) ++load.sampled;
  }
  count_computed(counts, request.prompt, start, end, request.computed_once);
  request.computed_once = std::max(request.computed_once, end);
}

/// Who goes when blocks lack: the youngest, or the least urgent.
std::size_t victim_of(const ReplicaState& replica, const EngineParameters& engine) {
  std::size_t victim = replica.running.size() - 1;
  if (engine.scheduling == Scheduling::fcfs) return victim;
  for (std::size_t i = 0; i < replica.running.size(); ++i) {
    if (urgency(replica.running[victim]) < urgency(replica.running[i])) victim = i;
  }
  return victim;
}

/// Sends running[i] back to the queue; the blocks that this moves to the host.
std::int64_t send_back(ReplicaState& replica, const EngineContext& context, sim::FineTime now,
                       std::size_t i) {
  const EngineParameters& engine = context.engine;
  Request victim = replica.running[i];
  replica.running.erase(replica.running.begin() + static_cast<std::ptrdiff_t>(i));
  replica.free_blocks += victim.blocks;
  victim.blocks = 0;
  victim.chunk = 0;
  ++victim.preemptions;
  ++context.counts.preemptions;
  const std::int64_t held = blocks_for(victim.computed, engine.block_size);
  const bool swaps = engine.preemption == Preemption::swap && held <= replica.free_host_blocks;
  if (swaps) {
    victim.host_blocks = static_cast<std::int32_t>(held);
  } else {
    victim.computed = 0;
    victim.prefilling = true;
  }
  note_sent_back(replica, context.counts, now, victim.id, victim.emitted, swaps ? held : 0);
  if (engine.scheduling == Scheduling::fcfs) {
    replica.waiting.push_front(victim);
  } else {
    replica.waiting.insert_by_urgency(victim);
  }
  return victim.host_blocks;
}

/// Blocks that the request lacks to hold `chunk` more tokens.
std::int64_t lacking(const Request& request, std::int32_t chunk, const EngineParameters& engine) {
  return blocks_for(std::int64_t{request.computed} + chunk, engine.block_size) - request.blocks;
}

void hold(ReplicaState& replica, Request& request, std::int64_t blocks) {
  replica.free_blocks -= blocks;
  request.blocks += static_cast<std::int32_t>(blocks);
}

struct Scheduled {
  StepLoad load;
  std::int64_t moved_blocks = 0;  // between GPUs and host, both ways
};

/// Steps 1 and 2 of the schedule (see the header).
Scheduled schedule(ReplicaState& replica, const EngineContext& context, sim::FineTime now) {
  const EngineParameters& engine = context.engine;
  Scheduled result;
  StepLoad& load = result.load;
  std::int32_t budget = engine.max_num_batched_tokens;
  bool sent_back = false;

  for (std::size_t i = 0; i < replica.running.size();) {
    const std::int32_t chunk = std::min(
        replica.running[i].prompt + replica.running[i].emitted - replica.running[i].computed,
        budget);
    const std::int64_t blocks = lacking(replica.running[i], chunk, engine);
    bool stays = true;
    while (stays && blocks > replica.free_blocks) {
      const std::size_t victim = victim_of(replica, engine);
      budget += replica.running[victim].chunk;
      result.moved_blocks += send_back(replica, context, now, victim);
      sent_back = true;
      if (victim == i) stays = false;
      if (victim < i) --i;
    }
    if (!stays) continue;  // the next one has its place now
    hold(replica, replica.running[i], blocks);
    replica.running[i].chunk = chunk;
    budget -= chunk;
    ++i;
  }
  for (Request& request : replica.running) take(request, load, context.counts);
  if (sent_back) return result;

  while (budget > 0 && !replica.waiting.empty() &&
         static_cast<int>(replica.running.size()) < engine.max_num_seqs) {
    Request request = replica.waiting.front();
    const std::int32_t chunk =
        std::min(request.prompt + request.emitted - request.computed, budget);
    const std::int64_t blocks = lacking(request, chunk, engine);
    if (blocks > replica.free_blocks) break;
    replica.waiting.pop_front();
    if (request.preemptions == 0) {
      request.admitted = now;
      request.capped_at_arrival = replica.capped_iterations;
      ++context.counts.admitted;
      context.latencies.queue.add(seconds_of(sim::ps_between({request.arrival, 0}, now)));
    }
    note_admitted(replica, context.counts, now, request.id, request.preemptions,
                  request.host_blocks);
    result.moved_blocks += request.host_blocks;
    request.host_blocks = 0;
    hold(replica, request, blocks);
    request.chunk = chunk;
    take(request, load, context.counts);
    budget -= chunk;
    replica.running.push_back(request);
  }
  return result;
}

void complete(ReplicaState& replica, const EngineContext& context, const Request& request,
              sim::FineTime now) {
  const sim::FineTime arrival{request.arrival, 0};
  replica.free_blocks += request.blocks;
  complete(replica, context,
           Finished{request.id, request.arrival, sim::ps_between(arrival, request.admitted),
                    sim::ps_between(arrival, request.first), sim::ps_between(arrival, now),
                    request.capped_at_arrival, request.prompt, request.output, request.preemptions,
                    request.charge, request.priority},
           now);
}

}  // namespace

bool start_iteration(ReplicaState& replica, const EngineContext& context, sim::FineTime now) {
  if (replica.running.empty() && replica.waiting.empty()) return false;
  const Scheduled scheduled = schedule(replica, context, now);
  const LevelChoice choice = choose_level(replica, context.table, scheduled.load);
  start_at_level(replica, now, choice.level);
  count_started(replica, context.counts, choice, 1);
  run_iteration(replica, context, scheduled.load, choice.level, now, scheduled.moved_blocks);
  return true;
}

void finish_iteration(ReplicaState& replica, const EngineContext& context) {
  const sim::FineTime now = replica.ends;
  replica.busy = false;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < replica.running.size(); ++i) {
    Request request = replica.running[i];
    request.computed += request.chunk;
    request.chunk = 0;
    const bool emits = request.computed == request.prompt + request.emitted;
    if (emits) {
      request.prefilling = false;
      ++request.emitted;
      ++context.counts.output_tokens;
      if (request.emitted == 1) {
        request.first = now;
        context.latencies.ttft.add(seconds_of(sim::ps_between({request.arrival, 0}, now)));
        fold(replica, now, Transition::first_token, request.id, 0);
      } else {
        context.latencies.itl.add(seconds_of(sim::ps_between(request.last_token, now)));
      }
      request.last_token = now;
    }
    if (request.emitted == request.output) {
      complete(replica, context, request, now);
    } else {
      replica.running[kept++] = request;
    }
  }
  replica.running.resize(kept);
}

}  // namespace mw::models
