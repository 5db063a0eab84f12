#include <doctest/doctest.h>

#include "models/inference/hand_table.hpp"
#include "models/inference/pod.hpp"

using namespace mw::models;
using namespace mw::models::test;
using mw::sim::FineTime;
using mw::sim::millisecond;
using mw::sim::second;

namespace {

/// Duration of an iteration of n tokens in the hand table of these tests: 1 ms + n * 1.000001 us.
std::int64_t step_ps(std::int64_t n) {
  return 1'000'000'000 + n * 1'000'001;
}
HandTable picosecond_table() {
  HandTable table;
  table.per_token_s = 1.000001e-6;
  return table;
}

PodParameters one_replica(const HandTable& table, int seqs, int budget, int block,
                          std::int64_t blocks) {
  PodParameters p;
  p.table = table.build();
  p.engine = {seqs, budget, block, blocks, Stepping::plain};
  p.keep_records = true;
  return p;
}

/// Time 0 and then so many picoseconds.
FineTime at_ps(std::int64_t ps) {
  return FineTime{}.plus_ps(ps);
}

}  // namespace

// Three requests, a token budget of 16. Iterations, by hand:
//   1  at 0:       A prefills 10                                -> 10 tokens; A's first token
//   2  at e1:      A decodes, B prefills 15 of 20 (the budget)  -> 16 tokens; A's second
//   3  at e2:      A decodes, B prefills its last 5, C all 3    -> 9 tokens; A and C complete
//   4  at e3:      B decodes                                    -> 1 token; B completes
TEST_CASE("three requests meet the schedule worked out by hand, to the picosecond") {
  const PodParameters p = one_replica(picosecond_table(), 4, 16, 4, 100);
  PodState pod = initial_pod(p);
  PodEpoch epoch;
  begin_epoch(epoch, 1, 0, 10 * millisecond, millisecond);
  const std::vector<Arrival> arrivals{
      {0, 0, 10, 3}, {millisecond / 2, 1, 20, 2}, {3 * millisecond / 2, 2, 3, 1}};
  advance(pod, p, arrivals, 10 * millisecond, epoch);

  const std::int64_t e1 = step_ps(10), e2 = e1 + step_ps(16), e3 = e2 + step_ps(9),
                     e4 = e3 + step_ps(1);
  REQUIRE(epoch.records.size() == 3);
  const RequestRecord &a = epoch.records[0], &c = epoch.records[1], &b = epoch.records[2];
  CHECK(a.id == 0);
  CHECK(a.admitted == at_ps(0));
  CHECK(a.first == at_ps(e1));
  CHECK(a.finished == at_ps(e3));
  CHECK(c.id == 2);
  CHECK(c.admitted == at_ps(e2));
  CHECK(c.first == at_ps(e3));
  CHECK(c.finished == at_ps(e3));
  CHECK(b.id == 1);
  CHECK(b.admitted == at_ps(e1));
  CHECK(b.first == at_ps(e3));
  CHECK(b.finished == at_ps(e4));

  // At 1000 W a picosecond is a nanojoule. Iterations 2 and 3 would have decoded one token each:
  // the rest of their energy is prefill. Idle, at 200 W, is what is left of 10 ms (energies are
  // cumulative floors, so the fraction of a nanojoule at e4 falls to the idle side).
  const PodCounts& n = epoch.counts;
  CHECK(n.busy_ps == e4);
  CHECK(n.decode_nj == 3 * step_ps(1));
  CHECK(n.prefill_nj == e4 - 3 * step_ps(1));
  CHECK(n.idle_nj == 10'000'000'000 / 5 - e4 / 5);
  CHECK(n.iterations == 4);
  CHECK(n.prompt_tokens == 33);
  CHECK(n.output_tokens == 6);
  CHECK(n.running + n.waiting + n.kv_blocks_used == 0);
}

// Ends on whole nanoseconds: the first iteration (10 tokens) ends at 1.01 ms sharp. A request that
// comes at that very moment is seen; one that comes a nanosecond later waits for the next end.
TEST_CASE("an iteration sees the arrivals up to and including the moment it starts") {
  for (const mw::sim::Time late : {0, 1}) {
    CAPTURE(late);
    const PodParameters p = one_replica(HandTable{}, 4, 16, 4, 100);
    PodState pod = initial_pod(p);
    PodEpoch epoch;
    begin_epoch(epoch, 1, 0, 10 * millisecond, millisecond);
    const mw::sim::Time end = 1'010'000;
    advance(pod, p, std::vector<Arrival>{{0, 0, 10, 2}, {end + late, 1, 5, 1}}, 10 * millisecond,
            epoch);
    REQUIRE(epoch.records.size() == 2);
    const std::int64_t admitted_ps = late == 0 ? end * 1000 : end * 1000 + 1'001'000'000;
    CHECK(epoch.records[1].id == 1);
    CHECK(epoch.records[1].admitted == at_ps(admitted_ps));
  }
}

// Blocks of 2 tokens, 5 of them. A: prompt 3, output 6. B: prompt 3, output 4. Both at 0.
//   1  A and B prefill 3 each: 2 + 2 blocks, 1 free           6 tokens
//   2  both decode their 4th token, no new block              2 tokens
//   3  A's 5th token takes the free block; B's finds none, and B is the youngest: it sends itself
//      back with 2 tokens out, 2 blocks free                  1 token
//   4  A's 6th; B needs 3 blocks for its 5 tokens: waits      1 token
//   5  A's 7th takes a block, 1 free                          1 token
//   6  A's 8th and last: all 5 blocks free                    1 token
//   7  B computes its 5 tokens anew (4 of them had been)      5 tokens; its third output
//   8  B's last                                               1 token
TEST_CASE("a preempted request is computed anew, as worked out by hand") {
  const PodParameters p = one_replica(picosecond_table(), 4, 16, 2, 5);
  PodState pod = initial_pod(p);
  PodEpoch epoch;
  Latencies latencies;
  epoch.latencies = &latencies;
  begin_epoch(epoch, 1, 0, 20 * millisecond, millisecond);
  advance(pod, p, std::vector<Arrival>{{0, 0, 3, 6}, {0, 1, 3, 4}}, 20 * millisecond, epoch);

  const std::int64_t e2 = step_ps(6) + step_ps(2), e6 = e2 + 4 * step_ps(1), e7 = e6 + step_ps(5),
                     e8 = e7 + step_ps(1);
  REQUIRE(epoch.records.size() == 2);
  CHECK(epoch.records[0].id == 0);
  CHECK(epoch.records[0].finished == at_ps(e6));
  CHECK(epoch.records[0].preemptions == 0);
  CHECK(epoch.records[1].finished == at_ps(e8));
  CHECK(epoch.records[1].first == at_ps(step_ps(6)));
  CHECK(epoch.records[1].preemptions == 1);
  CHECK(epoch.counts.iterations == 8);
  CHECK(epoch.counts.preemptions == 1);
  CHECK(epoch.counts.recomputed_tokens == 4);
  CHECK(epoch.counts.prompt_tokens == 6);
  CHECK(epoch.counts.output_tokens == 10);
  // B waited from the end of iteration 2 to that of 7 for its third token: the longest gap.
  CHECK(latencies.itl.largest == doctest::Approx(1e-12 * static_cast<double>(e7 - e2)));
}

// Two requests run; an older one's decode needs a block and takes it from a partial prefill.
// Blocks of 2, 6 of them, budget 4. A: prompt 3, output 4. B: prompt 7, output 1, at the same time.
//   1  A prefills 3 (2 blocks), B 1 of 7 (1 block)            4 tokens, 3 free
//   2  A's 4th token (no block), B 3 more: 4 tokens, 2 blocks 4 tokens, 2 free
//   3  A's 5th (1 block), B 3 more: 7 tokens, 4 blocks: it lacks 2, 1 is free: B is the youngest
//      and sends itself back                                  1 token, 3 free
//   4  A's 6th and last; B's first chunk of 3 (the budget left) takes 2 blocks
//                                                             4 tokens
//   5  B 4 more: done                                         4 tokens
TEST_CASE("a partial prefill that lacks blocks sends itself back") {
  const PodParameters p = one_replica(picosecond_table(), 3, 4, 2, 6);
  PodState pod = initial_pod(p);
  PodEpoch epoch;
  begin_epoch(epoch, 1, 0, 20 * millisecond, millisecond);
  advance(pod, p, std::vector<Arrival>{{0, 0, 3, 4}, {0, 1, 7, 1}}, 20 * millisecond, epoch);
  REQUIRE(epoch.records.size() == 2);
  const std::int64_t e4 = 3 * step_ps(4) + step_ps(1);
  CHECK(epoch.records[0].finished == at_ps(e4));
  CHECK(epoch.records[1].finished == at_ps(e4 + step_ps(4)));
  CHECK(epoch.counts.preemptions == 1);
  CHECK(epoch.counts.recomputed_tokens == 4);  // what B had in the cache
  CHECK(epoch.counts.prompt_tokens == 10);
}

// However a prompt is cut into chunks, its tokens meet each earlier token once: the pairs of chunks
// 16, 16 and 8 are 128 + 384 + 288 = 800 = 40 * 40 / 2.
TEST_CASE("chunks of a prefill cost their tokens and their query-key pairs") {
  HandTable table;
  table.per_pair_s = 1e-9;
  const PodParameters p = one_replica(table, 4, 16, 4, 100);
  PodState pod = initial_pod(p);
  PodEpoch epoch;
  begin_epoch(epoch, 1, 0, 20 * millisecond, millisecond);
  advance(pod, p, std::vector<Arrival>{{0, 0, 40, 2}}, 20 * millisecond, epoch);
  REQUIRE(epoch.records.size() == 1);
  const std::int64_t first = 3 * 1'000'000'000LL + 40 * 1'000'000 + 800 * 1000;
  CHECK(epoch.records[0].first == at_ps(first));
  CHECK(epoch.records[0].finished == at_ps(first + 1'001'000'000));
}

// 5 blocks of 2 tokens hold 10; the last output token is never computed: 6 + 5 - 1 = 10 fits,
// 6 + 6 - 1 = 11 does not.
TEST_CASE("a request that no replica can ever hold is refused, and its tokens counted as lost") {
  PodParameters p = one_replica(HandTable{}, 4, 16, 2, 5);
  PodState pod = initial_pod(p);
  PodEpoch epoch;
  begin_epoch(epoch, 1, 0, 20 * millisecond, millisecond);
  advance(pod, p, std::vector<Arrival>{{0, 0, 6, 5}, {0, 1, 6, 6}}, 20 * millisecond, epoch);
  CHECK(epoch.counts.refused == 1);
  CHECK(epoch.counts.completed == 1);
  CHECK(epoch.counts.lost_kv_memory == 6);
  CHECK(epoch.counts.refused_prompt_tokens == 6);
  CHECK(epoch.counts.refused_output_tokens == 6);
}

// Level 0: 1000 W; level 1: twice as long at 400 W. A limit of exactly 1000 W still fits level 0.
TEST_CASE("a power limit picks the highest clock whose mean power fits") {
  HandTable hand;
  hand.levels = 2;
  const auto table = hand.build();
  const StepLoad load{0, 10, 1, 0, 50};
  CHECK(level_for_power(*table, load, 1'000'000) == 0);
  CHECK(level_for_power(*table, load, 999'999) == 1);
  CHECK(level_for_power(*table, load, 400'000) == 1);
  CHECK(level_for_power(*table, load, 100'000) == 1);  // none fits: the lowest

  for (const std::int64_t limit_mw : {400'000, 100'000}) {
    PodParameters p = one_replica(hand, 4, 16, 4, 100);
    p.slo.ttft = mw::sim::Seconds{1.5e-3};  // 1.01 ms at level 0, 2.02 ms at level 1
    PodState pod = initial_pod(p);
    pod.replicas[0].power_limit_mw = limit_mw;
    PodEpoch epoch;
    begin_epoch(epoch, 1, 0, 5 * millisecond, millisecond);
    advance(pod, p, std::vector<Arrival>{{0, 0, 10, 1}}, 5 * millisecond, epoch);
    REQUIRE(epoch.records.size() == 1);
    CHECK(epoch.records[0].finished == at_ps(2 * 1'010'000'000LL));
    CHECK(epoch.counts.capped_iterations == 1);
    CHECK(epoch.counts.over_limit_iterations == (limit_mw < 400'000 ? 1 : 0));
    CHECK(epoch.counts.slo_missed_ttft == 1);
    CHECK(epoch.counts.lost_cap == 1);
    CHECK(epoch.counts.lost_queue == 0);
    CHECK(epoch.counts.prefill_nj == 2 * 1'010'000'000LL * 400 / 1000);
  }
}

TEST_CASE("a requested clock level takes effect at the next iteration, not within one") {
  HandTable hand;
  hand.levels = 2;
  const PodParameters p = one_replica(hand, 4, 16, 4, 100);
  PodState pod = initial_pod(p);
  PodEpoch epoch;
  begin_epoch(epoch, 1, 0, 10 * millisecond, millisecond);
  advance(pod, p, std::vector<Arrival>{{0, 0, 10, 2}}, millisecond / 2, epoch);
  pod.replicas[0].requested_level = 1;
  advance(pod, p, {}, 10 * millisecond, epoch);
  REQUIRE(epoch.records.size() == 1);
  CHECK(epoch.records[0].first == at_ps(1'010'000'000));
  CHECK(epoch.records[0].finished == at_ps(1'010'000'000 + 2 * 1'001'000'000LL));
}

// TTFT 1.01 ms. Then two gaps of 1.001 ms each: TPOT 1.001 ms. Targets at the value are met, a
// picosecond below are missed.
TEST_CASE("a request is good when it meets both targets, at the limit included") {
  struct Case {
    double ttft, tpot;
    bool good;
  };
  for (const Case c : {Case{1.01e-3, 1.001e-3, true}, Case{1.009999999e-3, 1.001e-3, false},
                       Case{1.01e-3, 1.000999999e-3, false}}) {
    CAPTURE(c.ttft);
    CAPTURE(c.tpot);
    PodParameters p = one_replica(HandTable{}, 4, 16, 4, 100);
    p.slo = {mw::sim::Seconds{c.ttft}, mw::sim::Seconds{c.tpot}};
    PodState pod = initial_pod(p);
    PodEpoch epoch;
    begin_epoch(epoch, 1, 0, 10 * millisecond, millisecond);
    advance(pod, p, std::vector<Arrival>{{0, 0, 10, 3}}, 10 * millisecond, epoch);
    CHECK(epoch.counts.completed == 1);
    CHECK(epoch.counts.slo_good_requests == (c.good ? 1 : 0));
    CHECK(epoch.counts.slo_good_tokens == (c.good ? 3 : 0));
    CHECK(epoch.counts.lost_queue == (c.good ? 0 : 3));
  }
}

// One iteration of 1.01 ms at 1000 W from 0.3 ms on: bins of 0.5 ms hold 0.2, 0.5 and 0.31 ms of
// it; the rest of them idle at 200 W.
TEST_CASE("energy falls into the bins in which it was spent") {
  const PodParameters p = one_replica(HandTable{}, 4, 16, 4, 100);
  PodState pod = initial_pod(p);
  PodEpoch epoch;
  begin_epoch(epoch, 1, 0, 2 * millisecond, millisecond / 2);
  advance(pod, p, std::vector<Arrival>{{300'000, 0, 10, 1}}, 2 * millisecond, epoch);
  REQUIRE(epoch.bins == 4);
  CHECK(epoch.energy_nj[0] == 300'000'000 / 5 + 200'000'000);
  CHECK(epoch.energy_nj[1] == 500'000'000);
  CHECK(epoch.energy_nj[2] == 310'000'000 + 190'000'000 / 5);
  CHECK(epoch.energy_nj[3] == 500'000'000 / 5);
}
