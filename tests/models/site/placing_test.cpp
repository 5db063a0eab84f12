// Racks that are switched off and on by controllers, and settings of services, in the loop of a
// whole site.
#include <doctest/doctest.h>

#include "models/site/hand_site.hpp"
#include "models/site/rack_switches.hpp"
#include "models/site/summary.hpp"
#include "sim/archive.hpp"

using namespace mw;
using namespace mw::models;
using models::test::HandSite;
using models::test::run_until;

namespace {

/// Ten racks of two replicas, racks start within 3 s.
HandSite racks_of_chat() {
  HandSite hand;
  hand.compute_racks = 10;
  hand.chat_replicas = 20;
  hand.chat_replicas_per_pod = 4;
  hand.batch = false;
  hand.chat_rate = 60;
  hand.duration = 60 * sim::second;
  hand.chat_kv_blocks = 100'000;
  hand.restart = sim::Duration{3 * sim::second};
  return hand;
}
HandSite consolidated() {
  HandSite hand = racks_of_chat();
  hand.placing = {.policy = PlacementPolicy::consolidate,
                  .interval = sim::Seconds{2},
                  .samples = 3,
                  .load = 0.5,
                  .hold = sim::Seconds{5}};
  return hand;
}

SiteState end_of(const SiteParameters& site, int threads = 1) {
  SiteState state = initial_site(site);
  run_until(state, site, site.duration, threads);
  return state;
}
EventParameters limit_of(double w, double from_s, double for_s) {
  EventParameters event;
  event.kind = EventKind::power_limit;
  event.at = sim::Duration{sim::from_seconds(from_s)};
  event.lasting = sim::Duration{sim::from_seconds(for_s)};
  event.limit = sim::Power{w};
  return event;
}
int racks_off(const SiteState& state, OffCause cause) {
  int n = 0;
  for (const RackState& rack : state.rack_states) n += rack.off_for(cause) ? 1 : 0;
  return n;
}

}  // namespace

// Ten racks at the least limits draw ten times (8 x 200 W and what is beside them); a budget of
// half of that takes about half of them, and all come back when it does.
TEST_CASE("A budget below the least of all devices switches racks off, and on again") {
  HandSite hand = racks_of_chat();
  hand.policy = PowerPolicy::steering;
  hand.envelope_w = 90e3;
  hand.how.shed_hold = sim::Seconds{5};
  SiteParameters site = hand.build();
  site.events.push_back(limit_of(25e3, 10, 15));
  SiteState state = initial_site(site);
  sim::ThreadPool pool(1);
  SiteEpoch epoch;
  double highest = 0;
  int most_off = 0;
  while (state.now < site.duration) {
    step_epoch(state, site, pool, epoch);
    if (epoch.start >= 12 * sim::second && epoch.end <= 25 * sim::second)
      for (const double w : epoch.meter_bins) highest = std::max(highest, w);
    most_off = std::max(most_off, racks_off(state, OffCause::shed));
    if (epoch.end == 10 * sim::second) CHECK(racks_off(state, OffCause::shed) == 0);
  }
  CHECK(highest <= 25e3);
  CHECK(most_off >= 2);
  CHECK(most_off < 10);
  CHECK(racks_off(state, OffCause::shed) == 0);
  CHECK(state.totals.shed_racks >= most_off);
  CHECK(state.totals.woken_racks == state.totals.shed_racks);
  CHECK(state.totals.shed_rack_s > 10 * most_off * 0.9);
  CHECK(state.totals.unpromised_decisions == 0);
  const auto tokens = token_ledger(state);
  CHECK(tokens[static_cast<std::size_t>(TokenOutcome::shed)] ==
        value_of(site_metrics(site, state), "shed_tokens"));
}

TEST_CASE("A design that cannot hold all devices at their least starts without the last racks") {
  HandSite hand = racks_of_chat();
  hand.policy = PowerPolicy::fixed;
  hand.envelope_w = 70e3;
  hand.duration = 10 * sim::second;
  const SiteParameters site = hand.build();
  const SiteState state = end_of(site);
  CHECK(racks_off(state, OffCause::shed) > 0);
  CHECK(!state.rack_states[9].on());
  CHECK(state.rack_states[0].on());
  CHECK(state.totals.above_limit == 0);
}

// Some replicas carry the load of all; the same requests complete, with less energy.
TEST_CASE("Consolidation saves energy at the same work, and loses no request") {
  const SiteParameters site = consolidated().build(), plain = racks_of_chat().build();
  const SiteState state = end_of(site), all = end_of(plain);
  CHECK(racks_off(state, OffCause::parked) >= 3);
  CHECK(state.totals.parked_rack_s > 0);
  CHECK(state.counts[0].arrivals == all.counts[0].arrivals);
  CHECK(state.counts[0].thrown_back == 0);
  CHECK(state.counts[0].completed > 0.98 * static_cast<double>(all.counts[0].completed));
  CHECK(state.ledger.meter().value() < 0.9 * all.ledger.meter().value());
}

TEST_CASE("Load that comes back wakes racks, which work when their start is over") {
  HandSite hand = consolidated();
  const SiteParameters quiet = hand.build();
  hand.chat_rate = 400;
  const SiteParameters busy = hand.build();
  SiteState state = initial_site(quiet);
  run_until(state, quiet, 30 * sim::second);
  const int off = racks_off(state, OffCause::parked);
  REQUIRE(off >= 3);
  sim::ThreadPool pool(1);
  SiteEpoch epoch;
  sim::Time asked = -1, works = -1;
  std::vector<RackState> before = state.rack_states;
  while (state.now < busy.duration) {
    step_epoch(state, busy, pool, epoch);
    for (std::size_t r = 0; r < before.size(); ++r) {
      if (asked < 0 && state.rack_states[r].wakes >= 0) asked = state.now;
      if (works < 0 && !before[r].on() && state.rack_states[r].on()) works = state.now;
    }
    before = state.rack_states;
  }
  CHECK(asked > 0);
  CHECK(works == asked + 3 * sim::second);
  CHECK(racks_off(state, OffCause::parked) < off);
}

TEST_CASE(
    "Switched racks and settings go the same way resumed, with more threads, plain and jump") {
  HandSite hand = consolidated();
  hand.duration = 30 * sim::second;
  hand.policy = PowerPolicy::steering;
  hand.envelope_w = 90e3;
  hand.how.shed_hold = sim::Seconds{4};
  hand.batches = {.policy = BatchPolicy::within_slo, .interval = sim::Seconds{2}, .least_seqs = 2};
  hand.profiles = {.policy = ProfilePolicy::by_value, .hold = sim::Seconds{2}};
  hand.profiles.efficient.limit.value = 0.6;
  SiteParameters site = hand.build();
  site.events.push_back(limit_of(20e3, 8, 7));
  const SiteState whole = end_of(site);
  CHECK(whole.totals.shed_racks > 0);
  SiteState state = initial_site(site);
  run_until(state, site, 13 * sim::second);
  SiteState other;
  sim::load(other, sim::save(state));
  run_until(other, site, site.duration, 3);
  CHECK(sim::save(other) == sim::save(whole));
  for (PodParameters& pod : site.pods) pod.engine.stepping = Stepping::plain;
  CHECK(trace_hash(end_of(site)).value == trace_hash(whole).value);
}

// The hand site's iterations last 10 ms and 20 us a token: any batch keeps 50 ms a token. Promised
// 10.2 ms, ten may run at a time.
TEST_CASE("Batches shrink until tokens come in time, and limits stay inside their range") {
  HandSite hand = racks_of_chat();
  hand.chat_rate = 800;
  hand.batches = {.policy = BatchPolicy::within_slo, .interval = sim::Seconds{1}, .least_seqs = 2};
  SiteParameters site = hand.build();
  for (PodParameters& pod : site.pods) pod.slo = {{}, sim::Seconds{0.0105}};
  const SiteState state = end_of(site);
  for (const auto& setting : state.settings) CHECK(setting.refusals == 0);
  CHECK(state.settings[0].effective < 32);
  SiteParameters free = site;
  free.batch = {};
  free.setting_laws.clear();
  free.points.resize(site.batch_points);
  const SiteState other = end_of(free);
  CHECK(state.latencies[0].tpot.quantile(0.5) < other.latencies[0].tpot.quantile(0.5));
}

// At its lower clock the hand site's GPU draws 275 W, which is at the limit of 294 W.
TEST_CASE("Where power is short services get the efficient profile, and keep it no longer") {
  HandSite hand = racks_of_chat();
  hand.duration = 30 * sim::second;
  hand.chat_rate = 300;
  hand.policy = PowerPolicy::steering;
  hand.envelope_w = 120e3;
  hand.profiles = {.policy = ProfilePolicy::by_value, .hold = sim::Seconds{2}};
  hand.profiles.efficient.limit.value = 0.42;
  SiteParameters site = hand.build();
  site.events.push_back(limit_of(45e3, 10, 10));
  SiteState state = initial_site(site);
  run_until(state, site, 9 * sim::second);
  CHECK(!state.profiles[0].efficient);
  run_until(state, site, 19 * sim::second);
  CHECK(state.profiles[0].efficient);
  for (const PodState& pod : state.pods)
    for (const ReplicaState& replica : pod.replicas)
      CHECK(replica.power_limit_mw <= static_cast<std::int64_t>(4 * 0.42 * 700e3));
  run_until(state, site, site.duration);
  CHECK(!state.profiles[0].efficient);
}
