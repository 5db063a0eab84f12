#pragma once
// What jump_replica.hpp declares. To be included where an engine is instantiated: for the host in
// jump_replica.cpp, for flat memory beside flat_pod.hpp.
#include <algorithm>

#include "gpu/list.hpp"
#include "models/inference/jump_replica.hpp"

namespace mw::models {

inline constexpr int slot_bits = 16;
inline constexpr std::uint64_t slot_mask = (std::uint64_t{1} << slot_bits) - 1;

MW_HD inline std::uint64_t heap_entry(std::int64_t key, std::uint16_t slot) {
  return static_cast<std::uint64_t>(key) << slot_bits | slot;
}
MW_HD inline std::int64_t key_of(std::uint64_t entry) {
  return static_cast<std::int64_t>(entry >> slot_bits);
}
MW_HD inline std::uint16_t slot_of(std::uint64_t entry) {
  return static_cast<std::uint16_t>(entry & slot_mask);
}

template <class Heap>
MW_HD void heap_push(Heap& heap, std::uint64_t entry) {
  std::size_t at = heap.size();
  heap.push_back(entry);
  while (at > 0) {
    const std::size_t parent = (at - 1) / 4;
    if (heap[parent] <= entry) break;
    heap[at] = heap[parent];
    at = parent;
  }
  heap[at] = entry;
}

template <class Heap>
MW_HD void heap_pop(Heap& heap) {
  const std::uint64_t entry = heap.back();
  heap.pop_back();
  const std::size_t size = heap.size();
  if (size == 0) return;
  std::uint64_t* const h = heap.data();
  std::size_t at = 0, first = 1;
  // Which child is the least is anyone's guess: selected, not branched on.
  for (; first + 4 <= size; first = 4 * at + 1) {
    const std::uint64_t a = h[first], b = h[first + 1], c = h[first + 2], d = h[first + 3];
    const bool left = b < a, right = d < c;
    const std::uint64_t low = left ? b : a, high = right ? d : c;
    const bool other = high < low;
    const std::uint64_t least = other ? high : low;
    if (least >= entry) break;
    h[at] = least;
    at = first + (other ? 2 + std::size_t{right} : std::size_t{left});
  }
  if (first + 4 > size && first < size) {
    std::size_t least = first;
    for (std::size_t child = first + 1; child < size; ++child) {
      if (h[child] < h[least]) least = child;
    }
    if (h[least] < entry) {
      h[at] = h[least];
      at = least;
    }
  }
  h[at] = entry;
}

/// A request that was sent back leaves its entry behind; it is known by its slot's other key.
template <class Jump>
MW_HD bool outdated(const Jump& jump, std::uint64_t entry) {
  return jump.slots[slot_of(entry)].last_key != key_of(entry);
}
/// Some entries are: everyone who decodes has one that is not. To know that none is spares a look
/// at a record that is far away.
template <class Jump>
MW_HD bool some_outdated(const Jump& jump) {
  return jump.last_keys.size() > static_cast<std::size_t>(jump.decodes);
}

/// The iteration in which the next request completes.
template <class Jump>
MW_HD std::int64_t next_key(Jump& jump) {
  while (some_outdated(jump) && outdated(jump, jump.last_keys.front())) heap_pop(jump.last_keys);
  return key_of(jump.last_keys.front());
}

/// Drops the outdated entries once they outnumber the others.
template <class Jump>
MW_HD void tidy(Jump& jump) {
  if (jump.last_keys.size() < 64 + 2 * static_cast<std::size_t>(jump.decodes)) return;
  jump.last_keys.clear();
  for (std::uint16_t slot = jump.oldest; slot != JumpSums::none; slot = jump.slots[slot].younger) {
    const std::int64_t key = jump.slots[slot].last_key;
    if (key >= 0) heap_push(jump.last_keys, heap_entry(key, slot));
  }
}

/// Of a decoding request, before the iteration `now`.
MW_HD inline std::int32_t emitted_before(const JumpRequest& request, std::int64_t now) {
  return request.output - static_cast<std::int32_t>(request.last_key - now + 1);
}

/// Of a decoding request, ps after its arrival; `now`: the start of the iteration that is or comes
/// next.
template <class Jump>
MW_HD std::int64_t newest_token(const Jump& jump, const JumpRequest& request, sim::FineTime now) {
  const sim::FineTime arrival{request.arrival, 0};
  if (jump.stalled.empty()) return sim::ps_between(arrival, now);
  return std::max(request.last_ps, sim::ps_between(arrival, jump.stalled.front().since));
}

MW_HD inline StepLoad decodes_only(const JumpSums& jump) {
  return {jump.decodes, 0, jump.decodes, jump.kv_tokens, 0};
}

/// Asks memory for a record, which lies in two or three lines.
MW_HD inline void ask_for([[maybe_unused]] const JumpRequest& request) {
#if !defined(__CUDA_ARCH__)
  const char* const record = reinterpret_cast<const char*>(&request);
  __builtin_prefetch(record, 1);
  __builtin_prefetch(record + 64, 1);
  __builtin_prefetch(record + sizeof(JumpRequest) - 1, 1);
#endif
}

template <class Memory>
void JumpEngineOn<Memory>::prefetch(const Replica& replica, std::size_t completions) const {
  const Jump& jump = replica.jump;
  const std::size_t n = std::min(completions, jump.last_keys.size());
  for (std::size_t i = 0; i < n; ++i) ask_for(jump.slots[slot_of(jump.last_keys[i])]);
}

template <class Memory>
MW_HD bool JumpEngineOn<Memory>::start(Replica& replica, JumpLane& lane, std::int32_t r,
                                       sim::FineTime now) {
  context_.replica = r;
  Jump& jump = replica.jump;
  if (replica.accounted < now)
    hand_up(replica, context_.law.idle_mw, now, sub_step_, context_.counts, lane.bin);
  if (jump.running() == 0 && !jump.waits()) return false;
  read_arrivals(replica, engine_, jump.running() == 0);
  const std::int64_t taken = jump.block_takers[phase_of(jump.iteration)];
  if (jump.partial != JumpSums::none || taken > replica.free_blocks) {
    start_single(replica, now);
    return true;
  }
  const Admission next =
      next_admission(replica, token_budget(replica, engine_) - (prompts_first_ ? 0 : jump.decodes),
                     replica.free_blocks - (prompts_first_ ? 0 : taken));
  if (next.fits) {
    start_single(replica, now);
  } else {
    plan_run(replica, lane.run, now, next.may_fit_soon);
  }
  return true;
}

/// Whether the head of the queue, if it was read, can be admitted, and what it takes then.
template <class Memory>
MW_HD auto JumpEngineOn<Memory>::next_admission(Replica& replica, std::int32_t budget,
                                                std::int64_t free_blocks) const -> Admission {
  const Jump& jump = replica.jump;
  if (budget <= 0 || static_cast<std::int64_t>(jump.waiting()) <= replica.unread ||
      static_cast<int>(jump.running()) >= most_running(replica, engine_)) {
    return {};
  }
  const Head head = head_of(jump);
  if constexpr (Memory::has_prefixes) {
    if (context_.law.prefixes) {
      const PrefixHit hit = look_up(replica, context_.law, head.id, head.prompt, free_blocks);
      const std::int32_t chunk = std::min(head.rest - hit.tokens, budget);
      const std::int64_t taken = blocks(std::int64_t{hit.tokens} + chunk) - hit.blocks;
      return {taken <= free_blocks,
              head,
              chunk,
              taken,
              hit,
              hit.found.unheld > 0 && chunk < head.rest - hit.tokens};
    }
  }
  const std::int32_t chunk = std::min(head.rest, budget);
  const std::int64_t taken = blocks(head.computed + chunk);
  return {taken <= free_blocks, head, chunk, taken};
}

/// Who goes when blocks lack: the youngest, or the least urgent.
template <class Memory>
MW_HD std::uint16_t JumpEngineOn<Memory>::victim_of(const Jump& jump) const {
  std::uint16_t victim = jump.youngest;
  if (!by_priority()) return victim;
  for (std::uint16_t slot = jump.oldest; slot != JumpSums::none; slot = jump.slots[slot].younger) {
    if (urgency(jump.slots[victim]) < urgency(jump.slots[slot])) victim = slot;
  }
  return victim;
}

// --- Single iterations: whoever joins, prefills or is sent back ---------------------------------

template <class Memory>
MW_HD void JumpEngineOn<Memory>::start_single(Replica& replica, sim::FineTime now) {
  Jump& jump = replica.jump;
  PodCounts& counts = context_.counts;
  bool sent_back = false;
  StepLoad load{};
  std::int32_t budget = token_budget(replica, engine_);
  std::int64_t moved_blocks = 0;  // between GPUs and host, both ways
  const auto takes_a_block = [&](std::uint16_t slot) {
    const JumpRequest& request = jump.slots[slot];
    return request.last_key >= 0 && request.phase == phase_of(jump.iteration);
  };
  const auto take_decodes = [&] {
    std::int64_t demand = jump.block_takers[phase_of(jump.iteration)];
    while (demand > replica.free_blocks) {
      const std::uint16_t victim = victim_of(jump);
      if (takes_a_block(victim)) --demand;
      moved_blocks += send_back(replica, victim, now);
      sent_back = true;
    }
    replica.free_blocks -= demand;
    budget -= jump.decodes;
  };
  if (!prompts_first_) take_decodes();

  std::uint16_t goes_on = jump.partial;  // the partial prefill, if it can
  std::int32_t goes_on_by = 0;
  if (goes_on != JumpSums::none) {
    const JumpRequest& request = jump.slots[goes_on];
    goes_on_by = std::min(tokens_to_prefill(request) - request.computed, budget);
    const std::int64_t lacking =
        blocks(std::int64_t{request.computed} + goes_on_by) - blocks(request.computed);
    while (goes_on != JumpSums::none && lacking > replica.free_blocks) {
      const std::uint16_t victim = victim_of(jump);
      if (victim == goes_on) goes_on = JumpSums::none;
      if (!prompts_first_ && takes_a_block(victim)) ++replica.free_blocks;  // it had its block
      moved_blocks += send_back(replica, victim, now);
      sent_back = true;
    }
    if (goes_on != JumpSums::none) {
      replica.free_blocks -= lacking;
      jump.partial = JumpSums::none;
    }
  }
  if (!prompts_first_) load = decodes_only(jump);

  const auto prefill = [&](std::uint16_t slot, std::int32_t chunk) {
    JumpRequest& request = jump.slots[slot];
    const std::int32_t start = request.computed, end = start + chunk;
    if (request.resumes == Resumes::decoding) {
      ++load.decodes;
      load.kv_tokens += end;
    } else {
      load.prefill_tokens += chunk;
      load.prefill_pairs += pairs_of(start, chunk);
    }
    count_computed(counts, request.prompt, start, end, request.computed_once);
    request.computed_once = std::max(request.computed_once, end);
    if (end == tokens_to_prefill(request)) {
      ++load.sampled;
      jump.finishing.push_back(slot);
    } else {
      jump.partial = slot;
      jump.partial_chunk = chunk;
    }
    budget -= chunk;
  };

  if (goes_on != JumpSums::none) prefill(goes_on, goes_on_by);
  if (sent_back) {
    budget = 0;
  } else if (engine_.batch_wait > 0 && next_admission(replica, budget, replica.free_blocks).fits &&
             holds_back(replica, engine_, load)) {
    budget = 0;
  }
  while (true) {
    const Admission next = next_admission(replica, budget, replica.free_blocks);
    if (!next.fits) break;
    replica.free_blocks -= next.blocks;
    if (next.head.computed > 0) moved_blocks += blocks(next.head.computed);
    const std::uint16_t slot = admit(replica, next.head.sent_back, now);
    if constexpr (Memory::has_prefixes) {
      if (context_.law.prefixes) {
        hold_prefix(replica, counts, next.hit, jump.slots[slot].computed_once);
        jump.slots[slot].computed = next.hit.tokens;
      }
    }
    prefill(slot, next.chunk);
  }
  if (prompts_first_) {
    jump.prompts_alone = load.prefill_tokens > 0;
    if (!jump.prompts_alone) {
      take_decodes();
      load = decodes_only(jump);
    } else if (jump.decodes > 0 && jump.stalled.empty()) {
      jump.stalled.push_back({now, jump.decodes});
    }
  }
  note_scheduled(replica, engine_, load);
  // Who may complete in it.
  if (!jump.last_keys.empty()) ask_for(jump.slots[slot_of(jump.last_keys.front())]);

  const LevelChoice choice = choose_level(replica, table_, load);
  start_at_level(replica, now, choice.level);
  count_started(replica, counts, choice, 1);
  run_iteration(replica, context_, load, choice.level, now, moved_blocks);
}

template <class Memory>
MW_HD JumpArrival JumpEngineOn<Memory>::take_arrival(Jump& jump) const {
  if constexpr (Memory::has_priorities) {
    if (by_priority()) {
      std::pop_heap(jump.arrived.begin(), jump.arrived.end(), less_urgent);
      const JumpArrival arrival = jump.arrived.back();
      jump.arrived.pop_back();
      return arrival;
    }
  }
  const JumpArrival arrival = jump.first_arrived();
  jump.drop_first_arrived();
  return arrival;
}

template <class Memory>
MW_HD std::uint16_t JumpEngineOn<Memory>::admit(Replica& replica, bool sent_back,
                                                sim::FineTime now) {
  Jump& jump = replica.jump;
  if (jump.free_slots.empty()) {
    jump.free_slots.push_back(static_cast<std::uint16_t>(jump.slots.size()));
    jump.slots.push_back({});
  }
  const std::uint16_t slot = jump.free_slots.back();
  jump.free_slots.pop_back();
  JumpRequest& request = jump.slots[slot];
  if (!sent_back) {
    const JumpArrival arrival = take_arrival(jump);
    request = {};
    request.id = arrival.id;
    request.arrival = arrival.arrival;
    request.prompt = arrival.prompt;
    request.output = arrival.output;
    request.charge = arrival.charge;
    request.priority = static_cast<std::int8_t>(arrival.priority);
    request.marks = mark_of(arrival.outage);
  } else {
    request = jump.sent_back.back();
    jump.sent_back.pop_back();
  }
  replica.waiting_tokens -= tokens_to_prefill(request) - request.computed;
  if (request.preemptions == 0) {
    request.admitted_ps = sim::ps_between({request.arrival, 0}, now);
    request.marks |= slowed_so_far(replica.capped_iterations, replica.heated_iterations);
    ++context_.counts.admitted;
    context_.latencies.queue.add(seconds_of(request.admitted_ps));
  }
  note_admitted(replica, context_.counts, now, request.id, request.preemptions,
                request.resumes == Resumes::no ? 0 : blocks(request.computed));
  request.last_key = -1;
  request.order = jump.admissions++;
  request.older = jump.youngest;
  request.younger = JumpSums::none;
  (jump.youngest == JumpSums::none ? jump.oldest : jump.slots[jump.youngest].younger) = slot;
  jump.youngest = slot;
  return slot;
}

template <class Memory>
MW_HD void JumpEngineOn<Memory>::leave(Jump& jump, std::uint16_t slot) const {
  JumpRequest& request = jump.slots[slot];
  (request.older == JumpSums::none ? jump.oldest : jump.slots[request.older].younger) =
      request.younger;
  (request.younger == JumpSums::none ? jump.youngest : jump.slots[request.younger].older) =
      request.older;
  request.last_key = -1;
  jump.free_slots.push_back(slot);
}

/// The blocks that this moves to the host.
template <class Memory>
MW_HD std::int64_t JumpEngineOn<Memory>::send_back(Replica& replica, std::uint16_t slot,
                                                   sim::FineTime now) {
  Jump& jump = replica.jump;
  JumpRequest request = jump.slots[slot];
  if (slot == jump.partial) {
    jump.partial = JumpSums::none;
    request.resumes = Resumes::prefilling;
  } else {
    request.emitted = emitted_before(request, jump.iteration);
    request.computed = request.computed_once = tokens_to_prefill(request) - 1;
    request.last_ps = newest_token(jump, request, now);
    for (JumpStalled& group : jump.stalled) {
      const sim::FineTime arrival{request.arrival, 0};
      if (sim::ps_between(arrival, group.since) == request.last_ps) --group.requests;
    }
    request.resumes = Resumes::decoding;
    leave_decoding(jump, request);
  }
  leave(jump, slot);
  tidy(jump);
  std::int64_t held = blocks(request.computed);
  replica.free_blocks += freed_by(replica, request, request.computed, 0);
  if (engine_.preemption != Preemption::swap || held > replica.free_host_blocks) {
    held = request.computed = 0;
    request.resumes = Resumes::no;
  }
  ++request.preemptions;
  ++context_.counts.preemptions;
  replica.waiting_tokens += tokens_to_prefill(request) - request.computed;
  note_sent_back(replica, context_.counts, now, request.id, request.emitted, held);
  if constexpr (Memory::has_priorities) {
    if (by_priority()) {
      const auto later = [](const JumpRequest& a, const JumpRequest& b) {
        return urgency(b) < urgency(a);
      };
      auto& all = jump.sent_back;
      all.insert(std::upper_bound(all.begin(), all.end(), request, later), request);
      return held;
    }
  }
  jump.sent_back.push_back(request);
  return held;
}

// --- Runs: nobody joins or leaves before the end ------------------------------------------------

template <class Memory>
MW_HD std::int64_t JumpEngineOn<Memory>::demand(const Jump& jump, std::int64_t n) const {
  const Division rounds = by_block_size(n);
  std::int64_t sum = rounds.quotient * jump.decodes;
  for (std::int64_t k = 0; k < rounds.remainder; ++k)
    sum += jump.block_takers[phase_of(jump.iteration + k)];
  return sum;
}

/// The most iterations, up to `most`, whose blocks are all free.
template <class Memory>
MW_HD std::int64_t JumpEngineOn<Memory>::affordable(const Jump& jump, std::int64_t free_blocks,
                                                    std::int64_t most) const {
  const std::int64_t size = engine_.block_size;
  if ((most + size) * jump.decodes <= free_blocks * size) return most;
  std::int64_t n = free_blocks / jump.decodes * size;
  std::int64_t left = free_blocks % jump.decodes;
  while (n < most) {
    left -= jump.block_takers[phase_of(jump.iteration + n)];
    if (left < 0) break;
    ++n;
  }
  return std::min(n, most);
}

template <class Memory>
MW_HD void JumpEngineOn<Memory>::plan_run(Replica& replica, JumpRun& run, sim::FineTime now,
                                          bool one) {
  Jump& jump = replica.jump;
  const StepLoad load = decodes_only(jump);
  run.choice = choose_level(replica, table_, load);
  run.starts = now;
  const std::int64_t most = one ? 1 : next_key(jump) - jump.iteration + 1;
  // By the end of the run it is here.
  if (!one) ask_for(jump.slots[slot_of(jump.last_keys.front())]);
  run.iterations = affordable(jump, replica.free_blocks, most);

  const DecodeRow& row = decode_row(table_, run.choice.level, jump.decodes);
  if (jump.kv_tokens < row.end) {
    const DecodeSpan span = decode_span(table_, row, jump.kv_tokens);
    const std::int64_t past = jump.kv_tokens - span.begin;
    run.time_ps = span.cell.time_ps + span.cell.time_slope * past;
    run.time_step = span.cell.time_slope * jump.decodes;
    run.energy_nj = span.cell.energy_nj + span.cell.energy_slope * past;
    run.energy_step = span.cell.energy_slope * jump.decodes;
    const std::int64_t room = span.end - 1 - jump.kv_tokens;
    if ((run.iterations - 1) * jump.decodes > room) run.iterations = room / jump.decodes + 1;
    if (replica.power_limit_mw != no_power_limit) limit_to_choice(replica, load, run);
    if (run.time_of(run.iterations - 1) < 1) run.iterations = 1;
  } else {
    const StepCost cost = step_cost(table_, run.choice.level, load);
    run.time_ps = cost.time_ps;
    run.energy_nj = cost.energy_nj;
    run.time_step = run.energy_step = 0;
    run.iterations = 1;
  }
  if (run.time_ps < 1) {
    run.time_ps = 1;
    run.iterations = 1;
  }
  run.prepare();
  if (replica.unread > 0) {
    run.iterations = std::min(run.iterations, boundary_that_reads(replica, 1));
  }
  run.ends = now.plus_ps(run.time_until(run.iterations));
  start_at_level(replica, now, run.choice.level);
}

/// Of the boundaries after n or more iterations of a run, the first at which new requests are read.
template <class Memory>
MW_HD std::int64_t JumpEngineOn<Memory>::boundary_that_reads(const Replica& replica,
                                                             std::int64_t n) const {
  if (n <= replica.until_read) return replica.until_read;
  const std::int64_t every = engine_.admission_interval;
  return replica.until_read + (n - replica.until_read + every - 1) / every * every;
}

/// Shortens the run to where the power limit still leads to the same choice.
template <class Memory>
MW_HD void JumpEngineOn<Memory>::limit_to_choice(const Replica& replica, const StepLoad& load,
                                                 JumpRun& run) const {
  const std::int64_t limit_mw = replica.power_limit_mw;
  const auto fits = [&](int level, std::int64_t k) {
    StepLoad later = load;
    later.kv_tokens += k * load.decodes;
    return within_power(step_cost(table_, level, later), limit_mw);
  };
  // The choice is made of the answers of the levels from the highest clock on to the chosen one.
  for (int level = 0; level <= run.choice.level && run.iterations > 1; ++level) {
    const DecodeRow& row = decode_row(table_, level, load.decodes);
    if (load.kv_tokens >= row.end) {
      run.iterations = 1;
      return;
    }
    const std::int64_t room = decode_span(table_, row, load.kv_tokens).end - 1 - load.kv_tokens;
    if ((run.iterations - 1) * load.decodes > room) run.iterations = room / load.decodes + 1;
    const bool now = fits(level, 0);
    if (fits(level, run.iterations - 1) == now) continue;
    std::int64_t same = 0, other = run.iterations - 1;  // both answers stand on a line: one change
    while (other - same > 1) {
      const std::int64_t middle = same + (other - same) / 2;
      (fits(level, middle) == now ? same : other) = middle;
    }
    run.iterations = other;
  }
}

/// Those who waited for prompts have their next token at `now`.
template <class Memory>
MW_HD void JumpEngineOn<Memory>::note_stalled(Jump& jump, sim::FineTime now) {
  for (const JumpStalled& group : jump.stalled) {
    if (group.requests == 0) continue;
    context_.latencies.itl.add(seconds_of(sim::ps_between(group.since, now)), group.requests);
  }
  jump.stalled.clear();
}

template <class Memory>
MW_HD void JumpEngineOn<Memory>::note_gaps(const JumpRun& run, std::int64_t first,
                                           std::int64_t iterations, std::int64_t decodes) {
  auto& gaps = context_.latencies.itl;
  while (first < iterations) {
    // All durations from the first to the last lie between the two, so if those share a bin, all
    // do.
    const std::size_t bin = LogHistogram::bin_of(seconds_of(run.time_of(first)));
    const auto shares = [&](std::int64_t k) {
      return LogHistogram::bin_of(seconds_of(run.time_of(k))) == bin;
    };
    std::int64_t last = iterations - 1;
    if (!shares(last)) {
      std::int64_t outside = last;
      last = first;
      while (outside - last > 1) {
        const std::int64_t middle = last + (outside - last) / 2;
        (shares(middle) ? last : outside) = middle;
      }
    }
    gaps.add_in(bin, seconds_of(run.time_of(first)), decodes * (last - first + 1));
    if (last > first) gaps.extend(seconds_of(run.time_of(last)));
    first = last + 1;
  }
}

/// The first iterations of the run have happened.
template <class Memory>
MW_HD void JumpEngineOn<Memory>::commit(Replica& replica, JumpLane& lane, std::int64_t iterations) {
  const JumpRun& run = lane.run;
  Jump& jump = replica.jump;
  if (iterations == 0) return;
  count_started(replica, context_.counts, run.choice, iterations);
  context_.counts.output_tokens += iterations * jump.decodes;
  const bool stalled = !jump.stalled.empty();
  if (stalled) note_stalled(jump, run.starts.plus_ps(run.time_of(0)));
  note_gaps(run, stalled ? 1 : 0, iterations, jump.decodes);
  const sim::FineTime until =
      iterations == run.iterations ? run.ends : run.starts.plus_ps(run.time_until(iterations));
  spread(sub_step_, context_.counts, lane.bin, run.starts, until, [&](sim::FineTime t) -> Spent {
    if (t == until) return {0, run.energy_until(iterations), 0};
    const std::int64_t ps = sim::ps_between(run.starts, t);
    const auto [whole, time_ps] = run.whole_within(ps);
    return {0,
            run.energy_until(whole) +
                sim::mul_div_floor(run.energy_of(whole), ps - time_ps, run.time_of(whole)),
            0};
  });
  context_.counts.busy_ps += sim::ps_between(run.starts, until);
  replica.accounted = until;
  replica.free_blocks -= demand(jump, iterations);
  jump.iteration += iterations;
  jump.kv_tokens += iterations * jump.decodes;
  if (!reads_all_) {
    const std::int64_t reads = boundary_that_reads(replica, iterations);
    replica.until_read = static_cast<std::int32_t>(reads - iterations);
  }
}

template <class Memory>
MW_HD bool JumpEngineOn<Memory>::arrive(Replica& replica, JumpLane& lane, const Arrival& a,
                                        std::int32_t charge, std::int32_t priority) {
  Jump& jump = replica.jump;
  bool leads = !jump.waits();
  jump.add_arrived(
      {a.id, a.t, a.prompt_tokens, a.output_tokens, charge, static_cast<std::int16_t>(priority)});
  if constexpr (Memory::has_priorities) {
    if (by_priority()) {
      push_arrived_heap(jump);
      leads = !head_of(jump).sent_back && jump.arrived.front().id == a.id;
    }
  }
  note_arrival(replica, engine_, a.prompt_tokens);
  JumpRun& run = lane.run;
  if (run.iterations < 2) return false;
  if (reads_all_ &&
      (!leads || static_cast<int>(jump.running()) >= most_running(replica, engine_))) {
    return false;
  }
  const std::int64_t ps = sim::ps_between(run.starts, {a.t, 0});
  const JumpRun::Whole before = run.whole_within(ps);
  std::int64_t n = before.iterations + (before.time_ps < ps ? 1 : 0);
  if (!reads_all_) n = boundary_that_reads(replica, std::max<std::int64_t>(n, 1));
  if (n >= run.iterations) return false;
  run.iterations = std::max<std::int64_t>(n, 1);
  run.ends = run.starts.plus_ps(run.time_until(run.iterations));
  return true;
}

template <class Memory>
MW_HD void JumpEngineOn<Memory>::finish(Replica& replica, JumpLane& lane, std::int32_t r) {
  context_.replica = r;
  Jump& jump = replica.jump;
  JumpRun& run = lane.run;
  if (run.iterations > 0) {
    commit(replica, lane, run.iterations);
    run.iterations = 0;
    complete_due(replica, run.ends);
    return;
  }
  const sim::FineTime now = replica.ends;
  hand_up(replica, context_.law.idle_mw, now, sub_step_, context_.counts, lane.bin);
  replica.busy = false;
  const bool decoded = !jump.prompts_alone;
  jump.prompts_alone = false;
  if (decoded) ++jump.iteration;
  if (decoded && jump.decodes > 0) {
    jump.kv_tokens += jump.decodes;
    context_.counts.output_tokens += jump.decodes;
    if (jump.stalled.empty()) {
      context_.latencies.itl.add(seconds_of(sim::ps_between(replica.started, now)), jump.decodes);
    } else {
      note_stalled(jump, now);
    }
    complete_due(replica, now);
  }
  const std::int32_t decodes = jump.decodes;
  if (jump.partial != JumpSums::none) {
    jump.slots[jump.partial].computed += jump.partial_chunk;
    jump.partial_chunk = 0;
  }
  for (const std::uint16_t slot : jump.finishing) {
    JumpRequest& request = jump.slots[slot];
    const std::int32_t computed = tokens_to_prefill(request);
    const std::int64_t now_ps = sim::ps_between({request.arrival, 0}, now);
    ++context_.counts.output_tokens;
    if (++request.emitted == 1) {
      request.first_ps = now_ps;
      context_.latencies.ttft.add(seconds_of(now_ps));
      fold(replica, now, Transition::first_token, request.id, 0);
    } else {
      context_.latencies.itl.add(seconds_of(now_ps - request.last_ps));
    }
    if (request.emitted == request.output) {
      complete_slot(replica, slot, computed, now);
    } else {
      request.resumes = Resumes::no;
      request.last_ps = now_ps;
      join_decoding(jump, slot);
    }
  }
  jump.finishing.clear();
  if (!decoded && jump.decodes > decodes) jump.stalled.push_back({now, jump.decodes - decodes});
}

template <class Memory>
MW_HD void JumpEngineOn<Memory>::join_decoding(Jump& jump, std::uint16_t slot) {
  JumpRequest& request = jump.slots[slot];
  const std::int32_t computed = tokens_to_prefill(request) - 1;
  request.last_key = jump.iteration + (request.output - request.emitted) - 1;
  // It takes a block when a multiple of block_size is computed.
  const std::int64_t size = engine_.block_size;
  request.phase = static_cast<std::uint16_t>(phase_of(jump.iteration + (size - computed % size)));
  ++jump.block_takers[request.phase];
  ++jump.decodes;
  jump.kv_tokens += computed + 1;
  heap_push(jump.last_keys, heap_entry(request.last_key, slot));
}

/// At a boundary: before the iteration jump.iteration, after the one before.
template <class Memory>
MW_HD void JumpEngineOn<Memory>::leave_decoding(Jump& jump, const JumpRequest& request) const {
  --jump.block_takers[request.phase];
  --jump.decodes;
  jump.kv_tokens -= request.prompt + emitted_before(request, jump.iteration);
}

/// Those whose last token appeared in the iteration that has just ended, in order of admission.
template <class Memory>
MW_HD void JumpEngineOn<Memory>::complete_due(Replica& replica, sim::FineTime now) {
  Jump& jump = replica.jump;
  const std::int64_t ended = jump.iteration - 1;
  due_.clear();
  while (!jump.last_keys.empty() && key_of(jump.last_keys.front()) <= ended) {
    const std::uint64_t entry = jump.last_keys.front();
    const bool left_behind = some_outdated(jump) && outdated(jump, entry);
    ask_for(jump.slots[slot_of(entry)]);
    heap_pop(jump.last_keys);
    if (left_behind) continue;
    due_.push_back(slot_of(entry));
    leave_decoding(jump, jump.slots[slot_of(entry)]);
    jump.slots[slot_of(entry)].last_key = -1;
  }
  if (due_.size() > 1) {
    gpu::sort(due_.data(), due_.size(), [&](std::uint16_t a, std::uint16_t b) {
      return static_cast<std::int32_t>(jump.slots[a].order - jump.slots[b].order) < 0;
    });
  }
  for (const std::uint16_t slot : due_) {
    const JumpRequest& request = jump.slots[slot];
    complete_slot(replica, slot, request.prompt + request.output - 1, now);
  }
}

template <class Memory>
MW_HD void JumpEngineOn<Memory>::complete_slot(Replica& replica, std::uint16_t slot,
                                               std::int32_t computed, sim::FineTime now) {
  const JumpRequest& request = replica.jump.slots[slot];
  replica.free_blocks += freed_by(replica, request, computed, replica.free_blocks);
  complete(replica, context_,
           Finished{request.id, request.arrival, request.admitted_ps, request.first_ps,
                    sim::ps_between({request.arrival, 0}, now), request.marks, request.prompt,
                    request.output, request.preemptions, request.charge, request.priority},
           now);
  leave(replica.jump, slot);
}

template <class Memory>
MW_HD void JumpEngineOn<Memory>::cut(Replica& replica, JumpLane& lane, sim::FineTime until) {
  JumpRun& run = lane.run;
  if (run.iterations > 0) {
    // All but the last of those that end before: the run's own end is an event still to come.
    const std::int64_t done = run.whole_within(sim::ps_between(run.starts, until) - 1).iterations;
    const LevelChoice choice = run.choice;
    const std::int64_t time_ps = run.time_of(done), energy_nj = run.energy_of(done);
    commit(replica, lane, done);
    run.iterations = 0;
    // Who is unread came during this iteration: an earlier boundary that reads would have ended
    // the run.
    if (!reads_all_ && replica.until_read == 0) replica.until_read = engine_.admission_interval;
    note_scheduled(replica, engine_, {});
    count_started(replica, context_.counts, choice, 1);
    replica.free_blocks -= replica.jump.block_takers[phase_of(replica.jump.iteration)];
    replica.busy = true;
    replica.started = replica.accounted;
    replica.ends = replica.started.plus_ps(time_ps);
    replica.prefill_nj = 0;
    replica.decode_nj = energy_nj;
  }
  hand_up(replica, context_.law.idle_mw, until, sub_step_, context_.counts, lane.bin);
}

}  // namespace mw::models
