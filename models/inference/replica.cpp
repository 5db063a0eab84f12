#include "models/inference/replica.hpp"

#include <algorithm>

#include "models/inference/accounting.hpp"

namespace mw::models {

namespace {

/// Gives `request` its share of the iteration and adds that to the load.
void take(Request& request, std::int32_t chunk, StepLoad& load, PodCounts& counts) {
  const std::int32_t start = request.computed;
  const std::int32_t end = start + chunk;
  request.chunk = chunk;
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

void send_back_youngest(ReplicaState& replica, const EngineContext& context, sim::FineTime now) {
  Request victim = replica.running.back();
  replica.running.pop_back();
  replica.free_blocks += victim.blocks;
  victim.blocks = 0;
  victim.computed = 0;
  victim.chunk = 0;
  victim.prefilling = true;
  ++victim.preemptions;
  ++context.counts.preemptions;
  fold(replica, now, Transition::preempted, victim.id, static_cast<std::uint64_t>(victim.emitted));
  replica.waiting.push_front(victim);
}

/// Blocks that the request lacks to hold `chunk` more tokens.
std::int64_t lacking(const Request& request, std::int32_t chunk, const EngineParameters& engine) {
  return blocks_for(std::int64_t{request.computed} + chunk, engine.block_size) - request.blocks;
}

void hold(ReplicaState& replica, Request& request, std::int64_t blocks) {
  replica.free_blocks -= blocks;
  request.blocks += static_cast<std::int32_t>(blocks);
}

/// Steps 1 and 2 of the schedule (see the header).
StepLoad schedule(ReplicaState& replica, const EngineContext& context, sim::FineTime now) {
  const EngineParameters& engine = context.engine;
  StepLoad load;
  std::int32_t budget = engine.max_num_batched_tokens;
  bool sent_back = false;

  for (std::size_t i = 0; i < replica.running.size(); ++i) {
    const std::int32_t chunk = std::min(
        replica.running[i].prompt + replica.running[i].emitted - replica.running[i].computed,
        budget);
    const std::int64_t blocks = lacking(replica.running[i], chunk, engine);
    while (blocks > replica.free_blocks && i < replica.running.size()) {
      send_back_youngest(replica, context, now);
      sent_back = true;
    }
    if (i == replica.running.size()) break;  // it was itself the youngest
    hold(replica, replica.running[i], blocks);
    take(replica.running[i], chunk, load, context.counts);
    budget -= chunk;
  }
  if (sent_back) return load;

  while (budget > 0 && !replica.waiting.empty() &&
         static_cast<int>(replica.running.size()) < engine.max_num_seqs) {
    Request request = replica.waiting.front();
    const std::int32_t chunk = std::min(request.prompt + request.emitted, budget);
    const std::int64_t blocks = lacking(request, chunk, engine);
    if (blocks > replica.free_blocks) break;
    replica.waiting.pop_front();
    if (request.preemptions == 0) {
      request.admitted = now;
      request.capped_at_arrival = replica.capped_iterations;
      ++context.counts.admitted;
      context.latencies.queue.add(seconds_of(sim::ps_between({request.arrival, 0}, now)));
    }
    fold(replica, now, Transition::admitted, request.id,
         static_cast<std::uint64_t>(request.preemptions));
    hold(replica, request, blocks);
    take(request, chunk, load, context.counts);
    budget -= chunk;
    replica.running.push_back(request);
  }
  return load;
}

void complete(ReplicaState& replica, const EngineContext& context, const Request& request,
              sim::FineTime now) {
  const sim::FineTime arrival{request.arrival, 0};
  replica.free_blocks += request.blocks;
  complete(replica, context,
           Finished{request.id, request.arrival, sim::ps_between(arrival, request.admitted),
                    sim::ps_between(arrival, request.first), sim::ps_between(arrival, now),
                    request.capped_at_arrival, request.prompt, request.output, request.preemptions,
                    request.charge},
           now);
}

}  // namespace

bool start_iteration(ReplicaState& replica, const EngineContext& context, sim::FineTime now) {
  if (replica.running.empty() && replica.waiting.empty()) return false;
  const StepLoad load = schedule(replica, context, now);
  const LevelChoice choice = choose_level(replica, context.table, load);
  start_at_level(replica, now, choice.level);
  count_started(replica, context.counts, choice, 1);
  run_iteration(replica, context.table, load, choice.level, now);
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
