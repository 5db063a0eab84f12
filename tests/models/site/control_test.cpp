// The controller in the loop: meter -> point -> decision -> set-point -> engines -> meter.
#include <doctest/doctest.h>

#include "models/site/hand_site.hpp"
#include "models/site/summary.hpp"

using namespace mw;
using namespace mw::models;
using models::test::HandSite;

namespace {

struct Seen {
  SiteState state;
  double highest_after_first = 0;  // sub-step, once the first decision acts
  PodCounts counts{};
  double e2e_p50 = 0;
};
Seen see(const HandSite& hand) {
  const SiteParameters site = hand.build();
  Seen seen{.state = initial_site(site)};
  sim::ThreadPool pool(2);
  SiteEpoch epoch;
  // An iteration that runs when a limit takes effect is finished first; the longest is some 30 ms.
  const sim::Time settled =
      sim::from_seconds(hand.interval.value + hand.actuation.value + hand.meter_latency.value) +
      200 * sim::millisecond;
  while (seen.state.now < site.duration) {
    step_epoch(seen.state, site, pool, epoch);
    for (std::size_t b = 0; b < epoch.meter_bins.size(); ++b)
      if (epoch.start + static_cast<sim::Time>(b) * site.sub_step >= settled)
        seen.highest_after_first = std::max(seen.highest_after_first, epoch.meter_bins[b]);
  }
  for (const auto& c : seen.state.counts) add(seen.counts, c);
  seen.e2e_p50 = seen.state.latencies[0].e2e.quantile(0.5);
  return seen;
}

constexpr double envelope = 31e3;

HandSite held() {
  HandSite hand;
  hand.policy = PowerPolicy::uniform;
  hand.envelope_w = envelope;
  return hand;
}

}  // namespace

TEST_CASE("Without control a site that could exceed its envelope does, and the totals say so") {
  HandSite hand;
  hand.envelope_w = envelope;
  const Seen seen = see(hand);
  CHECK(seen.highest_after_first > envelope);
  CHECK(seen.state.totals.above_limit > 0);
  CHECK(seen.state.totals.peak_w == doctest::Approx(envelope + seen.state.totals.excess_w));
  CHECK(seen.state.totals.decisions == 0);
  CHECK(seen.counts.capped_iterations == 0);
}

// Also before the first decision: the site starts under limits that its design figures call for
// (here the least that the devices take, which iterations then exceed, counted as such).
TEST_CASE("Under control no sub-step is above the envelope, from the start on") {
  const Seen seen = see(held());
  CHECK(seen.state.totals.above_limit == 0);
  CHECK(seen.highest_after_first <= envelope);
  CHECK(seen.highest_after_first > 0.5 * envelope);
  CHECK(seen.counts.capped_iterations > 0);
  CHECK(seen.state.totals.decisions == 20);
  CHECK(seen.state.totals.unpromised_decisions == 0);
}

// A limit that acts at the very moment of another decision, or at once, must reach the engines as
// any other does.
TEST_CASE("Limits act whatever the actuation: at once, between decisions, or at the next one") {
  for (const double actuation : {0.0, 0.1, 1.0, 2.0}) {
    CAPTURE(actuation);
    HandSite hand = held();
    hand.actuation = sim::Seconds{actuation};
    const Seen seen = see(hand);
    CHECK(seen.counts.capped_iterations > 0);
    CHECK(seen.highest_after_first <= envelope);
  }
}

TEST_CASE("Every engine holds the limit that the set-points of its racks make") {
  const SiteParameters site = held().build();
  SiteState state = initial_site(site);
  const SiteState unlimited = initial_site(HandSite().build());
  for (const auto& pod : unlimited.pods)
    for (const auto& replica : pod.replicas) CHECK(replica.power_limit_mw == no_power_limit);
  for (std::size_t p = 0; p < state.pods.size(); ++p)
    for (const auto& replica : state.pods[p].replicas)
      CHECK(replica.power_limit_mw == 200'000 * (p < 3 ? 4 : 12));
  models::test::run_until(state, site, 5 * sim::second);
  std::vector<std::vector<double>> watts(state.pods.size());
  for (std::size_t p = 0; p < watts.size(); ++p) watts[p].resize(state.pods[p].replicas.size());
  for (const auto& g : state.allocation)
    if (g.use == GpuUse::serving)
      watts[static_cast<std::size_t>(g.pod)][static_cast<std::size_t>(g.replica)] +=
          state.limits[static_cast<std::size_t>(g.rack)].effective * g.gpus;
  for (std::size_t p = 0; p < watts.size(); ++p)
    for (std::size_t r = 0; r < watts[p].size(); ++r) {
      CHECK(watts[p][r] < 700 * (p < 3 ? 4 : 12));
      CHECK(static_cast<double>(state.pods[p].replicas[r].power_limit_mw) ==
            doctest::Approx(watts[p][r] * 1000).epsilon(1e-12));
    }
}

// A cap takes power from the GPUs. It can cost tokens in the time there is, or latency, or both; it
// can never make the site use more.
TEST_CASE("A cap costs tokens or latency, and never creates energy") {
  HandSite loose;
  const Seen free = see(loose);
  const Seen capped = see(held());
  CHECK(capped.state.ledger.meter().value() < free.state.ledger.meter().value());
  CHECK(capped.counts.output_tokens < free.counts.output_tokens);
  CHECK(capped.e2e_p50 > free.e2e_p50);
  CHECK(capped.counts.arrivals == free.counts.arrivals);
  CHECK(capped.counts.lost_cap > 0);
  const auto ledger = token_ledger(capped.state);
  std::int64_t sum = 0;
  for (const std::int64_t tokens : ledger) sum += tokens;
  CHECK(sum == capped.counts.arrived_output_tokens);
}

TEST_CASE("An envelope that no limit can keep is reported, not hidden") {
  HandSite hand = held();
  hand.envelope_w = 12e3;
  const Seen seen = see(hand);
  CHECK(seen.state.totals.unpromised_decisions > 10);
  CHECK(seen.state.totals.above_limit > 0);
  for (const auto& limit : seen.state.limits) CHECK(limit.effective == 200);
}
