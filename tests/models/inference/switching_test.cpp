#include "models/inference/switching.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include "models/inference/random_pod.hpp"

// What replicas that are switched off and on, or held below a clock, owe: that nothing is lost but
// work, and that the books say why. That plain, jump and flat pods do it alike: jump_test.cpp and
// flat_test.cpp.
using namespace mw::models;
using namespace mw::models::test;

namespace {

struct Pod {
  PodParameters p;
  PodState state;
  PodEpoch epoch;
  PodCounts sum;
  std::vector<RequestRecord> records;

  explicit Pod(PodParameters parameters) : p(std::move(parameters)) {
    p.keep_records = true;
    state = initial_pod(p);
  }
  void go(Time until, const std::vector<Arrival>& arrivals = {}) {
    begin_epoch(epoch, p.replicas, state.now, until, second);
    advance(state, p, arrivals, until, epoch);
    add(sum, epoch.counts);
    sum.running = epoch.counts.running;
    sum.waiting = epoch.counts.waiting;
    records.insert(records.end(), epoch.records.begin(), epoch.records.end());
  }
  std::int64_t energy_nj() const { return sum.prefill_nj + sum.decode_nj + sum.idle_nj; }
};

/// An iteration of n tokens takes 1 ms + n us, at 1000 W; idle 200 W.
PodParameters hand_pod(int replicas, Stepping stepping) {
  PodParameters p;
  HandTable table;
  table.levels = 2;
  p.table = table.build();
  p.engine = {16, 256, 16, 100, stepping};
  p.replicas = replicas;
  p.router = RouterPolicy::round_robin;
  p.slo = {mw::sim::Seconds{0.001}, {}};  // an iteration alone is longer: all are late
  return p;
}

}  // namespace

// One replica, one request of 10 + 3 tokens. Its first iteration ends at 1.010 ms with one token,
// its second at 2.011 ms with another; at 2.5 ms the replica fails, 0.489 ms into the third. Until
// then it drew 1000 W, then nothing. Switched on at 10 ms it computes 10 + 2 tokens anew, which
// gives the third token at 11.012 ms. 12 tokens are computed again: 10 of the prompt and both that
// were emitted, of which the second was fed to the iteration that was lost.
TEST_CASE("a replica that fails loses its iteration; its request begins anew with its tokens") {
  for (const Stepping stepping : {Stepping::plain, Stepping::jump}) {
    Pod pod(hand_pod(1, stepping));
    pod.go(2'500'000, {{0, 7, 10, 3}});
    CHECK(pod.sum.output_tokens == 2);
    pod.state.replicas[0].outage = Outage::failure;
    pod.go(10'000'000);
    CHECK(pod.energy_nj() == 2'500'000'000);
    CHECK(pod.epoch.counts.unavailable_ps == 7'500'000'000);
    CHECK(pod.sum.waiting == 1);
    CHECK(pod.sum.thrown_back == 1);
    CHECK(pod.state.held.size() == 1);
    pod.state.replicas[0].outage = Outage::none;
    pod.go(11'012'001);
    REQUIRE(pod.records.size() == 1);
    CHECK(pod.records[0].finished == mw::sim::FineTime{11'012'000, 0});
    CHECK(pod.records[0].first == mw::sim::FineTime{1'010'000, 0});
    CHECK(pod.sum.output_tokens == 3);
    CHECK(pod.sum.recomputed_tokens == 12);
    CHECK(pod.sum.lost_failure == 3);
    CHECK(pod.sum.preemptions == 0);
  }
}

// Two replicas, requests in turn: 0 and 2 on the first, 1 and 3 on the second, one at a time. The
// first goes off: its running request 0 joins the second's queue ahead of 3, which never ran, and
// 2 behind it. What comes then goes to the second as well.
TEST_CASE("requests of a replica that goes off join the others' queues, those that ran first") {
  for (const Stepping stepping : {Stepping::plain, Stepping::jump}) {
    PodParameters p = hand_pod(2, stepping);
    p.engine.max_num_seqs = 1;
    Pod pod(p);
    pod.go(500'000, {{0, 0, 10, 2}, {0, 1, 10, 2}, {0, 2, 10, 2}, {0, 3, 10, 2}});
    pod.state.replicas[0].outage = Outage::grid;
    pod.go(second, {{600'000, 4, 10, 2}});
    std::vector<std::uint64_t> order;
    for (const RequestRecord& r : pod.records) order.push_back(r.id);
    CHECK(order == std::vector<std::uint64_t>{1, 0, 3, 2, 4});
    CHECK(pod.sum.lost_grid == 4);  // of 0 and 2
    CHECK(pod.sum.lost_queue == 6);
    CHECK(pod.state.router.outstanding[1] == 0);
  }
}

// Two replicas, requests in turn, one at a time. The first drains from 0.5 ms on: it works off its
// two, 3 comes to the second although it is the first's turn, and nothing is thrown back. Drained,
// it may be taken out of service, which loses nothing.
TEST_CASE("a replica that drains works off what it has and gets nothing new") {
  for (const Stepping stepping : {Stepping::plain, Stepping::jump}) {
    PodParameters p = hand_pod(2, stepping);
    p.engine.max_num_seqs = 1;
    Pod pod(p);
    pod.go(500'000, {{0, 0, 10, 2}, {0, 1, 10, 2}, {0, 2, 10, 2}});
    pod.state.replicas[0].draining = true;
    pod.go(3'000'000, {{600'000, 3, 10, 2}});
    CHECK(!is_drained(pod.state, 0));
    pod.go(second);
    CHECK(is_drained(pod.state, 0));
    REQUIRE(pod.records.size() == 4);
    for (const RequestRecord& r : pod.records) CHECK(r.replica == (r.id % 2 == 0 ? 0 : 1));
    CHECK(pod.sum.thrown_back == 0);
    pod.state.replicas[0].outage = Outage::parked;
    pod.go(2 * second, {{second, 4, 10, 2}, {second, 5, 10, 2}});
    CHECK(pod.epoch.counts.unavailable_ps == 1'000'000'000'000);
    CHECK(pod.records.back().replica == 1);
    pod.state.replicas[0].outage = Outage::none;
    pod.state.replicas[0].draining = false;
    pod.go(3 * second, {{2 * second, 6, 10, 2}, {2 * second, 7, 10, 2}});
    CHECK(pod.state.router.outstanding[0] == 0);
    CHECK(pod.state.router.off == 0);
    CHECK(pod.records.size() == 8);
    CHECK(pod.sum.lost_queue == pod.sum.completed_output_tokens);  // late for other reasons
  }
}

TEST_CASE("all replicas drain: what comes waits at the front until one is back") {
  for (const Stepping stepping : {Stepping::plain, Stepping::jump}) {
    Pod pod(hand_pod(2, stepping));
    for (auto& replica : pod.state.replicas) replica.draining = true;
    pod.go(second, {{0, 0, 10, 2}, {0, 1, 10, 2}});
    CHECK(pod.state.held.size() == 2);
    pod.state.replicas[1].draining = false;
    pod.go(2 * second);
    CHECK(pod.records.size() == 2);
    for (const RequestRecord& r : pod.records) CHECK(r.replica == 1);
  }
}

// A set-point of n requests at a time, or of m tokens in an iteration, is an engine made so.
TEST_CASE("batches below the engine's own are those of a smaller engine") {
  for (const Stepping stepping : {Stepping::plain, Stepping::jump}) {
    PodParameters large = hand_pod(1, stepping);
    PodParameters small = large;
    small.engine.max_num_seqs = 3;
    small.engine.max_num_batched_tokens = 20;
    std::vector<Arrival> arrivals;
    for (std::uint64_t i = 0; i < 40; ++i)
      arrivals.push_back({static_cast<Time>(i) * 700'000, i, 5 + static_cast<std::int32_t>(i), 6});
    Pod one(large), other(small);
    one.state.replicas[0].max_seqs = 3;
    one.state.replicas[0].max_tokens = 20;
    one.go(second, arrivals);
    other.go(second, arrivals);
    REQUIRE(one.records.size() == 40);
    for (std::size_t i = 0; i < 40; ++i)
      CHECK(one.records[i].finished == other.records[i].finished);
    CHECK(one.energy_nj() == other.energy_nj());
  }
}

// At the lower clock of the table iterations last twice as long. A ceiling there slows all of them,
// and those that are late for it lose their tokens to heat; where a power limit asks for the same
// clock as heat does, heat is the cause.
TEST_CASE("a ceiling of the clock slows iterations, counted apart from those of a power limit") {
  for (const Stepping stepping : {Stepping::plain, Stepping::jump}) {
    for (const bool limited : {false, true}) {
      Pod pod(hand_pod(1, stepping));
      pod.state.replicas[0].ceiling_level = 1;
      if (limited) pod.state.replicas[0].power_limit_mw = 500'000;
      pod.go(second, {{0, 0, 10, 3}});
      REQUIRE(pod.records.size() == 1);
      CHECK(pod.records[0].finished == mw::sim::FineTime{2 * (1'010'000 + 2 * 1'001'000), 0});
      CHECK(pod.sum.heated_iterations == 3);
      CHECK(pod.sum.capped_iterations == 0);
      CHECK(pod.sum.lost_heat == 3);
      pod.state.replicas[0].ceiling_level = 0;
      pod.go(2 * second, {{second, 1, 10, 3}});
      CHECK(pod.sum.heated_iterations == 3);
      CHECK(pod.sum.capped_iterations == (limited ? 3 : 0));
      CHECK(pod.sum.lost_heat == 3);
      CHECK((limited ? pod.sum.lost_cap : pod.sum.lost_queue) == 3);
    }
  }
}

TEST_CASE("random outages lose no request, no block and no token; off draws nothing") {
  CHECK(rc::check([] {
    Case c = random_case();
    c.changes.resize(c.cuts.size());
    for (auto& epoch : c.changes) {
      const auto r = static_cast<std::size_t>(*rc::gen::inRange(0, c.pod.replicas));
      epoch.push_back({r, 0, no_power_limit, 0, *rc::gen::element(Outage::none, Outage::failure)});
    }
    c.pod.users.requests = std::min<std::int64_t>(c.pod.users.requests, 300);
    c.pod.engine.stepping = *rc::gen::element(Stepping::plain, Stepping::jump);
    Pod pod(c.pod);
    const auto conserved = [&] {
      const PodCounts& n = pod.sum;
      RC_ASSERT(n.arrivals == n.refused + n.completed + n.running + n.waiting);
      RC_ASSERT(n.completed_output_tokens + n.refused_output_tokens ==
                n.slo_good_tokens + n.lost_kv_memory + n.lost_cap + n.lost_queue + n.lost_heat +
                    n.lost_failure + n.lost_grid + n.lost_shed);
      std::int64_t bins = 0, used = 0;
      for (const std::int64_t nj : pod.epoch.energy_nj) bins += nj;
      const PodCounts& e = pod.epoch.counts;
      RC_ASSERT(bins == e.prefill_nj + e.decode_nj + e.idle_nj);
      const PodState plain = test::in_plain_words(pod.state, pod.p);
      std::int64_t charged = 0;
      for (std::size_t r = 0; r < plain.replicas.size(); ++r) {
        const ReplicaState& replica = plain.replicas[r];
        const bool off = replica.off != Outage::none;
        charged = 0;
        for (const Request& request : replica.running) {
          used += request.blocks;
          charged += request.charge;
          // What it shares with others counts once, in the tree.
          if (pod.p.prefixes)
            used -= pod.p.prefixes->keys_of(request.id, request.prompt).groups *
                    blocks_per_group(law_of(pod.p));
        }
        if (pod.p.prefixes)
          used +=
              (replica.prefixes.groups - replica.prefixes.unheld) * blocks_per_group(law_of(pod.p));
        for (std::size_t i = replica.waiting.head; i < replica.waiting.items.size(); ++i)
          charged += replica.waiting.items[i].charge;
        RC_ASSERT(plain.router.outstanding[r] ==
                  (off ? off_charge : charged + (replica.drains ? off_charge : 0)));
        if (!off) continue;
        RC_ASSERT(replica.running.empty() && replica.waiting.empty() && !replica.busy);
        const auto columns = static_cast<std::size_t>(pod.epoch.bins);
        for (std::size_t b = 0; b < columns; ++b)
          RC_ASSERT(pod.epoch.energy_nj[r * columns + b] == 0);
      }
      RC_ASSERT(used == e.kv_blocks_used);
    };
    std::size_t next = 0;
    for (std::size_t k = 0; k < c.cuts.size(); ++k) {
      for (const Change& change : c.changes[k]) apply(pod.state, change);
      std::vector<Arrival> arrivals;
      while (next < c.arrivals.size() && c.arrivals[next].t < c.cuts[k])
        arrivals.push_back(c.arrivals[next++]);
      pod.go(c.cuts[k], arrivals);
      conserved();
    }
    for (ReplicaState& replica : pod.state.replicas) {
      replica.outage = Outage::none;
      replica.draining = false;
      replica.power_limit_mw = no_power_limit;
      replica.max_seqs = replica.max_tokens = no_batch_limit;
    }
    pod.go(pod.state.now + 100'000 * second);
    conserved();
    RC_ASSERT(pod.sum.running + pod.sum.waiting == 0);
    for (const ReplicaState& replica : pod.state.replicas)
      RC_ASSERT(replica.free_blocks == *c.pod.engine.kv_blocks);
  }));
}
