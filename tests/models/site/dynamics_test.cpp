// A site whose plant is followed in time: events reach it, chips that get too hot slow down and go
// off, and a run is the same however it is resumed.
#include <doctest/doctest.h>

#include <cmath>

#include "models/cooling/throttle.hpp"
#include "models/site/faults.hpp"
#include "models/site/hand_site.hpp"
#include "models/site/thermal.hpp"
#include "sim/archive.hpp"

using namespace mw;
using namespace mw::models;
using test::HandSite;

namespace {

/// Racks at a constant load, without services: what chips draw follows their clocks.
SiteParameters loaded(double seconds, double limit_c = 90) {
  HandSite hand;
  hand.chat_rate = 1;
  hand.batch_rate = 0.1;
  hand.duration = sim::from_seconds(seconds);
  SiteParameters site = hand.build();
  site.services.clear();
  site.pods.clear();
  site.service_of_pod.clear();
  for (auto& g : site.placement) g = {.rack = g.rack, .gpus = g.gpus, .use = GpuUse::free};
  for (auto& racks : site.racks) {
    auto& gpu = racks.rack.gpu.value;
    if (racks.rack.gpus() == 0) continue;
    racks.load = 1;
    racks.rack.junction_limit.value = sim::temperature_from_degc(limit_c);
    gpu.max_clock.value = {2e9};
    gpu.min_clock.value = {0.5e9};
    gpu.knee_clock.value = {1e9};
    gpu.knee_voltage.value = {0.7};
    gpu.max_voltage.value = {1};
  }
  site.cooling.loops.cdus = 1;
  site.cooling.loops.spare_cdus = 0;
  site.cooling.loops.spare_pumps = 0;
  follow_plant(site);
  return site;
}
EventParameters event(EventKind kind, double at_s, double for_s = 0) {
  EventParameters e;
  e.kind = kind;
  e.at.ns = sim::from_seconds(at_s);
  if (for_s > 0) e.lasting = sim::Duration{sim::from_seconds(for_s)};
  return e;
}

}  // namespace

TEST_CASE("What stands by takes over after its time, and not more than stands by") {
  SiteParameters site = loaded(100);
  site.cooling.loops.spare_cdus = 1;
  EventParameters loss = event(EventKind::cdu_loss, 10, 50);
  loss.loop = 0;
  site.plant.loops[0].cdus = 3;
  loss.count = 2;
  site.events = {loss};
  site.event_racks = {{}};
  const auto out = [&](double s) {
    const PlantFaults faults = faults_at(site, sim::from_seconds(s));
    return faults.loops.empty() ? 0 : faults.loops[0].cdus_out;
  };
  CHECK(out(9) == 0);
  CHECK(out(10) == 2);
  CHECK(out(12.9) == 2);
  CHECK(out(13) == 1);  // one of two has a stand-by
  CHECK(out(60) == 0);
  // The clock stops at the takeover.
  CHECK(next_change(site.events, sim::from_seconds(10), 3 * sim::second) == 13 * sim::second);
  // A pump of a CDU with a spare pump, and one of the facility water.
  site.cooling.loops.spare_pumps = 1;
  EventParameters trip = event(EventKind::pump_trip, 10);
  trip.loop = 0;
  site.events = {trip, event(EventKind::pump_trip, 20)};
  site.event_racks.resize(2);
  CHECK(out(11) == 1);
  CHECK(out(14) == 0);
  CHECK(faults_at(site, sim::from_seconds(21)).fws_pumps_out == 1);
  CHECK(faults_at(site, sim::from_seconds(24)).fws_pumps_out == 0);
}

TEST_CASE("Throttle: step by step above the limit, by half above the second, off above the third") {
  const ThrottleLaw law{87, 90, 95, 83, 0.25, true};
  ThrottleState chip;
  CHECK_FALSE(throttle_turn(law, 86.9, 1, 0, chip));
  CHECK(throttle_turn(law, 87.5, 1, 0, chip));
  CHECK(chip.ceiling == doctest::Approx(0.95));
  CHECK_FALSE(throttle_turn(law, 85, 1, 0, chip));  // hysteresis: it stays
  throttle_turn(law, 82, 1, 0, chip);
  CHECK(chip.ceiling == doctest::Approx(1));
  throttle_turn(law, 91, 1, 0, chip);
  CHECK(chip.ceiling == 0.5);
  throttle_turn(law, 85, 10, 0, chip);
  CHECK(chip.ceiling == 0.5);  // not cool yet
  throttle_turn(law, 83, 1, 0, chip);
  CHECK(chip.ceiling == doctest::Approx(0.55));
  for (int i = 0; i < 40; ++i) throttle_turn(law, 88, 1, 0, chip);
  CHECK(chip.ceiling == 0.25);  // the lowest clock
  throttle_turn(law, 95, 1, 0, chip);
  CHECK(chip.off);
  throttle_turn(law, 60, 1, sim::minute, chip);
  throttle_turn(law, 60, 1, 5 * sim::minute, chip);
  CHECK(chip.off);  // it boots
  throttle_turn(law, 60, 1, 6 * sim::minute, chip);
  CHECK_FALSE(chip.off);
  CHECK(chip.ceiling == 1);
}

TEST_CASE("All pumps of a loop lost: clocks fall, power with them; the heat balance closes") {
  SiteParameters site = loaded(120);
  EventParameters loss = event(EventKind::cdu_loss, 20);
  loss.loop = 0;
  loss.count = 100;
  site.events = {loss};
  site.event_racks = {{}};
  SiteState state = initial_site(site);
  SiteEpoch epoch;
  sim::ThreadPool pool(1);
  double before = 0;
  while (state.now < site.duration) {
    step_epoch(state, site, pool, epoch);
    if (epoch.end == 20 * sim::second) before = epoch.gpu;
  }
  CHECK(state.totals.first_throttle > 20 * sim::second);
  CHECK(state.totals.throttled_gpu_s > 0);
  CHECK(epoch.gpu < 0.7 * before);
  CHECK(state.totals.heat_residual_j < 1e-9 * state.totals.cooling.heat_in);
  CHECK(state.totals.cooling.stored > 0);
  // Without events nothing of the kind happens.
  site.events.clear();
  site.event_racks.clear();
  SiteState calm = initial_site(site);
  test::run_until(calm, site, site.duration);
  CHECK(calm.totals.first_throttle == -1);
  CHECK(calm.totals.heat_residual_j < 1e-9 * calm.totals.cooling.heat_in);
}

TEST_CASE("With a steady load the plant in time costs what the steady plant costs") {
  SiteParameters in_time = loaded(60), steady = in_time;
  steady.plant = {};
  SiteState a = initial_site(in_time), b = initial_site(steady);
  test::run_until(a, in_time, in_time.duration);
  test::run_until(b, steady, steady.duration);
  CHECK(a.ledger.meter().value() == doctest::Approx(b.ledger.meter().value()).epsilon(2e-3));
  CHECK(a.totals.cooling.rejection_fan ==
        doctest::Approx(b.totals.cooling.rejection_fan).epsilon(0.02));
  CHECK(a.totals.cooling.pumps == doctest::Approx(b.totals.cooling.pumps).epsilon(0.01));
}

TEST_CASE("A leak isolates its racks and marks them off, until it is mended") {
  SiteParameters site = loaded(30);
  site.events = {event(EventKind::leak, 5, 10)};
  site.event_racks = {{1}};
  SiteState state = initial_site(site);
  SiteEpoch epoch;
  sim::ThreadPool pool(1);
  while (state.now < site.duration) {
    step_epoch(state, site, pool, epoch);
    const bool leaks = state.now >= 5 * sim::second && state.now < 15 * sim::second;
    CHECK(state.rack_states[1].off_for(OffCause::fault) == leaks);
    CHECK(state.rack_states[0].on());
  }
}

TEST_CASE("Resumed in the middle of a fault: the same bits") {
  SiteParameters site = loaded(40);
  EventParameters loss = event(EventKind::cdu_loss, 10);
  loss.loop = 0;
  site.events = {loss};
  site.event_racks = {{}};
  SiteState whole = initial_site(site), first = whole;
  test::run_until(whole, site, site.duration);
  test::run_until(first, site, 17 * sim::second);
  SiteState second = first;
  test::run_until(second, site, site.duration);
  CHECK(second.plant.junction == whole.plant.junction);
  CHECK(second.plant.fws_return == whole.plant.fws_return);
  CHECK(second.ledger.meter().value() == whole.ledger.meter().value());
}

TEST_CASE("The set point stays above the dew point of dry-kept rooms and humid days") {
  SiteParameters site = loaded(10);
  site.cooling.supply = sim::temperature_from_degc(5);
  const auto least = [&](double dry_bulb, double wet_bulb) {
    return sim::to_degc(guarded_supply(site, weather_of({sim::temperature_from_degc(dry_bulb),
                                                         sim::temperature_from_degc(wet_bulb)})));
  };
  CHECK(least(30, 29) == doctest::Approx(15 + 2));  // no room is damper than its limit
  CHECK(least(10, 10) == doctest::Approx(10 + 2).epsilon(1e-3));
  CHECK(least(0, -5) == 5);
  site.cooling.supply = sim::temperature_from_degc(45);
  CHECK(least(30, 29) == 45);
}
