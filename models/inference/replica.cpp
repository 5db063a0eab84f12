#include "models/inference/replica.hpp"

#include <algorithm>

namespace mw::models {

namespace {

void fold(ReplicaState& replica, sim::FineTime t, Transition what, std::uint64_t id,
          std::uint64_t detail) {
  replica.hash.fold(t.ns, static_cast<std::uint32_t>(what), id,
                    detail * 1000 + static_cast<std::uint64_t>(t.ps));
}

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
    load.prefill_pairs += std::int64_t{chunk} * (2 * std::int64_t{start} + chunk) / 2;
    if (end == request.prompt + request.emitted) ++load.sampled;
  }
  const std::int32_t known = request.computed_once;
  counts.recomputed_tokens += std::max(0, std::min(end, known) - start);
  counts.prompt_tokens +=
      std::max(0, std::min(end, request.prompt) - std::max(start, std::min(known, request.prompt)));
  request.computed_once = std::max(known, end);
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
      context.latencies.queue.add(1e-12 *
                                  static_cast<double>(sim::ps_between({request.arrival, 0}, now)));
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

/// The clock level of an iteration: what is asked for, or lower where the power limit demands it.
int choose_level(ReplicaState& replica, const EngineContext& context, const StepLoad& load,
                 sim::FineTime now) {
  const int asked = std::min(replica.requested_level, context.table.levels - 1);
  int level = asked;
  if (replica.power_limit_mw != no_power_limit) {
    level = std::max(asked, level_for_power(context.table, load, replica.power_limit_mw));
    if (level > asked) {
      ++replica.capped_iterations;
      ++context.counts.capped_iterations;
    }
    if (!within_power(step_cost(context.table, level, load), replica.power_limit_mw)) {
      ++context.counts.over_limit_iterations;
    }
  }
  if (level != replica.level) {
    fold(replica, now, Transition::level_changed, static_cast<std::uint64_t>(level), 0);
  }
  return level;
}

double seconds_between(sim::FineTime from, sim::FineTime to) {
  return 1e-12 * static_cast<double>(sim::ps_between(from, to));
}

void complete(ReplicaState& replica, const EngineContext& context, const Request& request,
              sim::FineTime now) {
  PodCounts& counts = context.counts;
  const sim::FineTime arrival{request.arrival, 0};
  ++counts.completed;
  counts.completed_prompt_tokens += request.prompt;
  counts.completed_output_tokens += request.output;
  context.latencies.e2e.add(seconds_between(arrival, now));

  const std::int64_t gaps = request.output - 1;
  const std::int64_t decoding_ps = sim::ps_between(request.first, now);
  if (gaps > 0) {
    context.latencies.tpot.add(1e-12 * static_cast<double>(decoding_ps) /
                               static_cast<double>(gaps));
  }
  const bool late = sim::ps_between(arrival, request.first) > context.ttft_limit_ps;
  // The mean gap exceeds the limit when the whole does; divided, so that it cannot overflow.
  const bool slow = gaps > 0 && (decoding_ps + gaps - 1) / gaps > context.tpot_limit_ps;
  if (late) ++counts.slo_missed_ttft;
  if (slow) ++counts.slo_missed_tpot;
  if (!late && !slow) {
    ++counts.slo_good_requests;
    counts.slo_good_tokens += request.output;
  } else if (request.preemptions > 0) {
    counts.lost_kv_memory += request.output;
  } else if (replica.capped_iterations > request.capped_at_arrival) {
    counts.lost_cap += request.output;
  } else {
    counts.lost_queue += request.output;
  }

  replica.free_blocks += request.blocks;
  note_completion(context.router, context.replica, request.charge, request.output);
  fold(replica, now, Transition::completed, request.id, static_cast<std::uint64_t>(request.output));
  if (context.records) {
    context.records->push_back({request.id, request.arrival, request.admitted, request.first, now,
                                request.prompt, request.output, request.preemptions,
                                context.replica});
  }
}

}  // namespace

bool start_iteration(ReplicaState& replica, const EngineContext& context, sim::FineTime now) {
  if (replica.running.empty() && replica.waiting.empty()) return false;
  const StepLoad load = schedule(replica, context, now);
  const int level = choose_level(replica, context, load, now);
  const StepCost cost = step_cost(context.table, level, load);

  // What the prefill tokens add to the step that would only have decoded is theirs; a prefill
  // alone bears its step alone.
  std::int64_t decode_nj = load.decodes > 0 ? cost.energy_nj : 0;
  if (load.decodes > 0 && load.prefill_tokens > 0) {
    const StepLoad decodes_only{load.decodes, 0, load.decodes, load.kv_tokens, 0};
    decode_nj = std::min(cost.energy_nj, step_cost(context.table, level, decodes_only).energy_nj);
  }
  replica.busy = true;
  replica.level = level;
  replica.started = now;
  replica.ends = now.plus_ps(std::max<std::int64_t>(cost.time_ps, 1));
  replica.decode_nj = decode_nj;
  replica.prefill_nj = cost.energy_nj - decode_nj;
  ++context.counts.iterations;
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
        context.latencies.ttft.add(seconds_between({request.arrival, 0}, now));
        fold(replica, now, Transition::first_token, request.id, 0);
      } else {
        context.latencies.itl.add(seconds_between(request.last_token, now));
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
