// Events: the clock stops where one begins or ends, what it does lasts exactly that long, and
// leaves nothing behind.
#include "models/site/events.hpp"

#include <doctest/doctest.h>

#include <limits>

#include "models/cooling/psychrometrics.hpp"
#include "models/site/hand_site.hpp"

using namespace mw;
using namespace mw::models;
using test::HandSite;

namespace {

EventParameters heat_wave(double at_s, double for_s, double warmer) {
  EventParameters event;
  event.at.ns = sim::from_seconds(at_s);
  if (for_s > 0) event.lasting = sim::Duration{sim::from_seconds(for_s)};
  event.warmer = sim::TemperatureDifference{warmer};
  return event;
}

}  // namespace

TEST_CASE("Every begin and end is a moment of change, the end of one that stays is none") {
  const std::vector<EventParameters> events = {heat_wave(5, 10, 3), heat_wave(8, 0, 1)};
  std::vector<sim::Time> changes;
  for (sim::Time t = 0; (t = next_change(events, t)) != std::numeric_limits<sim::Time>::max();)
    changes.push_back(t);
  CHECK(changes == std::vector<sim::Time>{5 * sim::second, 8 * sim::second, 15 * sim::second});
  CHECK_FALSE(holds(events[0], 5 * sim::second - 1));
  CHECK(holds(events[0], 5 * sim::second));
  CHECK_FALSE(holds(events[0], 15 * sim::second));
  CHECK(holds(events[1], std::numeric_limits<sim::Time>::max() - 1));
}

TEST_CASE("A heat wave warms the air and leaves its moisture; waves add up") {
  const Weather fair = weather_of({sim::temperature_from_degc(30), sim::temperature_from_degc(20)});
  const std::vector<EventParameters> events = {heat_wave(0, 10, 5), heat_wave(2, 0, 2)};
  const Weather one = weather_under(events, 0, fair);
  CHECK(one.dry_bulb == doctest::Approx(35));
  CHECK(one.humidity_ratio == fair.humidity_ratio);
  CHECK(one.wet_bulb > fair.wet_bulb);
  CHECK(one.wet_bulb < fair.wet_bulb + 5);
  CHECK(weather_under(events, 5 * sim::second, fair).dry_bulb == doctest::Approx(37));
  CHECK(weather_under(events, 20 * sim::second, fair).dry_bulb == doctest::Approx(32));
  // A cold snap below the dew point: the air is saturated.
  const Weather cold = weather_under(std::vector{heat_wave(0, 0, -25)}, 0, fair);
  CHECK(cold.wet_bulb == doctest::Approx(cold.dry_bulb).epsilon(1e-6));
}

TEST_CASE(
    "A site under a heat wave: its clock stops at both moments, and afterwards all is as before") {
  HandSite hand;
  hand.duration = 12 * sim::second;
  SiteParameters plain = hand.build();
  SiteParameters hot = plain;
  hot.events = {heat_wave(3.25, 4.5, 6)};  // off the grid of the physics step
  SiteState with = initial_site(hot), without = initial_site(plain);
  SiteEpoch a, b;
  sim::ThreadPool pool(1);
  std::vector<sim::Time> stops;
  while (with.now < hot.duration) {
    step_epoch(with, hot, pool, a);
    stops.push_back(a.end);
    const bool wave = a.start >= sim::from_seconds(3.25) && a.start < sim::from_seconds(7.75);
    CHECK(a.weather.dry_bulb == doctest::Approx(wave ? 39 : 33));
  }
  while (without.now < plain.duration) step_epoch(without, plain, pool, b);
  for (const double s : {3.25, 7.75})
    CHECK(std::find(stops.begin(), stops.end(), sim::from_seconds(s)) != stops.end());
  CHECK(with.totals.cooling.rejection_fan > without.totals.cooling.rejection_fan);
  CHECK(trace_hash(with).value == trace_hash(without).value);  // requests know nothing of it
}
