#include "models/site/availability.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <numeric>

#include "models/site/hand_site.hpp"
#include "models/site/summary.hpp"
#include "sim/archive.hpp"

// Racks that go off and come back, and clock ceilings, through the whole site.
using namespace mw;
using namespace mw::models;
using models::test::HandSite;
using sim::second;

namespace {

using Look = std::function<void(SiteState&, const SiteEpoch&)>;

/// `befall` acts on the racks before each epoch; `look` sees it after.
SiteState run(const SiteParameters& site, const std::function<void(SiteState&)>& befall,
              const Look& look, int threads = 1) {
  SiteState state = initial_site(site);
  sim::ThreadPool pool(threads);
  SiteEpoch epoch;
  while (state.now < site.duration) {
    befall(state);
    step_epoch(state, site, pool, epoch);
    look(state, epoch);
  }
  return state;
}

double share_off(double a, double b) {
  return std::fabs(a - b) / std::max({std::fabs(a), std::fabs(b), 1e-9});
}

/// Racks 0 and 3 are off from 5 to 12 s, the network rack from 8 s on.
void outages(SiteState& state) {
  const bool off = state.now >= 5 * second && state.now < 12 * second;
  state.rack_states[0].set(OffCause::fault, off);
  state.rack_states[3].set(OffCause::heat, off);
  state.rack_states[5].set(OffCause::power, state.now >= 8 * second);
}

std::int64_t in_flight(const PodCounts& c) {
  return c.arrivals - c.refused - c.completed;
}

}  // namespace

// What is off draws nothing; the others' GPUs of a replica that is off draw idle power; and the
// meter is still the sum of what hangs on it, by part and by purpose, in every epoch.
TEST_CASE("Racks that are off draw nothing, and both ledgers still close") {
  for (const bool fluid : {false, true}) {
    CAPTURE(fluid);
    HandSite hand;
    SiteParameters site = hand.build();
    if (fluid) {
      site.step = site.sub_step = second;
      let_flow(site);
    }
    bool stranded = false;
    const SiteState state = run(site, outages, [&](SiteState& s, const SiteEpoch& e) {
      CHECK(share_off(e.meter, std::accumulate(e.purpose.begin(), e.purpose.end(), 0.0)) < 1e-9);
      CHECK(share_off(e.it, std::accumulate(e.rack_input.begin(), e.rack_input.end(), 0.0)) <
            1e-12);
      for (int r = 0; r < site.rack_count(); ++r) {
        const auto i = static_cast<std::size_t>(r);
        CHECK((e.rack_input[i] == 0) == !s.rack_states[i].on());
        if (site.group(r).rack.gpus() > 0 && s.rack_states[i].on())
          CHECK(e.rack_gpu[i] >= 8 * HandSite::gpu_idle_w * (1 - 1e-9));
      }
      for (const GpuGroup& g : s.allocation)
        stranded = stranded || (!is_off(e, g.rack) && is_stranded(e, g));
    });
    CHECK(stranded);  // the batch replica lies over racks 2 and 3
    PodCounts sum;
    for (const PodCounts& c : state.counts) add(sum, c);
    const auto tokens = token_ledger(state);
    CHECK(std::accumulate(tokens.begin(), tokens.end(), std::int64_t{0}) ==
          sum.arrived_output_tokens);
    for (const std::int64_t t : tokens) CHECK(t >= 0);
    if (!fluid) CHECK(in_flight(sum) == sum.running + sum.waiting);
    // Rack 0 holds two of chat's replicas of four GPUs, racks 2 and 3 the one of batch.
    CHECK(state.engines[0].unavailable_s == doctest::Approx(2 * 7));
    CHECK(state.engines[1].unavailable_s == doctest::Approx(7));
    if (fluid) continue;
    CHECK(tokens[static_cast<std::size_t>(TokenOutcome::failure)] > 0);
    CHECK(tokens[static_cast<std::size_t>(TokenOutcome::heat)] > 0);
    CHECK(sum.thrown_back > 0);
  }
}

TEST_CASE("Outages do not depend on threads, nor on where a run is cut and resumed") {
  const SiteParameters site = HandSite{}.build();
  const Look nothing = [](SiteState&, const SiteEpoch&) {};
  const SiteState one = run(site, outages, nothing, 1);
  CHECK(trace_hash(one) == trace_hash(run(site, outages, nothing, 3)));
  const Look forked = [](SiteState& state, const SiteEpoch&) {
    SiteState copy;
    sim::load(copy, sim::save(state));
    state = copy;
  };
  CHECK(trace_hash(one) == trace_hash(run(site, outages, forked)));
  CHECK_FALSE(trace_hash(one) == trace_hash(run(
                                     site, [](SiteState&) {}, nothing)));
}

// The table of the hand site has two clocks, 1 and 1 / 1.5 of the highest, at 2000 and 1100 W of
// four GPUs. Under a ceiling between them only the lower is left.
TEST_CASE("A clock ceiling of a rack slows the replicas in it, and their lateness is heat's") {
  HandSite hand;
  hand.chat_rate = 100;
  const SiteParameters site = hand.build();
  double most = 0;
  const SiteState state = run(
      site,
      [](SiteState& s) {
        for (RackState& rack : s.rack_states) rack.clock_ceiling = 0.8;
      },
      [&](SiteState&, const SiteEpoch& e) {
        for (const double w : e.rack_gpu) most = std::max(most, w);
      });
  CHECK(state.counts[0].iterations > 0);
  CHECK(state.counts[0].heated_iterations == state.counts[0].iterations);
  CHECK(state.counts[0].capped_iterations == 0);
  CHECK(state.counts[0].lost_heat > 0);
  CHECK(state.counts[0].lost_queue == 0);
  CHECK(most < 2 * 1150);
}

// Twelve pods of two half-rack replicas, of which three are simulated. A rack of one that follows
// goes off: its two replicas do nothing, and what would have come to them is lost to the failure. A
// rack of one that is simulated goes off: those that follow it follow another one meanwhile.
TEST_CASE("In a cohort an outage stays with the pod that it befalls") {
  HandSite hand;
  hand.batch = false;
  hand.compute_racks = 12;
  hand.chat_replicas = 24;
  hand.chat_rate = 400;
  hand.duration = 60 * second;
  SiteParameters site = hand.build();
  sample_pods(site, {.share = 0.25, .least = 3, .window = sim::Duration{10 * second}});
  for (const bool leads : {false, true}) {
    CAPTURE(leads);
    std::int32_t rack = -1;
    for (const GpuGroup& g : site.placement)
      if (g.use == GpuUse::serving && (state_of_pod(site, g.pod) >= 0) == leads) rack = g.rack;
    std::int64_t off_replicas = 0;
    for (const GpuGroup& g : site.placement) off_replicas += g.rack == rack ? 1 : 0;
    REQUIRE(off_replicas == 2);
    const SiteState state = run(
        site,
        [&](SiteState& s) {
          s.rack_states[static_cast<std::size_t>(rack)].set(OffCause::fault, s.now >= 30 * second);
        },
        [&](SiteState& s, const SiteEpoch& e) {
          CHECK(share_off(e.meter, std::accumulate(e.purpose.begin(), e.purpose.end(), 0.0)) <
                1e-9);
          if (s.now > 30 * second) CHECK(e.rack_input[static_cast<std::size_t>(rack)] == 0);
        });
    CHECK(state.engines[0].unavailable_s == doctest::Approx(2 * 30));
    const auto tokens = token_ledger(state);
    CHECK(tokens[static_cast<std::size_t>(TokenOutcome::failure)] >= 0);
    if (!leads) {
      // One pod of twelve for half of the time: 1 / 24 of what came.
      const double lost = static_cast<double>(state.counts[0].lost_failure) /
                          static_cast<double>(state.counts[0].arrived_output_tokens);
      CHECK(lost == doctest::Approx(1 / 24.0).epsilon(0.25));
    }
  }
}
