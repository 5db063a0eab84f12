// Policies of wants in the loop of a whole site.
#include <doctest/doctest.h>

#include "models/site/hand_site.hpp"
#include "models/site/summary.hpp"
#include "sim/archive.hpp"

using namespace mw;
using namespace mw::models;
using models::test::HandSite;
using models::test::run_until;

namespace {

HandSite held(PowerPolicy policy, LimitGroups groups = LimitGroups::rack) {
  HandSite hand;
  hand.policy = policy;
  hand.envelope_w = 36e3;
  hand.how.groups = groups;
  return hand;
}

SiteState end_of(const SiteParameters& site) {
  SiteState state = initial_site(site);
  run_until(state, site, site.duration);
  return state;
}
std::int64_t tokens(const SiteState& state) {
  std::int64_t sum = 0;
  for (const auto& c : state.counts) sum += c.output_tokens;
  return sum;
}

}  // namespace

TEST_CASE("Under every policy no sub-step is above the envelope, and no limit is refused") {
  for (const auto groups : {LimitGroups::rack, LimitGroups::replica})
    for (const auto policy : {PowerPolicy::fixed, PowerPolicy::proportional, PowerPolicy::priority,
                              PowerPolicy::steering, PowerPolicy::slo}) {
      CAPTURE(enum_names(policy)[static_cast<std::size_t>(policy)]);
      const SiteState state = end_of(held(policy, groups).build());
      CHECK(state.totals.above_limit == 0);
      CHECK(state.totals.excursions == 0);
      CHECK(state.totals.peak_w > 0.5 * 36e3);
      for (const auto& limit : state.limits) CHECK(limit.refusals == 0);
    }
}

// The long jobs' racks stand idle: uniform leaves them their share of the watts, steering gives it
// to those at their limit.
TEST_CASE("Steering makes more of the same watts than equal shares where load is uneven") {
  HandSite hand = held(PowerPolicy::uniform);
  hand.batch_rate = 0.01;
  const auto equal = tokens(end_of(hand.build()));
  hand.policy = PowerPolicy::steering;
  for (const auto groups : {LimitGroups::rack, LimitGroups::replica}) {
    hand.how.groups = groups;
    const SiteState state = end_of(hand.build());
    CHECK(tokens(state) > equal * 101 / 100);
    CHECK(state.totals.above_limit == 0);
  }
}

TEST_CASE("A limit that an event lowers is kept while it lasts, and let go afterwards") {
  HandSite hand = held(PowerPolicy::steering);
  SiteParameters site = hand.build();
  EventParameters event;
  event.kind = EventKind::power_limit;
  event.at = sim::Duration{5 * sim::second};
  event.lasting = sim::Duration{6 * sim::second};
  event.limit = sim::Power{30e3};
  site.events.push_back(event);
  SiteState state = initial_site(site);
  sim::ThreadPool pool(1);
  SiteEpoch epoch;
  double during = 0, after = 0, limits_during = 0;
  while (state.now < site.duration) {
    step_epoch(state, site, pool, epoch);
    for (const double w : epoch.meter_bins) {
      if (epoch.start >= 7 * sim::second && epoch.end <= 11 * sim::second)
        during = std::max(during, w);
      if (epoch.start >= 13 * sim::second) after = std::max(after, w);
    }
    if (epoch.end == 11 * sim::second) limits_during = epoch.capped_share;
  }
  CHECK(during <= 30e3);
  CHECK(after <= 36e3);
  CHECK(epoch.capped_share > 1.1 * limits_during);
}

TEST_CASE("Resumed and with more threads, a steered site goes the same way to the last bit") {
  HandSite hand = held(PowerPolicy::steering, LimitGroups::replica);
  hand.interval = sim::Seconds{0.7};
  const SiteParameters site = hand.build();
  const SiteState whole = end_of(site);
  SiteState state = initial_site(site);
  run_until(state, site, 6 * sim::second);
  SiteState other;
  sim::load(other, sim::save(state));
  run_until(other, site, site.duration, 3);
  CHECK(sim::save(other) == sim::save(whole));
  CHECK(trace_hash(other).value == trace_hash(whole).value);
}

TEST_CASE("No policy offers more than the oracle") {
  for (const auto policy : {PowerPolicy::uniform, PowerPolicy::proportional, PowerPolicy::priority,
                            PowerPolicy::steering}) {
    HandSite hand = held(policy);
    hand.how.oracle = true;
    const SiteState state = end_of(hand.build());
    CHECK(state.totals.best_capacity > 0);
    CHECK(state.totals.offered_capacity <= state.totals.best_capacity * (1 + 1e-9));
    CHECK(state.totals.offered_capacity > 0.5 * state.totals.best_capacity);
  }
}
