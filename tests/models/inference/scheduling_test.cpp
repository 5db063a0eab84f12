#include <doctest/doctest.h>

#include "models/inference/hand_table.hpp"
#include "models/inference/pod.hpp"
#include "sim/random.hpp"

// Priorities, preemption by swap and the model's context limit, with pencil and paper.
using namespace mw::models;
using namespace mw::models::test;
using mw::sim::FineTime;
using mw::sim::second;
using mw::sim::Time;

namespace {

/// Blocks of 2 tokens, 5 of them. An iteration of n tokens takes 1 ms + n us.
PodParameters tight(Stepping stepping) {
  PodParameters p;
  p.table = HandTable{}.build();
  p.engine = {4, 16, 2, 5, stepping};
  p.keep_records = true;
  return p;
}

struct Result {
  PodCounts counts;
  std::vector<RequestRecord> records;
};
Result run(const PodParameters& p, const std::vector<Arrival>& arrivals, Time end = second) {
  PodState pod = initial_pod(p);
  PodEpoch epoch;
  begin_epoch(epoch, p.replicas, 0, end, end);
  advance(pod, p, arrivals, end, epoch);
  return {epoch.counts, epoch.records};
}

/// Tiers that give request 0 the priority `first` and request 1 `second`.
void prioritise(PodParameters& p, int first, int second) {
  p.engine.scheduling = Scheduling::priority;
  p.tiers = {{0.5, first}, {0.5, second}};
  while (priority_of(p.tiers, p.tier_draws, 0) != first ||
         priority_of(p.tiers, p.tier_draws, 1) != second) {
    ++p.tier_draws.seed;
  }
}

const std::vector<Arrival> two = {{0, 0, 4, 5}, {0, 1, 4, 3}};

}  // namespace

// A (4 in, 5 out) and B (4 in, 3 out) take 2 blocks each in the first iteration. In the second A
// takes the last one and B, the younger, lacks its third: its 2 blocks move to the host. It needs 3
// when it comes back, so it waits until A has completed in the fifth. The sixth moves the 2 blocks
// back and goes on decoding; the seventh gives B's third token. With 0.1 ms a block:
// 1.008 + 6 x 1.001 + 4 x 0.1 ms, the 0.4 ms at idle power.
TEST_CASE("a swapped-out request goes on where it was, after the time to move its blocks") {
  for (const Stepping stepping : {Stepping::plain, Stepping::jump}) {
    PodParameters p = tight(stepping);
    p.engine.preemption = Preemption::swap;
    p.engine.swap_blocks = 2;
    p.engine.swap_block_ps = 100'000'000;
    const Result r = run(p, two);
    REQUIRE(r.records.size() == 2);
    CHECK((r.records[0].finished == FineTime{5'012'000 + 200'000, 0}));
    CHECK((r.records[1].finished == FineTime{7'014'000 + 400'000, 0}));
    CHECK(r.counts.iterations == 7);
    CHECK(r.counts.swaps == 1);
    CHECK(r.counts.swapped_blocks == 4);
    CHECK(r.counts.recomputed_tokens == 0);
    CHECK(r.counts.prefill_nj + r.counts.decode_nj == 7'014'000'000 + 80'000'000);

    // Room for one block only: B is computed anew, 5 tokens in the sixth iteration.
    p.engine.swap_blocks = 1;
    const Result anew = run(p, two);
    CHECK(anew.counts.swaps == 0);
    CHECK(anew.counts.recomputed_tokens == 4);
    CHECK((anew.records[1].finished == FineTime{7'018'000, 0}));
  }
}

// The same two, B more urgent: in the second iteration A has its block and its token already, but
// is the one to go; both are taken back. B completes in the third, 1.008 + 2 x 1.001 ms. A then
// computes its 5 tokens anew, 4 of them for the second time, and three more decodes:
// 3.010 + 1.005 + 3 x 1.001 ms.
TEST_CASE("the least urgent gives way, even if it has its token already") {
  for (const Stepping stepping : {Stepping::plain, Stepping::jump}) {
    PodParameters p = tight(stepping);
    prioritise(p, 1, 0);
    const Result r = run(p, two);
    REQUIRE(r.records.size() == 2);
    CHECK(r.records[0].id == 1);
    CHECK(r.records[0].priority == 0);
    CHECK((r.records[0].finished == FineTime{3'010'000, 0}));
    CHECK((r.records[1].finished == FineTime{7'018'000, 0}));
    CHECK(r.counts.preemptions == 1);
    CHECK(r.counts.recomputed_tokens == 4);
    CHECK(r.counts.output_tokens == 8);
  }
}

// One sequence at a time and one output token: a server with the constant service time D and
// non-preemptive priorities. With W0 = lambda D^2 / 2 and s_k the load of the classes up to k the
// mean waits are W0 / ((1 - s_(k-1)) (1 - s_k)) (Cobham, "Priority assignment in waiting line
// problems", Operations Research 2 (1954) 70). 400,000 requests leave about 1 % of chance.
TEST_CASE("priorities wait as Cobham's formula says") {
  PodParameters p;
  p.table = HandTable{}.build();
  p.engine = {1, 512, 16, 1000};
  p.engine.scheduling = Scheduling::priority;
  p.keep_records = true;
  p.tiers = {{0.2, -1}, {0.5, 0}, {0.3, 7}};
  p.tier_draws = {4, 4, 4};
  const double service_s = 1e-3 + 100e-6, load = 0.8;
  std::vector<Arrival> arrivals;
  double t = 0;
  for (std::uint64_t i = 0; i < 400'000; ++i) {
    t += service_s / load * mw::sim::exponential({12, 1, 1}, i);
    arrivals.push_back({mw::sim::from_seconds(t), i, 100, 1});
  }
  const Result r = run(p, arrivals, arrivals.back().t + second);
  REQUIRE(r.records.size() == arrivals.size());
  double below = 0;
  for (const PriorityTier& tier : p.tiers) {
    double wait_s = 0, count = 0;
    for (const RequestRecord& one : r.records) {
      if (one.priority != tier.priority) continue;
      wait_s += 1e-12 * static_cast<double>(mw::sim::ps_between({one.arrival, 0}, one.admitted));
      ++count;
    }
    CAPTURE(tier.priority);
    CHECK(count / 400'000 == doctest::Approx(tier.share).epsilon(0.01));
    const double up_to = below + load * tier.share;
    const double expected = load * service_s / 2 / ((1 - below) * (1 - up_to));
    CHECK(wait_s / count == doctest::Approx(expected).epsilon(0.05));
    below = up_to;
  }
}

// 4 + 5 tokens against a limit of 8: refused on arrival, though the cache could hold them.
TEST_CASE("a request longer than the model's context is refused and counted") {
  for (const Stepping stepping : {Stepping::plain, Stepping::jump}) {
    PodParameters p = tight(stepping);
    p.max_context = 8;
    const Result r = run(p, two);
    CHECK(r.counts.refused == 1);
    CHECK(r.counts.refused_context == 1);
    CHECK(r.counts.completed == 1);
    CHECK(r.counts.refused_output_tokens == 5);
    p.max_context = 9;
    CHECK(run(p, two).counts.refused == 0);
  }
}

TEST_CASE("shares of tiers add up to one, and are kept") {
  mw::sim::Problems problems;
  check_tiers({{0.5, 0}, {0.4, 1}}, problems);
  CHECK(problems.items.size() == 1);
  check_tiers({{0.2, 0}, {0.7, 1}, {0.1, 2}}, problems);
  check_tiers({}, problems);
  CHECK(problems.items.size() == 1);
}
