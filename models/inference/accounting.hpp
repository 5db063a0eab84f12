#pragma once
#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

#include "models/inference/pod.hpp"
#include "models/inference/replica.hpp"
#include "sim/fixed.hpp"

// What both engines do in the same words: the books. An engine decides what runs when; what that
// counts for, costs and tells is here.
namespace mw::models {

MW_HD inline void fold(ReplicaBooks& replica, sim::FineTime t, Transition what, std::uint64_t id,
                       std::uint64_t detail) {
  replica.hash.fold(t.ns, static_cast<std::uint32_t>(what), id,
                    detail * 1000 + static_cast<std::uint64_t>(t.ps));
}

MW_HD inline double seconds_of(std::int64_t ps) {
  return 1e-12 * static_cast<double>(ps);
}

// --- The clock ---------------------------------------------------------------------------------

/// What forced a clock lower than asked for: whatever asks for the lowest, heat where both do.
enum class Slowed : std::uint8_t { no, by_cap, by_heat };

/// The clock level of an iteration: what is asked for, or lower where heat or the power limit
/// demand it.
struct LevelChoice {
  std::int32_t level = 0;
  Slowed slowed = Slowed::no;
  bool over_limit = false;  // not even the lowest clock meets the limit
};
MW_HD inline LevelChoice choose_level(const ReplicaBooks& replica, const StepTableView& table,
                                      const StepLoad& load) {
  const int asked = std::min(replica.requested_level, table.levels - 1);
  const std::int64_t limit_mw = replica.power_limit_mw;
  if (limit_mw == no_power_limit && replica.ceiling_level <= asked) return {asked};
  const int allowed = std::max(asked, std::min(replica.ceiling_level, table.levels - 1));
  const Slowed by_ceiling = allowed > asked ? Slowed::by_heat : Slowed::no;
  if (limit_mw == no_power_limit) return {allowed, by_ceiling};
  const int level = std::max(allowed, level_for_power(table, load, limit_mw));
  return {level, level > allowed ? Slowed::by_cap : by_ceiling,
          !within_power(step_cost(table, level, load), limit_mw)};
}

/// `iterations` of them start under this choice, the first at `now`.
MW_HD inline void start_at_level(ReplicaBooks& replica, sim::FineTime now, std::int32_t level) {
  if (level == replica.level) return;
  fold(replica, now, Transition::level_changed, static_cast<std::uint64_t>(level), 0);
  replica.level = level;
}
MW_HD inline void count_started(ReplicaBooks& replica, PodCounts& counts, const LevelChoice& choice,
                                std::int64_t iterations) {
  counts.iterations += iterations;
  if (choice.slowed == Slowed::by_cap) {
    replica.capped_iterations += iterations;
    counts.capped_iterations += iterations;
  } else if (choice.slowed == Slowed::by_heat) {
    replica.heated_iterations += iterations;
    counts.heated_iterations += iterations;
  }
  if (choice.over_limit) counts.over_limit_iterations += iterations;
}

// --- The batch ---------------------------------------------------------------------------------

/// Most requests that run at a time, and tokens of an iteration: the engine's, or less while a
/// set-point says so. Those that run already go on.
MW_HD inline int most_running(const ReplicaBooks& replica, const EngineParameters& engine) {
  return replica.max_seqs < engine.max_num_seqs ? replica.max_seqs : engine.max_num_seqs;
}
MW_HD inline std::int32_t token_budget(const ReplicaBooks& replica,
                                       const EngineParameters& engine) {
  return replica.max_tokens < engine.max_num_batched_tokens ? replica.max_tokens
                                                            : engine.max_num_batched_tokens;
}

// --- New requests --------------------------------------------------------------------------------

/// A request joins the queue.
MW_HD inline void note_arrival(ReplicaBooks& replica, const EngineParameters& engine,
                               std::int32_t prompt) {
  replica.waiting_tokens += prompt;
  if (engine.admission_interval > 1) ++replica.unread;
}
/// An iteration is about to be scheduled; `idle`: nothing ran until now.
MW_HD inline void read_arrivals(ReplicaBooks& replica, const EngineParameters& engine, bool idle) {
  if (engine.admission_interval == 1 || !(idle || replica.until_read == 0)) return;
  replica.unread = 0;
  replica.until_read = engine.admission_interval;
}
/// It is scheduled.
MW_HD inline void note_scheduled(ReplicaBooks& replica, const EngineParameters& engine,
                                 const StepLoad& load) {
  if (engine.admission_interval == 1) return;
  replica.until_read = load.prefill_tokens > 0 ? 0 : replica.until_read - 1;
}

/// Whether prompts wait for more of them, now that the head of the queue could be admitted beside
/// what `load` holds.
MW_HD inline bool holds_back(ReplicaBooks& replica, const EngineParameters& engine,
                             const StepLoad& load) {
  if (load.decodes == 0 || load.prefill_tokens > 0 || replica.waited >= engine.batch_wait ||
      replica.waiting_tokens + load.decodes >= engine.batch_wait_tokens) {
    replica.waited = 0;
    return false;
  }
  ++replica.waited;
  return true;
}

/// Sets the iteration that runs from `now` on, in which blocks move between GPUs and host first.
/// What the prefill tokens add to the step that would only have decoded is theirs; a prefill alone
/// bears its step alone.
template <class Context>
MW_HD void run_iteration(ReplicaBooks& replica, const Context& context, const StepLoad& load,
                         int level, sim::FineTime now, std::int64_t moved_blocks) {
  const StepTableView& table = context.law.table;
  StepCost cost = step_cost(table, level, load);
  std::int64_t moving_nj = 0;
  if (moved_blocks > 0) {
    const std::int64_t moving_ps = moved_blocks * context.law.engine.swap_block_ps;
    moving_nj = sim::mul_div_floor(context.law.idle_mw, moving_ps, 1'000'000);
    cost.time_ps += moving_ps;
    cost.energy_nj += moving_nj;
  }
  std::int64_t decode_nj = load.decodes > 0 ? cost.energy_nj : 0;
  if (load.decodes > 0 && load.prefill_tokens > 0) {
    const StepLoad decodes_only{load.decodes, 0, load.decodes, load.kv_tokens, 0};
    decode_nj =
        std::min(cost.energy_nj, step_cost(table, level, decodes_only).energy_nj + moving_nj);
  }
  replica.busy = true;
  replica.started = now;
  replica.ends = now.plus_ps(std::max<std::int64_t>(cost.time_ps, 1));
  replica.decode_nj = decode_nj;
  replica.prefill_nj = cost.energy_nj - decode_nj;
}

// --- Requests ----------------------------------------------------------------------------------

/// Of a request that is admitted for the first time.
MW_HD inline std::int64_t marks_at(const ReplicaBooks& replica, Outage outage) {
  return slowed_so_far(replica.capped_iterations, replica.heated_iterations) | mark_of(outage);
}

/// What a late request lost its tokens to.
MW_HD inline std::int64_t& lost_to(PodCounts& counts, const ReplicaBooks& replica,
                                   std::int64_t marks, std::int32_t preemptions) {
  const Outage outage = outage_of(marks);
  if (outage == Outage::failure) return counts.lost_failure;
  if (outage == Outage::grid) return counts.lost_grid;
  if (outage == Outage::heat) return counts.lost_heat;
  if (outage == Outage::shed) return counts.lost_shed;
  if (preemptions > 0) return counts.lost_kv_memory;
  const std::int64_t since =
      marks ^ slowed_so_far(replica.capped_iterations, replica.heated_iterations);
  if ((since & Marks::capped) != 0) return counts.lost_cap;
  if ((since & Marks::heated) != 0) return counts.lost_heat;
  return counts.lost_queue;
}

/// A request enters the running ones, its blocks from the host's memory if it has any there.
MW_HD inline void note_admitted(ReplicaBooks& replica, PodCounts& counts, sim::FineTime now,
                                std::uint64_t id, std::int32_t preemptions,
                                std::int64_t host_blocks) {
  const auto detail = static_cast<std::uint64_t>(preemptions);
  if (host_blocks == 0) {
    fold(replica, now, Transition::admitted, id, detail);
    return;
  }
  replica.free_host_blocks += host_blocks;
  counts.swapped_blocks += host_blocks;
  fold(replica, now, Transition::swapped_in, id, detail);
}
/// A request is sent back: swapped out if some of its blocks move to the host.
MW_HD inline void note_sent_back(ReplicaBooks& replica, PodCounts& counts, sim::FineTime now,
                                 std::uint64_t id, std::int32_t emitted, std::int64_t host_blocks) {
  const auto detail = static_cast<std::uint64_t>(emitted);
  if (host_blocks == 0) {
    fold(replica, now, Transition::preempted, id, detail);
    return;
  }
  replica.free_host_blocks -= host_blocks;
  counts.swapped_blocks += host_blocks;
  ++counts.swaps;
  fold(replica, now, Transition::swapped_out, id, detail);
}

/// A chunk of tokens [start, end) of a request is computed, of which [0, known) were once before.
MW_HD inline void count_computed(PodCounts& counts, std::int32_t prompt, std::int32_t start,
                                 std::int32_t end, std::int32_t known) {
  counts.recomputed_tokens += std::max(0, std::min(end, known) - start);
  counts.prompt_tokens +=
      std::max(0, std::min(end, prompt) - std::max(start, std::min(known, prompt)));
}

/// Query-key pairs of a prefill chunk.
MW_HD inline std::int64_t pairs_of(std::int32_t start, std::int32_t chunk) {
  return std::int64_t{chunk} * (2 * std::int64_t{start} + chunk) / 2;
}

/// A request has its last token.
template <class Context>
MW_HD void complete(ReplicaBooks& replica, const Context& context, const Finished& request,
                    sim::FineTime now) {
  PodCounts& counts = context.counts;
  ++counts.completed;
  counts.completed_prompt_tokens += request.prompt;
  counts.completed_output_tokens += request.output;
  context.latencies.e2e.add(seconds_of(request.finished_ps));

  const std::int64_t gaps = request.output - 1;
  const std::int64_t decoding_ps = request.finished_ps - request.first_ps;
  if (gaps > 0) {
    context.latencies.tpot.add(seconds_of(decoding_ps) / static_cast<double>(gaps));
  }
  const bool late = request.first_ps > context.law.ttft_limit_ps;
  // The mean gap exceeds the limit when the whole does.
  const bool slow = static_cast<sim::Int128>(decoding_ps) >
                    static_cast<sim::Int128>(context.law.tpot_limit_ps) * gaps;
  if (late) ++counts.slo_missed_ttft;
  if (slow) ++counts.slo_missed_tpot;
  if (!late && !slow) {
    ++counts.slo_good_requests;
    counts.slo_good_tokens += request.output;
  } else {
    lost_to(counts, replica, request.marks, request.preemptions) += request.output;
  }

  note_completion(context.router, context.replica, request.charge, request.output);
  fold(replica, now, Transition::completed, request.id, static_cast<std::uint64_t>(request.output));
  context.listening.ended(context.replica, request, now);
}

inline void Listeners::ended(std::int32_t replica, const Finished& request,
                             sim::FineTime now) const {
  if (users) answer(*users, *asking, now);
  if (!records) return;
  const sim::FineTime arrival{request.arrival, 0};
  records->push_back({request.id, request.arrival, arrival.plus_ps(request.admitted_ps),
                      arrival.plus_ps(request.first_ps), now, request.prompt, request.output,
                      request.preemptions, replica, request.priority});
}

/// Records of one call of advance() in order of completion; at one and the same moment in order of
/// replicas, and within a replica of admission, which is the order they were kept in.
inline void order_records(std::vector<RequestRecord>& records, std::size_t first) {
  std::stable_sort(records.begin() + static_cast<std::ptrdiff_t>(first), records.end(),
                   [](const RequestRecord& a, const RequestRecord& b) {
                     if (!(a.finished == b.finished)) return a.finished < b.finished;
                     return a.replica < b.replica;
                   });
}

// --- Energy ------------------------------------------------------------------------------------

/// Energy handed up so far, by purpose. Cumulative and floored, so that however an iteration is cut
/// into bins and epochs, the parts add up to the whole to the last nanojoule.
struct Spent {
  std::int64_t prefill_nj = 0, decode_nj = 0, idle_nj = 0;
};

/// Idle energy from some fixed moment until `t`, modulo 2^64: only differences are used, and those
/// are exact as long as one idle spell stays below 9e9 J. Milliwatt times picoseconds are 1e-6 nJ;
/// below 9 GW the product with less than a microsecond fits 64 bits.
MW_HD inline std::uint64_t idle_nj_until(std::int64_t idle_mw, sim::FineTime t) {
  const std::int64_t microseconds = sim::div_floor(t.ns, 1000);
  const std::int64_t rest_ps = (t.ns - microseconds * 1000) * 1000 + t.ps;
  return static_cast<std::uint64_t>(idle_mw) * static_cast<std::uint64_t>(microseconds) +
         static_cast<std::uint64_t>(idle_mw * rest_ps / 1'000'000);
}

/// The bin of the epoch's sub-grid that a replica's books stand in.
struct BinCursor {
  std::int64_t* energy_nj = nullptr;
  sim::Time edge = 0;  // the bin's end
};
MW_HD inline BinCursor bin_at(std::int64_t* first_bin, sim::Time start, sim::Time sub_step,
                              sim::Time t) {
  const std::int64_t bin = (t - start) / sub_step;
  return {first_bin + bin, start + (bin + 1) * sub_step};
}
inline BinCursor bin_at(PodEpoch& epoch, std::int32_t replica, sim::Time t) {
  return bin_at(epoch.energy_nj.data() + std::int64_t{replica} * epoch.bins, epoch.start,
                epoch.sub_step, t);
}

/// Hands up the energy of [from, until), bin by bin. spent_until(t): what was spent in [from, t].
template <class SpentUntil>
MW_HD void spread(sim::Time sub_step, PodCounts& counts, BinCursor& bin, sim::FineTime from,
                  sim::FineTime until, SpentUntil&& spent_until) {
  while (bin.edge <= from.ns) {
    ++bin.energy_nj;
    bin.edge += sub_step;
  }
  std::int64_t before_nj = 0;
  while (true) {
    const sim::FineTime edge{bin.edge, 0};
    const bool last = until <= edge;
    const Spent now = spent_until(last ? until : edge);
    const std::int64_t now_nj = now.prefill_nj + now.decode_nj + now.idle_nj;
    *bin.energy_nj += now_nj - before_nj;
    if (last) {
      counts.prefill_nj += now.prefill_nj;
      counts.decode_nj += now.decode_nj;
      counts.idle_nj += now.idle_nj;
      return;
    }
    before_nj = now_nj;
    ++bin.energy_nj;
    bin.edge += sub_step;
  }
}

/// The same for the iteration that runs, or for an idle replica, from where its books stand.
MW_HD inline void hand_up(ReplicaBooks& replica, std::int64_t idle_mw, sim::FineTime until,
                          sim::Time sub_step, PodCounts& counts, BinCursor& bin) {
  const sim::FineTime from = replica.accounted;
  if (!(from < until)) return;
  if (replica.busy) {
    const std::int64_t whole = sim::ps_between(replica.started, replica.ends);
    const auto spent_since_start = [&](sim::FineTime t) -> Spent {
      const std::int64_t part = sim::ps_between(replica.started, t);
      if (part == whole) return {replica.prefill_nj, replica.decode_nj, 0};
      return {replica.prefill_nj > 0 ? sim::mul_div_floor(replica.prefill_nj, part, whole) : 0,
              sim::mul_div_floor(replica.decode_nj, part, whole), 0};
    };
    const Spent before = replica.started < from ? spent_since_start(from) : Spent{};
    spread(sub_step, counts, bin, from, until, [&](sim::FineTime t) -> Spent {
      const Spent now = spent_since_start(t);
      return {now.prefill_nj - before.prefill_nj, now.decode_nj - before.decode_nj, 0};
    });
    counts.busy_ps += sim::ps_between(from, until);
  } else {
    const bool off = replica.off != Outage::none;
    const std::int64_t mw = off ? 0 : idle_mw;
    const std::uint64_t before = idle_nj_until(mw, from);
    spread(sub_step, counts, bin, from, until, [&](sim::FineTime t) -> Spent {
      return {0, 0, static_cast<std::int64_t>(idle_nj_until(mw, t) - before)};
    });
    if (off) counts.unavailable_ps += sim::ps_between(from, until);
  }
  replica.accounted = until;
}

// --- The router's door -------------------------------------------------------------------------

inline std::int64_t to_limit_ps(const std::optional<sim::Seconds>& target) {
  if (!target || target->value > 9e6) return no_power_limit;
  return static_cast<std::int64_t>(target->value * 1e12 + 0.5);
}

inline constexpr std::uint32_t router_stream = 1;

inline PodLaw law_of(const PodParameters& p) {
  PodLaw law;
  law.engine = p.engine;
  law.table = p.table->view();
  law.idle_mw = p.table->idle_power_mw;
  law.kv_blocks = kv_blocks(p.engine, *p.table);
  law.max_context = p.max_context;
  law.ttft_limit_ps = to_limit_ps(p.slo.ttft);
  law.tpot_limit_ps = to_limit_ps(p.slo.tpot);
  law.router = p.router;
  law.prefixes = p.prefixes.get();
  const auto size = static_cast<unsigned>(p.engine.block_size);
  if (std::has_single_bit(size)) law.block_shift = std::countr_zero(size);
  law.router_draws = {p.seed, p.partition, router_stream};
  return law;
}

inline EngineContext make_context(PodState& pod, const PodParameters& parameters, const PodLaw& law,
                                  std::int32_t replica, PodEpoch& epoch, LatencyFeed& latencies) {
  return {law,
          replica,
          epoch.counts,
          latencies,
          pod.router,
          {parameters.keep_records ? &epoch.records : nullptr,
           parameters.users.users > 0 ? &pod.users : nullptr, &parameters.users}};
}

/// Counts an arrival. False, and it is refused, if no replica can ever hold it or the model cannot.
MW_HD inline bool let_in(const PodLaw& law, const Arrival& a, PodCounts& counts,
                         sim::TraceHash& refusals) {
  ++counts.arrivals;
  counts.arrived_prompt_tokens += a.prompt_tokens;
  counts.arrived_output_tokens += a.output_tokens;
  const bool too_long = std::int64_t{a.prompt_tokens} + a.output_tokens > law.max_context;
  if (!too_long &&
      can_ever_fit(a.prompt_tokens, a.output_tokens, law.engine.block_size, law.kv_blocks)) {
    return true;
  }
  ++counts.refused;
  if (too_long) ++counts.refused_context;
  counts.refused_prompt_tokens += a.prompt_tokens;
  counts.refused_output_tokens += a.output_tokens;
  counts.lost_kv_memory += a.output_tokens;
  refusals.fold(a.t, static_cast<std::uint32_t>(Transition::refused), a.id, 0);
  return false;
}

/// Where all replicas are off it waits at the front for one: see switching.hpp.
inline void hold_back(PodState& pod, const PodParameters& parameters, const Arrival& a) {
  Request request;
  request.id = a.id;
  request.arrival = a.t;
  request.prompt = a.prompt_tokens;
  request.output = a.output_tokens;
  request.priority = priority_of(parameters.tiers, parameters.tier_draws, a.id);
  request.marks = mark_of(pod.replicas.front().off);
  pod.held.push_back(request);
}

/// Chooses a replica for a request that has so many tokens to compute.
inline Dispatch send(RouterState& router, const PodLaw& law, std::uint64_t id, std::int32_t prompt,
                     std::int32_t tokens) {
  if (law.router != RouterPolicy::kv_aware)
    return dispatch(router, law.router, law.router_draws, tokens);
  const PrefixLaw& prefixes = *law.prefixes;
  return dispatch_by_prefix(router,
                            {prefixes.keys_of(id, prompt), prefixes.group_tokens,
                             law.kv_blocks / (prefixes.group_tokens / law.engine.block_size)},
                            tokens);
}

/// Counts an arrival and sends it to a replica; nowhere (replica -1) if it is refused or held.
inline Dispatch receive(PodState& pod, const PodParameters& parameters, const PodLaw& law,
                        const Arrival& a, PodCounts& counts) {
  if (!let_in(law, a, counts, pod.refusals)) {
    if (parameters.users.users > 0) answer(pod.users, parameters.users, {a.t, 0});
    return {-1, 0};
  }
  if (nobody_on(pod.router)) {
    hold_back(pod, parameters, a);
    return {-1, 0};
  }
  return send(pod.router, law, a.id, a.prompt_tokens, a.prompt_tokens);
}

}  // namespace mw::models
