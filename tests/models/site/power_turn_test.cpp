// Dips, outages, lost feeds and breakers at a site: who goes dark, who rides through, and that the
// books close all the while.
#include "models/site/power_turn.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <functional>

#include "models/site/hand_site.hpp"
#include "models/site/summary.hpp"
#include "sim/archive.hpp"

using namespace mw;
using namespace mw::models;
using sim::millisecond;
using sim::second;
using test::HandSite;
using test::run_until;

namespace {

EventParameters dip(double at_s, double for_s, double voltage) {
  EventParameters e;
  e.kind = EventKind::utility_dip;
  e.at.ns = sim::from_seconds(at_s);
  e.lasting = sim::Duration{sim::from_seconds(for_s)};
  e.voltage = voltage;
  return e;
}

BatteryParameters battery(sim::Time autonomy) {
  BatteryParameters b;
  b.autonomy.ns = autonomy;
  b.walk_in.ns = 2 * second;
  return b;
}

/// The hand-made site without engines: what its racks draw is their rest.
SiteParameters resting(const std::function<void(SiteParameters&)>& change) {
  HandSite hand;
  hand.chat_rate = hand.batch_rate = 1e-6;
  hand.duration = 30 * second;
  SiteParameters site = hand.build();
  for (auto& racks : site.racks) racks.rack.storage.restart.ns = 4 * second;
  change(site);
  std::vector<FedRacks> fed = fed_racks(site.racks);
  site.distribution = make_distribution(site.electrical, fed, {2e4});
  return site;
}

struct Run {
  SiteState state;
  std::vector<SiteNote> notes;
  double meter_j = 0;
};
Run run_of(const SiteParameters& site) {
  Run run{initial_site(site), {}, 0};
  sim::ThreadPool pool(1);
  SiteEpoch epoch;
  while (run.state.now < site.duration) {
    step_epoch(run.state, site, pool, epoch);
    run.notes.insert(run.notes.end(), epoch.notes.begin(), epoch.notes.end());
    run.meter_j += epoch.meter * epoch.seconds();
    // The meter is the sum of the purposes, in every epoch and whatever happens.
    double sum = 0, size = 0;
    for (const double p : epoch.purpose) sum += p, size += std::fabs(p);
    CHECK(std::fabs(sum - epoch.meter) <= 1e-9 * size + 1e-6);
  }
  return run;
}
std::vector<sim::Time> moments_of(const Run& run, const std::string& kind) {
  std::vector<sim::Time> at;
  for (const auto& note : run.notes)
    if (note.kind == kind) at.push_back(note.at);
  return at;
}

}  // namespace

TEST_CASE("A dip shorter than the supplies' hold-up is borne, a longer one is not") {
  // Hold-up is 20 ms at design power: longer at the load of racks at rest.
  const auto dark = [](double for_s, double voltage) {
    const SiteParameters site =
        resting([&](SiteParameters& s) { s.events = {dip(5, for_s, voltage)}; });
    return run_of(site).state.totals.went_dark;
  };
  CHECK(dark(0.015, 0) == 0);
  CHECK(dark(10, 0.85) == 0);  // within what supplies take
  CHECK(dark(0.5, 0.4) == 8);  // all racks
}

TEST_CASE("What a rack bears follows its load: stored energy over power") {
  SiteParameters site = resting([](SiteParameters& s) { s.events = {dip(5, 1, 0)}; });
  Run before{initial_site(site), {}, 0};
  run_until(before.state, site, 5 * second);
  const double watt = before.state.rack_feeds[0].watt;
  CHECK(watt > 1000);
  CHECK(watt < 9000);
  const StorageLaw& store = site.racks[0].store;
  CHECK(store.capacity * store.discharge_efficiency == doctest::Approx(0.02 * 9000));
  const double bears = ride_time(store, store.capacity, watt);
  for (const double share : {0.98, 1.02}) {
    site.events = {dip(5, share * bears, 0)};
    SiteState state = initial_site(site);
    run_until(state, site, 5 * second + 1);
    CHECK(state.rack_states[0].on() == (share < 1));
  }
}

TEST_CASE("Racks that went dark work again when power has been back for their restart") {
  const SiteParameters site = resting([](SiteParameters& s) { s.events = {dip(5, 1.5, 0)}; });
  const Run run = run_of(site);
  CHECK(moments_of(run, "racks_dark") == std::vector<sim::Time>{5 * second});
  CHECK(moments_of(run, "racks_back") == std::vector<sim::Time>{10 * second + 500 * millisecond});
  CHECK(run.state.totals.dark_rack_s == doctest::Approx(8 * 5.5));
  CHECK(run.meter_j == doctest::Approx(run.state.ledger.meter().value()).epsilon(1e-9));
}

TEST_CASE(
    "Batteries carry the racks through an outage; the meter reads nothing, then the recharge") {
  const SiteParameters site = resting([](SiteParameters& s) {
    s.electrical.stages[1].battery = battery(300 * second);
    s.events = {dip(5, 3, 0)};
  });
  const Run run = run_of(site);
  CHECK(run.state.totals.went_dark == 0);
  CHECK(moments_of(run, "on_battery") == std::vector<sim::Time>{5 * second});
  CHECK(moments_of(run, "off_battery") == std::vector<sim::Time>{10 * second});
  // All but what they still lack is back; what they gave came out of the meter with its losses.
  CHECK(run.state.ledger[Purpose::stored].value() <= 0);
  CHECK(run.meter_j == doctest::Approx(run.state.ledger.meter().value()).epsilon(1e-9));
  double held = 0;
  for (std::size_t n = 0; n < run.state.feeds.size(); ++n)
    held += run.state.feeds[n].path[0].battery_j - site.distribution.nodes[n].battery.capacity;
  for (std::size_t r = 0; r < run.state.rack_feeds.size(); ++r)
    held += run.state.rack_feeds[r].stored_j - site.group(static_cast<int>(r)).store.capacity;
  CHECK(run.state.ledger[Purpose::stored].value() == doctest::Approx(held).epsilon(1e-6));
}

TEST_CASE("Batteries that run empty leave the racks dark; generators come before that") {
  const auto with = [](bool generator) {
    return resting([&](SiteParameters& s) {
      s.electrical.stages[1].battery =
          battery(1500 * millisecond);  // at the usable rating; rest is less
      if (generator) s.electrical.generator.emplace().start.ns = 2 * second;
      if (generator) s.electrical.generator->stay.ns = 5 * second;
      s.events = {dip(5, 12, 0)};
    });
  };
  const SiteParameters bare = with(false);
  const Run out = run_of(bare);
  CHECK(out.state.totals.went_dark == 8);
  REQUIRE(moments_of(out, "battery_empty").size() == 1);
  CHECK(moments_of(out, "battery_empty") == moments_of(out, "racks_dark"));
  CHECK(moments_of(out, "battery_empty")[0] > 8 * second);
  // They were emptied to within 10 ms of their load.
  CHECK(out.state.totals.generated.value() == 0);

  const Run kept = run_of(with(true));
  CHECK(kept.state.totals.went_dark == 0);
  CHECK(moments_of(kept, "on_generator") == std::vector<sim::Time>{7 * second});
  CHECK(moments_of(kept, "off_battery") == std::vector<sim::Time>{9 * second});
  CHECK(moments_of(kept, "off_generator") == std::vector<sim::Time>{22 * second});
  CHECK(kept.state.totals.generated.value() > 0);
  CHECK(kept.state.ledger[Purpose::generated].value() ==
        doctest::Approx(-kept.state.totals.generated.value()));
  CHECK(kept.meter_j == doctest::Approx(kept.state.ledger.meter().value()).epsilon(1e-9));
}

TEST_CASE("Generators that are too small are overloaded, as any stage is") {
  const auto overloaded = [](double watt) {
    const SiteParameters site = resting([&](SiteParameters& s) {
      s.electrical.stages[1].battery = battery(300 * second);
      s.electrical.generator.emplace().start.ns = 2 * second;
      s.electrical.generator->rating = sim::Power{watt};
      s.events = {dip(5, 60, 0)};
    });
    return run_of(site).state.totals.overloaded_epochs;
  };
  CHECK(overloaded(100e3) == 0);
  CHECK(overloaded(10e3) > 15);  // from the return of the IT load on
}

TEST_CASE("Eco mode has a gap that the supplies must bear") {
  const auto dark = [](sim::Time transfer) {
    const SiteParameters site = resting([&](SiteParameters& s) {
      s.electrical.stages[1].battery = battery(300 * second);
      s.electrical.stages[1].battery->transfer.ns = transfer;
      s.events = {dip(5, 1, 0)};
    });
    return run_of(site).state.totals.went_dark;
  };
  CHECK(dark(10 * millisecond) == 0);
  CHECK(dark(500 * millisecond) == 8);
}

TEST_CASE("A feed that is lost is a matter of the other one; both together are an outage") {
  const auto dark = [](bool both) {
    const SiteParameters site = resting([&](SiteParameters& s) {
      for (auto& stage : s.electrical.stages)
        if (stage.feeds == Feeds::it) stage.redundancy = Redundancy::two_n;
      EventParameters loss;
      loss.kind = EventKind::feed_loss;
      loss.at.ns = 5 * second;
      loss.lasting = sim::Duration{10 * second};
      loss.feed = FeedPath::a;
      s.events = {loss};
      loss.feed = FeedPath::b;
      if (both) s.events.push_back(loss);
    });
    return run_of(site).state.totals.went_dark;
  };
  CHECK(dark(false) == 0);
  CHECK(dark(true) == 8);
}

TEST_CASE("A breaker that opens on the sub-grid takes its racks along, and only those") {
  const SiteParameters site = resting([](SiteParameters& s) {
    auto& busway = s.electrical.stages[2];
    busway.units = 8;
    busway.breaker.emplace();
    busway.breaker->rating = sim::Power{1500};  // compute racks draw more at rest, others less
    busway.breaker->inverse_time.value = {3};
  });
  const Run run = run_of(site);
  REQUIRE(run.state.totals.went_dark > 0);
  int opened = 0;
  for (std::size_t n = 0; n < run.state.feeds.size(); ++n) {
    opened += run.state.feeds[n].opened;
    if (run.state.feeds[n].opened > 0) CHECK(run.state.feeds[n].peak_w > 1500);
  }
  CHECK(opened == run.state.totals.went_dark);
  CHECK(opened < 8);
  CHECK(moments_of(run, "breaker_opened").size() == static_cast<std::size_t>(opened));
  for (int r = 0; r < site.rack_count(); ++r) {
    const auto node =
        static_cast<std::size_t>(site.distribution.node_of_rack[static_cast<std::size_t>(r)]);
    CHECK(run.state.rack_states[static_cast<std::size_t>(r)].on() ==
          (run.state.feeds[node].opened == 0));
  }
}

TEST_CASE("Outages, batteries and dark racks: checkpoints and threads change nothing") {
  const SiteParameters site = resting([](SiteParameters& s) {
    s.electrical.stages[1].battery = battery(1500 * millisecond);
    s.events = {dip(5, 0.3, 0.4), dip(9, 7, 0)};
  });
  SiteState whole = initial_site(site);
  run_until(whole, site, site.duration, 2);
  for (const sim::Time at : {5100 * millisecond, 9 * second, 12 * second, 20 * second}) {
    SiteState state = initial_site(site);
    run_until(state, site, at);
    const auto bytes = sim::save(state);
    SiteState other;
    sim::load(other, bytes);
    run_until(other, site, site.duration);
    CHECK(sim::save(other) == sim::save(whole));
  }
}
