#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

#include "gpu/atomic.hpp"
#include "gpu/list.hpp"
#include "gpu/tile.hpp"
#include "models/inference/accounting.hpp"
#include "models/inference/jump_engine.hpp"
#include "models/inference/moments.hpp"

// A pod in flat memory, and what a tile of lanes does with it: the jump engine of the host on lists
// of fixed capacity. Replicas meet in the router alone, and there only when a request arrives. So
// between two arrivals each lane lets its replicas go on by themselves, event after event, and all
// meet again at the next arrival. What they do to the router's sums, counts and histograms in the
// meantime are additions of integers, whose order nobody can see.
namespace mw::models {

/// A request that waits, and the one behind it at the same replica (-1: none).
struct FlatWaiting {
  JumpArrival request;
  std::int32_t behind = -1;
};

/// JumpState in flat memory. Requests that wait are a chain through the pod's share of two arrays,
/// one from the last epoch and one for this, which the host makes as long as they need to be.
struct FlatJump : JumpSums {
  gpu::FlatList<JumpRequest> sent_back, slots;
  gpu::FlatList<std::uint16_t> free_slots, block_takers, finishing;
  gpu::FlatList<std::uint64_t> last_keys;
  gpu::FlatList<JumpStalled> stalled;
  FlatWaiting* chain = nullptr;  // valid within an epoch
  std::int32_t first = -1, last = -1, chained = 0;
  std::int32_t free_link = 0;  // where the next one goes

  MW_HD void add_arrived(const JumpArrival& a) {
    chain[free_link] = {a, -1};
    (last < 0 ? first : chain[last].behind) = free_link;
    last = free_link;
    ++chained;
  }
  MW_HD const JumpArrival& first_arrived() const { return chain[first].request; }
  MW_HD void drop_first_arrived() {
    first = chain[first].behind;
    if (first < 0) last = -1;
    --chained;
  }
  MW_HD bool waits() const { return !sent_back.empty() || chained > 0; }
  MW_HD std::size_t waiting() const { return sent_back.size() + static_cast<std::size_t>(chained); }
  MW_HD std::size_t running() const { return slots.size() - free_slots.size(); }
};

struct FlatReplica : ReplicaBooks {
  FlatJump jump;
  gpu::FlatList<std::uint16_t> due;
  // Of the epoch that runs.
  JumpLane lane;
  sim::Time moment = sim::never;  // of its next event
  PodCounts counts;
};

struct FlatRouter {
  gpu::FlatList<std::int64_t> outstanding;
  std::int32_t next = 0, off = 0;
  std::uint64_t draws = 0;
  std::int64_t completed_requests = 0, completed_output_tokens = 0;
};

/// The beginning of a pod's memory; its lists follow.
struct FlatPod {
  gpu::FlatList<FlatReplica> replicas;
  FlatRouter router;
  sim::TraceHash refusals;
  PodCounts door;  // what its router counted in the epoch that runs
  Dispatch sent{};
};

/// All bins there are, so that many may count at once. Values are at least 0, and then their bits
/// are in the order of the values.
struct FlatHistogram {
  static constexpr std::size_t bins =
      static_cast<std::size_t>(LogHistogram::octaves) * LogHistogram::bins_per_octave;
  std::int64_t counts[bins];
  // Bits of the largest value, and how far those of the smallest are below the most they can be:
  // both 0 before the first.
  std::int64_t largest, below;

  MW_HD static std::int64_t bits_of(double value) {
    std::int64_t bits = 0;
    memcpy(&bits, &value, sizeof bits);
    return bits;
  }
  MW_HD void add(double value, std::int64_t times = 1) {
    add_in(LogHistogram::bin_of(value), value, times);
  }
  MW_HD void add_in(std::size_t bin, double value, std::int64_t times) {
    gpu::add_to(counts[bin], times);
    extend(value);
  }
  MW_HD void extend(double value) {
    gpu::raise_to(largest, bits_of(value));
    gpu::raise_to(below, INT64_MAX - bits_of(value));
  }
};
struct FlatLatencies {
  FlatHistogram ttft, tpot, itl, e2e, queue;
};

/// On a device nobody else listens: pods whose requests are kept or asked for by users stay on the
/// host (see flat_obstacle).
struct NobodyListens {
  MW_HD void ended(std::int32_t, const Finished&, sim::FineTime) const {}
};

struct FlatMemory {
  using Replica = FlatReplica;
  using Jump = FlatJump;
  using Router = FlatRouter;
  using Latencies = FlatLatencies;
  using Listening = NobodyListens;
  using Due = gpu::FlatList<std::uint16_t>;
  static constexpr bool has_priorities = false;
  static constexpr bool has_prefixes = false;
};
using FlatEngine = JumpEngineOn<FlatMemory>;

struct FlatSetPoint {
  std::int64_t power_limit_mw;
  std::int32_t requested_level, ceiling_level;
  std::int32_t max_seqs, max_tokens;
};

/// One pod's part in an epoch: where its own things are among all pods'.
struct FlatTask {
  std::int64_t memory;             // bytes
  std::int64_t arrivals;           // its requests of this epoch ...
  std::int64_t replica;            // its first
  std::int64_t waited, waiting;    // its part of the chains before and after
  std::int32_t arrival_count = 0;  // ... and how many
  std::int32_t law = 0, latencies = 0, result = 0;
  sim::Stream router_draws{};
  sim::TraceHash refusals;  // so far
};

struct FlatResult {
  PodCounts counts;
  sim::TraceHash refusals;
};

/// An epoch of many pods.
struct FlatEpoch {
  char* memory = nullptr;
  const FlatTask* tasks = nullptr;
  const PodLaw* laws = nullptr;
  const Arrival* arrivals = nullptr;
  const FlatSetPoint* set_points = nullptr;  // [replica]
  const FlatWaiting* waited = nullptr;
  FlatWaiting* waiting = nullptr;
  FlatLatencies* latencies = nullptr;
  std::int64_t* energy_nj = nullptr;  // [replica][bin]
  sim::TraceHash* hashes = nullptr;   // [replica]
  FlatResult* results = nullptr;
  sim::Time start = 0, now = 0, until = 0, sub_step = 0;
  int bins = 0;
};

/// What advance() does on the host. To be stepped by tiles (gpu/tiles.hpp).
struct AdvanceFlatPods {
  FlatEpoch epoch;
  template <class Tile>
  MW_HD void operator()(const Tile& tile, int i) const {
    advance(tile, epoch.tasks[i]);
  }

 private:
  template <class Tile>
  MW_HD void advance(const Tile& tile, const FlatTask& task) const {
    FlatPod& pod = *reinterpret_cast<FlatPod*>(epoch.memory + task.memory);
    const PodLaw& law = epoch.laws[task.law];
    FlatLatencies& latencies = epoch.latencies[task.latencies];
    const int n = static_cast<int>(pod.replicas.size());
    const auto replica_of = [&](int r) -> FlatReplica& {
      return pod.replicas[static_cast<std::size_t>(r)];
    };
    const auto engine_of = [&](FlatReplica& replica) {
      return FlatEngine({law, 0, replica.counts, latencies, pod.router, {}}, epoch.sub_step,
                        replica.due);
    };
    const auto all_until = [&](sim::Time key) {
      tile.each(n, [&](int r) {
        FlatReplica& replica = replica_of(r);
        if (replica.moment >= key) return;
        FlatEngine engine = engine_of(replica);
        while (replica.moment < key)
          replica.moment = happen(engine, replica, replica.lane, r, replica.moment);
      });
    };

    tile.each(n, [&](int r) { begin(pod, task, r); });
    std::int32_t waited = 0;
    for (int r = 0; r < n; ++r) waited += replica_of(r).jump.chained;
    tile.once([&] {
      pod.door = {};
      pod.refusals = task.refusals;
    });

    const Arrival* const arrivals = epoch.arrivals + task.arrivals;
    for (std::int32_t i = 0; i < task.arrival_count; ++i) {
      const Arrival& a = arrivals[i];
      all_until(key_at(a.t, arrival_phase));
      std::int32_t least = -1;
      if (law.router == RouterPolicy::least_tokens) {
        const std::int32_t turn = pod.router.next;
        least = tile.least(n, [&](int r) -> gpu::Least {
          return {pod.router.outstanding[static_cast<std::size_t>(r)], r < turn ? r + n : r, r};
        });
      }
      tile.once([&] {
        pod.sent = {-1, 0};
        if (!let_in(law, a, pod.door, pod.refusals)) return;
        std::int32_t replica = turn_of(pod.router);
        if (law.router == RouterPolicy::least_tokens) replica = least;
        if (law.router == RouterPolicy::power_of_two)
          replica = lesser_of_two(pod.router, task.router_draws);
        pod.sent = charge(pod.router, replica, a.prompt_tokens);
      });
      const Dispatch sent = pod.sent;
      if (sent.replica < 0) continue;
      tile.at(sent.replica, [&] {
        FlatReplica& replica = replica_of(sent.replica);
        replica.jump.free_link = waited + i;
        FlatEngine engine = engine_of(replica);
        const sim::Time sooner =
            next_after_arrival(engine, replica, replica.lane, a, sent.charge, 0);
        if (sooner != sim::never) replica.moment = sooner;
      });
    }
    all_until(key_at(epoch.until, end_phase));
    tile.each(n, [&](int r) { end(pod, law, task, latencies, r); });

    // Counts are 64-bit integers all through: a lane sums up a field.
    constexpr int fields = sizeof(PodCounts) / sizeof(std::int64_t);
    FlatResult& result = epoch.results[task.result];
    tile.each(fields, [&](int field) {
      std::int64_t sum = reinterpret_cast<const std::int64_t*>(&pod.door)[field];
      for (int r = 0; r < n; ++r)
        sum += reinterpret_cast<const std::int64_t*>(&replica_of(r).counts)[field];
      reinterpret_cast<std::int64_t*>(&result.counts)[field] = sum;
    });
    tile.once([&] { result.refusals = pod.refusals; });
  }

  MW_HD void begin(FlatPod& pod, const FlatTask& task, int r) const {
    FlatReplica& replica = pod.replicas[static_cast<std::size_t>(r)];
    const FlatSetPoint& set = epoch.set_points[task.replica + r];
    replica.power_limit_mw = set.power_limit_mw;
    replica.requested_level = set.requested_level;
    replica.ceiling_level = set.ceiling_level;
    replica.max_seqs = set.max_seqs;
    replica.max_tokens = set.max_tokens;
    replica.counts = {};
    replica.lane = {};
    std::int64_t* const energy_nj = epoch.energy_nj + (task.replica + r) * epoch.bins;
    for (int b = 0; b < epoch.bins; ++b) energy_nj[b] = 0;
    replica.lane.bin = bin_at(energy_nj, epoch.start, epoch.sub_step, replica.accounted.ns);
    replica.moment = first_moment(replica, epoch.now);

    // Those that wait move on to this epoch's chain, behind those of the replicas before this one.
    std::int32_t at = 0;
    for (int before = 0; before < r; ++before)
      at += pod.replicas[static_cast<std::size_t>(before)].jump.chained;
    FlatJump& jump = replica.jump;
    FlatWaiting* const chain = epoch.waiting + task.waiting;
    const FlatWaiting* const old = epoch.waited + task.waited;
    std::int32_t from = jump.first;
    jump.chain = chain;
    if (from < 0) return;
    jump.first = at;
    for (; from >= 0; from = old[from].behind, ++at)
      chain[at] = {old[from].request, old[from].behind < 0 ? -1 : at + 1};
    jump.last = at - 1;
  }

  MW_HD void end(FlatPod& pod, const PodLaw& law, const FlatTask& task, FlatLatencies& latencies,
                 int r) const {
    FlatReplica& replica = pod.replicas[static_cast<std::size_t>(r)];
    FlatEngine({law, 0, replica.counts, latencies, pod.router, {}}, epoch.sub_step, replica.due)
        .cut(replica, replica.lane, {epoch.until, 0});
    replica.counts.running = static_cast<std::int64_t>(replica.jump.running());
    replica.counts.waiting = static_cast<std::int64_t>(replica.jump.waiting());
    replica.counts.kv_blocks_total = law.kv_blocks;
    replica.counts.kv_blocks_used = law.kv_blocks - replica.free_blocks;
    epoch.hashes[task.replica + r] = replica.hash;
  }
};

/// gpu::each_tile_on_device() of it; see flat_pods.cu.
void advance_on_cuda(const AdvanceFlatPods& body, int count, int width);

}  // namespace mw::models
