#include "models/inference/closed_loop.hpp"

#include <doctest/doctest.h>

#include <numeric>
#include <set>

#include "models/inference/front.hpp"
#include "models/inference/hand_table.hpp"
#include "models/inference/pod.hpp"

using namespace mw::models;
using namespace mw::models::test;
using mw::sim::millisecond;
using mw::sim::second;
using mw::sim::Time;

namespace {

LengthDistribution always(std::int32_t tokens) {
  LengthDistribution d;
  d.fixed = tokens;
  return d;
}

PodParameters pod_with(std::int64_t users, std::int64_t requests, Time think, Stepping stepping) {
  PodParameters p;
  p.table = HandTable{}.build();
  p.engine = {8, 64, 4, 200, stepping};
  p.keep_records = true;
  p.users.users = p.users.all = users;
  p.users.requests = requests;
  p.users.think = think;
  p.users.lengths.prompt = always(10);
  p.users.lengths.output = always(3);
  return p;
}

}  // namespace

// One iteration of n tokens lasts 1 ms + n us. A request of 10 + 3 tokens alone takes one of 10 and
// two of 1: 1.010 + 2 x 1.001 = 3.012 ms. Its user thinks for Z and asks again, so request k comes
// at k (3.012 ms + Z); at once, for Z = 0, in the moment of the completion.
TEST_CASE("a user alone asks again a think time after each answer") {
  for (const Stepping stepping : {Stepping::plain, Stepping::jump}) {
    for (const Time think : {Time{0}, Time{1}, 2 * second}) {
      const PodParameters p = pod_with(1, 5, think, stepping);
      PodState pod = initial_pod(p);
      PodEpoch epoch;
      begin_epoch(epoch, 1, 0, 60 * second, second);
      advance(pod, p, {}, 60 * second, epoch);
      REQUIRE(epoch.records.size() == 5);
      for (std::size_t k = 0; k < 5; ++k) {
        const RequestRecord& r = epoch.records[k];
        CHECK(r.id == k);
        CHECK(r.arrival == static_cast<Time>(k) * (3'012'000 + think));
        CHECK((r.admitted == mw::sim::FineTime{r.arrival, 0}));
        CHECK((r.finished == mw::sim::FineTime{r.arrival + 3'012'000, 0}));
      }
      CHECK(next_ask(pod.users) == mw::sim::never);
    }
  }
}

// An iteration of 1 ms and a quarter of a nanosecond: the answer comes 250 ps after a whole
// nanosecond, the next request at the nanosecond after it.
TEST_CASE("a completion within a nanosecond is followed by a request at its end") {
  for (const Stepping stepping : {Stepping::plain, Stepping::jump}) {
    PodParameters p = pod_with(1, 3, 0, stepping);
    HandTable table;
    table.base_s = 1e-3 + 0.25e-9;
    table.per_token_s = 0;
    p.table = table.build();
    p.users.lengths.output = always(1);
    PodState pod = initial_pod(p);
    PodEpoch epoch;
    begin_epoch(epoch, 1, 0, second, second);
    advance(pod, p, {}, second, epoch);
    REQUIRE(epoch.records.size() == 3);
    CHECK(epoch.records[1].arrival == 1'000'001);
    CHECK((epoch.records[1].finished == mw::sim::FineTime{2'000'001, 250}));
    CHECK(epoch.records[2].arrival == 2'000'002);
  }
}

// Every user is in one place: users = running + waiting + those who think, until requests run out.
// Requests too long for the replica are refused, and their users go on.
TEST_CASE("a closed loop loses no user") {
  for (const Stepping stepping : {Stepping::plain, Stepping::jump}) {
    PodParameters p = pod_with(20, 2000, 5 * millisecond, stepping);
    p.replicas = 3;
    p.engine.kv_blocks = 40;
    p.users.lengths.prompt.fixed.reset();
    p.users.lengths.prompt.lognormal = LognormalLength{40, 1};
    PodState pod = initial_pod(p);
    PodEpoch epoch;
    PodCounts sum;
    for (Time t = 0; sum.completed + sum.refused < 2000; t += 7 * millisecond) {
      begin_epoch(epoch, 3, t, t + 7 * millisecond, millisecond);
      advance(pod, p, {}, epoch.end, epoch);
      add(sum, epoch.counts);
      const auto thinking = static_cast<std::int64_t>(pod.users.next.size() - pod.users.head);
      if (pod.users.asked + thinking < 2000) {
        CHECK(epoch.counts.running + epoch.counts.waiting + thinking == 20);
      }
    }
    CHECK(sum.arrivals == 2000);
    CHECK(sum.refused > 0);
    CHECK(sum.completed > 1000);
  }
}

// A user's cycle is answer and thought: N users, R in the system and Z thinking make N / (R + Z)
// requests a second (the response time law; Denning, Buzen, "The operational analysis of queueing
// network models", Computing Surveys 10 (1978) 225). With all alike and room for all it is exact.
TEST_CASE("closed-loop throughput is users over cycle time") {
  PodParameters p = pod_with(8, endless, 100 * millisecond, Stepping::jump);
  p.engine.max_num_batched_tokens = 256;  // 8 prompts of 10 tokens in one iteration
  PodState pod = initial_pod(p);
  PodEpoch epoch;
  // All go round together: 1.080 + 2 x 1.008 ms in the system.
  const Time cycle = 1'080'000 + 2 * 1'008'000 + 100 * millisecond;
  begin_epoch(epoch, 1, 0, 100 * cycle, second);
  advance(pod, p, {}, 100 * cycle, epoch);
  CHECK(epoch.counts.completed == 800);
  CHECK(epoch.counts.arrivals == 800);
}

// Users over replicas, requests over users, as evenly as integers allow; together the pods make
// each of the service's requests exactly once, and a request's lengths do not depend on the split.
TEST_CASE("users and requests are split over pods without rest") {
  for (const std::int64_t users : {1, 5, 64, 100}) {
    for (const std::int64_t requests : {1, 3, 64, 1000}) {
      FrontParameters front;
      ClosedLoopParameters loop;
      loop.users = users;
      loop.requests = requests;
      front.closed_loop = loop;
      front.pod_ends = {4, 8, 9};
      front.lengths.prompt.lognormal = LognormalLength{100, 1};
      front.lengths.output = always(7);
      front.seed = 3;
      FrontParameters whole = front;
      whole.pod_ends = {1};
      const PodUsers all = users_of_pod(whole, 0);
      std::set<std::uint64_t> ids;
      std::int64_t split_users = 0;
      for (std::size_t pod = 0; pod < 3; ++pod) {
        const PodUsers mine = users_of_pod(front, pod);
        const double share = static_cast<double>(users) * (pod < 2 ? 4 : 1) / 9;
        CHECK(std::abs(static_cast<double>(mine.users) - share) < 1);
        split_users += mine.users;
        UsersState state = initial_users(mine);
        for (std::int64_t i = 0; i < mine.requests; ++i) {
          const Arrival a = ask(state, mine);
          answer(state, mine, {a.t, 0});
          CHECK(ids.insert(a.id).second);
          CHECK(a.prompt_tokens == draw_lengths(all.lengths, all.draws, a.id).prompt);
        }
        CHECK(next_ask(state) == mw::sim::never);
      }
      CHECK(split_users == users);
      CHECK(static_cast<std::int64_t>(ids.size()) == requests);
      CHECK(*ids.rbegin() == static_cast<std::uint64_t>(requests - 1));
    }
  }
}
