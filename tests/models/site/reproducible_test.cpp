// The same site gives the same bits, however it is run.
#include <doctest/doctest.h>

#include "models/site/hand_site.hpp"
#include "sim/archive.hpp"

using namespace mw;
using namespace mw::models;
using models::test::HandSite;
using models::test::run_until;
using sim::millisecond;
using sim::second;

namespace {

/// Near its limit: the controller moves the limits all the time, and two of its clocks are no
/// multiples of the physics step.
HandSite controlled() {
  HandSite hand;
  hand.policy = PowerPolicy::uniform;
  hand.envelope_w = 39.9e3;
  hand.interval = sim::Seconds{0.7};
  hand.actuation = sim::Seconds{0.13};
  hand.meter_latency = sim::Seconds{0.4};
  return hand;
}

struct Outcome {
  std::vector<std::byte> state;
  std::uint64_t hash;
  bool operator==(const Outcome&) const = default;
};
Outcome outcome_of(const SiteState& state) {
  return {sim::save(state), trace_hash(state).value};
}
Outcome straight(const SiteParameters& site, int threads = 1) {
  SiteState state = initial_site(site);
  run_until(state, site, site.duration, threads);
  return outcome_of(state);
}

}  // namespace

TEST_CASE(
    "The controlled site does switch engines between clocks, so the tests below see control") {
  const SiteParameters site = controlled().build();
  SiteState state = initial_site(site);
  run_until(state, site, site.duration);
  PodCounts sum;
  for (const auto& c : state.counts) add(sum, c);
  INFO(sum.capped_iterations, " of ", sum.iterations);
  CHECK(sum.capped_iterations > sum.iterations / 20);
  CHECK(sum.capped_iterations < sum.iterations * 9 / 10);
}

TEST_CASE("One, two and three threads: equal hash, equal state to the last bit") {
  for (const HandSite& hand : {HandSite{}, controlled()}) {
    const SiteParameters site = hand.build();
    REQUIRE(site.pods.size() == 4);
    const Outcome one = straight(site, 1);
    CHECK(straight(site, 2) == one);
    CHECK(straight(site, 3) == one);
  }
}

TEST_CASE("A checkpoint at any moment goes on as if nothing had been") {
  const SiteParameters site = controlled().build();
  const Outcome whole = straight(site);
  for (const sim::Time at : {millisecond, 900 * millisecond, 7 * second, 7900 * millisecond,
                             15 * second, site.duration}) {
    SiteState state = initial_site(site);
    run_until(state, site, at);
    const auto bytes = sim::save(state);
    SiteState other;
    sim::load(other, bytes);
    run_until(other, site, site.duration, 2);
    CHECK(outcome_of(other) == whole);
  }
}

TEST_CASE("A copy is a fork: both go the same way, and one does not disturb the other") {
  const SiteParameters site = controlled().build();
  const Outcome whole = straight(site);
  SiteState state = initial_site(site);
  run_until(state, site, 5 * second);
  SiteState fork = state, other = state;
  // Another future: all limits as low as they go.
  for (std::size_t i = 0; i < other.limits.size(); ++i)
    sim::request(other.limits[i], site.limits[i], other.now, 200);
  run_until(other, site, site.duration);
  CHECK(trace_hash(other).value != whole.hash);
  run_until(fork, site, site.duration);
  CHECK(outcome_of(fork) == whole);
  run_until(state, site, site.duration);
  CHECK(outcome_of(state) == whole);
}

// Without a controller nothing flows from the plant back to the pods: how the physics is stepped
// cannot be seen in them.
TEST_CASE("Without control, half the physics step leaves every pod as it was") {
  SiteParameters site = HandSite{}.build();
  SiteState whole_steps = initial_site(site);
  run_until(whole_steps, site, site.duration);
  site.step = 500 * millisecond;
  SiteState half_steps = initial_site(site);
  run_until(half_steps, site, site.duration, 2);
  REQUIRE(whole_steps.pods.size() == half_steps.pods.size());
  for (std::size_t p = 0; p < half_steps.pods.size(); ++p) {
    CHECK(trace_hash(half_steps.pods[p]) == trace_hash(whole_steps.pods[p]));
    CHECK(sim::save(half_steps.pods[p]) == sim::save(whole_steps.pods[p]));
  }
  CHECK(sim::save(half_steps.counts) == sim::save(whole_steps.counts));
  CHECK(sim::save(half_steps.fronts) == sim::save(whole_steps.fronts));
  // The meter does see the steps: its weather and its host loads are means over them.
  CHECK(half_steps.ledger.meter().value() ==
        doctest::Approx(whole_steps.ledger.meter().value()).epsilon(1e-3));
}

TEST_CASE("Another seed is another world") {
  HandSite hand;
  const Outcome first = straight(hand.build());
  hand.seed = 12;
  CHECK(straight(hand.build()).hash != first.hash);
}

// One number that every build must meet: release and debug, with sanitizers and without, whatever
// the machine. When a model is meant to change, this changes with it, and the change says why.
TEST_CASE("The trace hash of the hand-made sites is what it always was") {
  CHECK(straight(HandSite{}.build()).hash == 0x263d3fc3a90c68e4ull);
  CHECK(straight(controlled().build()).hash == 0x37b5cf1d5ddbc52dull);
}
