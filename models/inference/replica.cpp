#include "models/inference/replica.hpp"

#include <algorithm>

#include "models/inference/accounting.hpp"
#include "models/inference/prefix_cache.hpp"

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
  const EngineParameters& engine = context.law.engine;
  Request victim = replica.running[i];
  replica.running.erase(replica.running.begin() + static_cast<std::ptrdiff_t>(i));
  replica.free_blocks += freed_blocks(replica, context.law, victim.id, victim.prompt,
                                      victim.computed, victim.blocks, 0);
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
  replica.waiting_tokens += victim.prompt + victim.emitted - victim.computed;
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

/// One iteration's schedule in the making.
class Schedule {
 public:
  Schedule(ReplicaState& replica, const EngineContext& context, sim::FineTime now)
      : replica_(replica),
        context_(context),
        engine_(context.law.engine),
        now_(now),
        budget_(token_budget(replica, context.law.engine)) {}

  Scheduled make() {
    if (engine_.batching == Batching::mixed) {
      go_on([](const Request&) { return true; });
      if (!sent_back_) admit();
      return result_;
    }
    go_on([](const Request& request) { return request.prefilling; });
    if (!sent_back_) admit();
    if (result_.load.prefill_tokens == 0) {
      go_on([](const Request& request) { return !request.prefilling; });
    }
    return result_;
  }

 private:
  /// Step 1 (see the header), of those who may take part.
  template <class TakesPart>
  void go_on(TakesPart&& takes_part) {
    for (std::size_t i = 0; i < replica_.running.size();) {
      if (!takes_part(replica_.running[i])) {
        ++i;
        continue;
      }
      const std::int32_t chunk = std::min(
          replica_.running[i].prompt + replica_.running[i].emitted - replica_.running[i].computed,
          budget_);
      const std::int64_t blocks = lacking(replica_.running[i], chunk, engine_);
      bool stays = true;
      while (stays && blocks > replica_.free_blocks) {
        const std::size_t victim = victim_of(replica_, engine_);
        budget_ += replica_.running[victim].chunk;
        result_.moved_blocks += send_back(replica_, context_, now_, victim);
        sent_back_ = true;
        if (victim == i) stays = false;
        if (victim < i) --i;
      }
      if (!stays) continue;  // the next one has its place now
      hold(replica_, replica_.running[i], blocks);
      replica_.running[i].chunk = chunk;
      budget_ -= chunk;
      ++i;
    }
    for (Request& request : replica_.running) {
      if (request.chunk > 0) take(request, result_.load, context_.counts);
    }
  }

  /// What the head of the queue finds in the cache of prefixes.
  PrefixHit look_up_head() {
    const Request& head = replica_.waiting.front();
    if (!context_.law.prefixes) return {};
    return look_up(replica_, context_.law, head.id, head.prompt, replica_.free_blocks);
  }
  struct Admission {
    std::int32_t chunk;
    std::int64_t blocks;  // to take
  };
  Admission admission(const Request& head, const PrefixHit& hit) const {
    const std::int32_t known = head.computed + hit.tokens;
    const std::int32_t chunk = std::min(head.prompt + head.emitted - known, budget_);
    return {chunk, blocks_for(std::int64_t{known} + chunk, engine_.block_size) - hit.blocks};
  }

  bool head_fits() {
    if (budget_ == 0 || replica_.waiting.empty() ||
        static_cast<int>(replica_.running.size()) >= most_running(replica_, engine_)) {
      return false;
    }
    const Admission next = admission(replica_.waiting.front(), look_up_head());
    return next.blocks <= replica_.free_blocks;
  }
  /// Step 2.
  void admit() {
    if (engine_.batch_wait > 0 && head_fits() && holds_back(replica_, engine_, result_.load)) {
      return;
    }
    const auto unread = static_cast<std::size_t>(replica_.unread);
    while (budget_ > 0 && replica_.waiting.size() > unread &&
           static_cast<int>(replica_.running.size()) < most_running(replica_, engine_)) {
      Request request = replica_.waiting.front();
      const PrefixHit hit = look_up_head();
      const auto [chunk, blocks] = admission(request, hit);
      if (blocks > replica_.free_blocks) break;
      replica_.waiting.pop_front();
      replica_.waiting_tokens -= request.prompt + request.emitted - request.computed;
      if (request.preemptions == 0) {
        request.admitted = now_;
        request.marks = marks_at(replica_, outage_of(request.marks));
        ++context_.counts.admitted;
        context_.latencies.queue.add(seconds_of(sim::ps_between({request.arrival, 0}, now_)));
      }
      note_admitted(replica_, context_.counts, now_, request.id, request.preemptions,
                    request.host_blocks);
      result_.moved_blocks += request.host_blocks;
      request.host_blocks = 0;
      if (context_.law.prefixes) {
        hold_prefix(replica_, context_.counts, hit, request.computed_once);
        request.computed += hit.tokens;
        request.blocks = static_cast<std::int32_t>(hit.blocks);
      }
      hold(replica_, request, blocks);
      request.chunk = chunk;
      take(request, result_.load, context_.counts);
      budget_ -= chunk;
      replica_.running.push_back(request);
    }
  }

  ReplicaState& replica_;
  const EngineContext& context_;
  const EngineParameters& engine_;
  sim::FineTime now_;
  std::int32_t budget_;
  bool sent_back_ = false;
  Scheduled result_;
};

void complete(ReplicaState& replica, const EngineContext& context, const Request& request,
              sim::FineTime now) {
  const sim::FineTime arrival{request.arrival, 0};
  replica.free_blocks += freed_blocks(replica, context.law, request.id, request.prompt,
                                      request.computed, request.blocks, replica.free_blocks);
  complete(replica, context,
           Finished{request.id, request.arrival, sim::ps_between(arrival, request.admitted),
                    sim::ps_between(arrival, request.first), sim::ps_between(arrival, now),
                    request.marks, request.prompt, request.output, request.preemptions,
                    request.charge, request.priority},
           now);
}

}  // namespace

bool start_iteration(ReplicaState& replica, const EngineContext& context, sim::FineTime now) {
  if (replica.running.empty() && replica.waiting.empty()) return false;
  read_arrivals(replica, context.law.engine, replica.running.empty());
  const Scheduled scheduled = Schedule(replica, context, now).make();
  note_scheduled(replica, context.law.engine, scheduled.load);
  const LevelChoice choice = choose_level(replica, context.law.table, scheduled.load);
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
