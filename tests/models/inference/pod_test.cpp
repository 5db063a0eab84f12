#include "models/inference/pod.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <map>
#include <numeric>

#include "models/inference/hand_table.hpp"
#include "models/inference/jump_replica.hpp"
#include "sim/archive.hpp"
#include "sim/random.hpp"

using namespace mw::models;
using namespace mw::models::test;
using mw::sim::millisecond;
using mw::sim::second;
using mw::sim::Time;

namespace {

struct Workload {
  PodParameters pod;
  std::vector<Arrival> arrivals;
  Time end;
};

/// A small pod under so much load that queues, chunks, preemptions and refusals all occur.
Workload busy_workload(std::uint64_t seed, RouterPolicy router,
                       Stepping stepping = Stepping::jump) {
  HandTable table;
  table.per_token_s = 1.37e-6;
  table.per_pair_s = 1e-9;
  table.levels = 2;
  Workload w;
  w.pod.table = table.build();
  w.pod.engine = {8, 64, 4, 60, stepping};
  w.pod.router = router;
  w.pod.replicas = 3;
  w.pod.slo = {mw::sim::Seconds{0.2}, mw::sim::Seconds{0.01}};
  w.pod.seed = seed;
  w.pod.keep_records = true;
  const mw::sim::Stream draws{seed, 9, 9};
  Time t = 0;
  for (std::uint64_t i = 0; i < 600; ++i) {
    t += static_cast<Time>(3e6 * mw::sim::exponential(draws, 3 * i));
    const auto prompt = 1 + static_cast<std::int32_t>(90 * mw::sim::exponential(draws, 3 * i + 1));
    const auto output = 1 + static_cast<std::int32_t>(30 * mw::sim::exponential(draws, 3 * i + 2));
    w.arrivals.push_back({t, i, prompt, output});
  }
  w.end = 20 * second;
  return w;
}

std::span<const Arrival> between(const std::vector<Arrival>& all, Time from, Time until) {
  const auto earlier = [](const Arrival& a, Time t) { return a.t < t; };
  const auto first = std::lower_bound(all.begin(), all.end(), from, earlier);
  const auto last = std::lower_bound(first, all.end(), until, earlier);
  return {first, last};
}

struct Outcome {
  std::vector<std::byte> state;
  Latencies latencies;
  PodCounts counts;
  std::vector<std::int64_t> bins;  // per replica and 10 ms, whatever the epochs were
};

/// Runs to the end in epochs that begin and end at `cuts`; `between_epochs` may replace the state.
Outcome run(const Workload& w, const std::vector<Time>& cuts,
            const std::function<void(PodState&)>& between_epochs = {}) {
  constexpr Time grid = 10 * millisecond;
  PodState pod = initial_pod(w.pod);
  Outcome outcome;
  const auto grid_bins = static_cast<std::size_t>(w.end / grid);
  outcome.bins.assign(grid_bins * pod.replicas.size(), 0);
  PodEpoch epoch;
  epoch.latencies = &outcome.latencies;
  for (std::size_t k = 0; k <= cuts.size(); ++k) {
    const Time from = pod.now, until = k < cuts.size() ? cuts[k] : w.end;
    // A sub-step of 1 ms: cuts are multiples of it, so its bins add up to those of 10 ms.
    begin_epoch(epoch, w.pod.replicas, from, until, millisecond);
    advance(pod, w.pod, between(w.arrivals, from, until), until, epoch);
    add(outcome.counts, epoch.counts);
    for (std::size_t r = 0; r < pod.replicas.size(); ++r) {
      for (int b = 0; b < epoch.bins; ++b) {
        const auto slot = static_cast<std::size_t>((from + b * millisecond) / grid);
        outcome.bins[r * grid_bins + slot] +=
            epoch.energy_nj[r * static_cast<std::size_t>(epoch.bins) + static_cast<std::size_t>(b)];
      }
    }
    if (between_epochs) between_epochs(pod);
  }
  // Levels add up over epochs here, which means nothing; those of the last epoch count.
  outcome.counts.running = epoch.counts.running;
  outcome.counts.waiting = epoch.counts.waiting;
  outcome.counts.kv_blocks_used = epoch.counts.kv_blocks_used;
  outcome.counts.kv_blocks_total = epoch.counts.kv_blocks_total;
  for (ReplicaState& replica : pod.replicas) replica = in_plain_words(replica, w.pod.engine);
  outcome.state = mw::sim::save(pod);
  return outcome;
}

std::vector<Time> every(Time step, Time end) {
  std::vector<Time> cuts;
  for (Time t = step; t < end; t += step) cuts.push_back(t);
  return cuts;
}

void check_equal(const Outcome& a, const Outcome& b) {
  CHECK(a.state == b.state);
  CHECK(a.latencies == b.latencies);
  CHECK(a.bins == b.bins);
  CHECK(mw::sim::save(a.counts) == mw::sim::save(b.counts));
}

}  // namespace

TEST_CASE("where epochs are cut changes nothing: state, counts, energy bins, histograms") {
  for (const RouterPolicy router :
       {RouterPolicy::round_robin, RouterPolicy::least_tokens, RouterPolicy::power_of_two}) {
    for (const Stepping stepping : {Stepping::plain, Stepping::jump}) {
      const Workload w = busy_workload(5, router, stepping);
      const Outcome whole = run(w, {});
      CHECK(whole.counts.preemptions > 0);
      CHECK(whole.counts.refused > 0);
      CHECK(whole.counts.completed + whole.counts.refused == 600);
      check_equal(whole, run(w, every(second, w.end)));
      check_equal(whole, run(w, every(7 * millisecond, w.end)));
    }
  }
}

TEST_CASE("a pod read back from its archive, or a copy of it, goes on as the pod itself") {
  const Workload w = busy_workload(6, RouterPolicy::least_tokens);
  const Outcome straight = run(w, every(100 * millisecond, w.end));
  check_equal(straight, run(w, every(100 * millisecond, w.end), [](PodState& pod) {
                PodState restored;
                mw::sim::load(restored, mw::sim::save(pod));
                pod = restored;
              }));
  check_equal(straight, run(w, every(100 * millisecond, w.end), [](PodState& pod) {
                const PodState copy = pod;
                pod = copy;
              }));
}

TEST_CASE("another seed, another history; the same seed, the same") {
  const Workload a = busy_workload(7, RouterPolicy::power_of_two);
  Workload b = a;
  b.pod.seed = 8;
  CHECK(run(a, {}).state == run(a, {}).state);
  CHECK(run(a, {}).state != run(b, {}).state);
}

// What holds at every cut, for any limits and any requests:
//   blocks free + blocks held = all blocks, none negative; never more running than allowed
//   arrivals = refused + completed + running + waiting
//   energy in bins = prefill + decode + idle
// and in the end every request that fits has completed, each prompt token was computed once, each
// output token emitted once, and a replica admitted its requests in the order in which they came.
TEST_CASE("random workloads keep the books, starve nobody and jump no queue") {
  CHECK(rc::check([] {
    PodParameters p;
    HandTable table;
    table.per_token_s = 1.7e-6;
    table.max_sequences = 16;
    table.max_tokens = 64;
    p.table = table.build();
    p.engine.max_num_seqs = *rc::gen::inRange(1, 16);
    p.engine.max_num_batched_tokens = *rc::gen::inRange(p.engine.max_num_seqs + 1, 64);
    p.engine.block_size = *rc::gen::inRange(1, 8);
    p.engine.kv_blocks = *rc::gen::inRange(1, 120);
    p.engine.stepping = *rc::gen::element(Stepping::plain, Stepping::jump);
    p.replicas = *rc::gen::inRange(1, 4);
    p.router = *rc::gen::element(RouterPolicy::round_robin, RouterPolicy::least_tokens,
                                 RouterPolicy::power_of_two);
    p.keep_records = true;
    const auto sizes = *rc::gen::container<std::vector<std::tuple<int, int, int>>>(rc::gen::tuple(
        rc::gen::inRange(0, 8'000'000), rc::gen::inRange(1, 150), rc::gen::inRange(1, 60)));
    std::vector<Arrival> arrivals;
    Time t = 0;
    for (const auto& [gap, prompt, output] : sizes) {
      t += gap;
      arrivals.push_back({t, arrivals.size(), prompt, output});
    }

    PodState pod = initial_pod(p);
    PodEpoch epoch;
    Latencies latencies;
    epoch.latencies = &latencies;
    PodCounts sum;
    std::vector<RequestRecord> records;
    std::int64_t in_bins = 0;
    // Nobody needs more than its prompt and output one by one, alone, twice over.
    const Time end = t + second + 2 * 210 * millisecond * 3 * static_cast<Time>(sizes.size() + 1);
    for (Time now = 0; now < end;) {
      const Time until = now < t ? now + 5 * millisecond : end;
      begin_epoch(epoch, p.replicas, now, until, until == end ? second : millisecond);
      advance(pod, p, between(arrivals, now, until), until, epoch);
      now = until;
      const std::int64_t waiting_and_running = epoch.counts.running + epoch.counts.waiting;
      add(sum, epoch.counts);
      in_bins = std::accumulate(epoch.energy_nj.begin(), epoch.energy_nj.end(), in_bins);
      records.insert(records.end(), epoch.records.begin(), epoch.records.end());
      RC_ASSERT(sum.arrivals == sum.refused + sum.completed + waiting_and_running);
      for (const ReplicaState& one : pod.replicas) {
        const ReplicaState replica = in_plain_words(one, p.engine);
        std::int64_t held = 0;
        for (const Request& r : replica.running) held += r.blocks;
        RC_ASSERT(replica.free_blocks >= 0);
        RC_ASSERT(held + replica.free_blocks == *p.engine.kv_blocks);
        RC_ASSERT(static_cast<int>(replica.running.size()) <= p.engine.max_num_seqs);
      }
    }
    RC_ASSERT(in_bins == sum.prefill_nj + sum.decode_nj + sum.idle_nj);
    RC_ASSERT(sum.completed + sum.refused == static_cast<std::int64_t>(arrivals.size()));
    RC_ASSERT(sum.prompt_tokens == sum.completed_prompt_tokens);
    RC_ASSERT(sum.output_tokens == sum.completed_output_tokens);
    RC_ASSERT(sum.completed_prompt_tokens + sum.refused_prompt_tokens == sum.arrived_prompt_tokens);
    RC_ASSERT(sum.completed_output_tokens + sum.refused_output_tokens == sum.arrived_output_tokens);
    RC_ASSERT(latencies.itl.total == sum.output_tokens - sum.completed);
    RC_ASSERT(std::all_of(pod.router.outstanding.begin(), pod.router.outstanding.end(),
                          [](std::int64_t o) { return o == 0; }));
    std::sort(records.begin(), records.end(),
              [](const RequestRecord& a, const RequestRecord& b) { return a.id < b.id; });
    std::map<int, mw::sim::FineTime> newest;
    for (const RequestRecord& r : records) {
      RC_ASSERT(newest[r.replica] <= r.admitted);
      newest[r.replica] = r.admitted;
      RC_ASSERT((mw::sim::FineTime{r.arrival, 0} <= r.admitted));
      RC_ASSERT(r.admitted < r.first);
      RC_ASSERT(r.first <= r.finished);
    }
  }));
}

// One sequence at a time, one output token: a request takes one iteration of D seconds, whatever
// waits. Poisson arrivals at rho = 0.5 make that an M/D/1 queue; Pollaczek-Khinchine gives the mean
// wait rho D / (2 (1 - rho)) = D / 2. 200,000 requests leave about 1 % of chance.
TEST_CASE("one sequence at a time is an M/D/1 queue") {
  PodParameters p;
  p.table = HandTable{}.build();
  p.engine = {1, 512, 16, 1000};
  p.keep_records = true;
  PodState pod = initial_pod(p);
  const double service_s = 1e-3 + 100e-6;
  std::vector<Arrival> arrivals;
  double t = 0;
  for (std::uint64_t i = 0; i < 200'000; ++i) {
    t += service_s / 0.5 * mw::sim::exponential({11, 1, 1}, i);
    arrivals.push_back({mw::sim::from_seconds(t), i, 100, 1});
  }
  PodEpoch epoch;
  const Time end = arrivals.back().t + second;
  begin_epoch(epoch, 1, 0, end, second);
  advance(pod, p, arrivals, end, epoch);
  double wait_s = 0;
  for (const RequestRecord& r : epoch.records) {
    wait_s += 1e-12 * static_cast<double>(mw::sim::ps_between({r.arrival, 0}, r.admitted));
  }
  wait_s /= static_cast<double>(epoch.records.size());
  CHECK(epoch.records.size() == arrivals.size());
  CHECK(wait_s == doctest::Approx(0.5 * service_s).epsilon(0.03));
  // Utilisation is exact: as many iterations as requests.
  CHECK(epoch.counts.busy_ps == 200'000 * 1'100'000'000LL);
}

TEST_CASE("a replica's trace hash and the pod's tell histories apart") {
  Workload w = busy_workload(12, RouterPolicy::round_robin);
  const auto hash_of = [](const Workload& one) {
    PodState pod = initial_pod(one.pod);
    PodEpoch epoch;
    begin_epoch(epoch, one.pod.replicas, 0, one.end, second);
    advance(pod, one.pod, one.arrivals, one.end, epoch);
    return trace_hash(pod).value;
  };
  const auto straight = hash_of(w);
  CHECK(hash_of(w) == straight);
  CHECK(straight ==
        16945653023073773121ull);  // a known answer: equal for every compiler, build and machine
  w.arrivals[300].output_tokens += 1;
  CHECK(hash_of(w) != straight);
}
