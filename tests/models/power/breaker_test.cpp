#include "models/power/breaker.hpp"

#include <doctest/doctest.h>
#include <cstdlib>

#include "models/power/tree.hpp"

namespace mw::models {
namespace {

using sim::millisecond;

const BreakerLaw law{.rating = 100e3, .inverse_time = 300, .instantaneous = 10};

/// When a load on the sub-grid opens it, s.
double opens_after(double x, double dt) {
  double heat = 0;
  for (int i = 0;; ++i) {
    const double until = time_to_open(law, heat, x);
    if (until <= dt) return i * dt + until;
    heat = breaker_heat(law, heat, x, dt);
  }
}

ElectricalParameters guarded(std::optional<sim::Power> rating) {
  ElectricalParameters e;
  ElectricalStage s;
  s.name = "busway";
  s.feeds = Feeds::it;
  s.breaker.emplace();
  s.breaker->rating = rating;
  e.stages = {s};
  return e;
}

}  // namespace

TEST_CASE("Current of a three-phase load: P = sqrt(3) U I cos(phi)") {
  // 400 A at 415 V and cos(phi) 0.95: sqrt(3) x 415 x 400 x 0.95 = 273,142 W.
  CHECK(power_of_current(CurrentKind::three_phase, 400, 415, 0.95) ==
        doctest::Approx(273142).epsilon(1e-5));
  CHECK(current_of_power(CurrentKind::three_phase, 273142, 415, 0.95) ==
        doctest::Approx(400).epsilon(1e-5));
  // T24: 132 kW of direct current at 50 V: 2640 A; at 800 V: 165 A.
  CHECK(current_of_power(CurrentKind::direct, 132e3, 50, 1) == doctest::Approx(2640));
  CHECK(current_of_power(CurrentKind::direct, 132e3, 800, 1) == doctest::Approx(165));
}

TEST_CASE("A constant overload opens a breaker after k / ((I/In)^2 - 1), whatever the step") {
  for (const double x : {1.05, 1.2, 1.35, 2.0, 6.0})
    for (const double dt : {0.1, 0.037, 1.0})
      CHECK(opens_after(x, dt) == doctest::Approx(300 / (x * x - 1)).epsilon(1e-9));
  CHECK(opens_after(10, 0.1) == 0);
  CHECK(time_to_open(law, 0, 1) == 1e300);
}

TEST_CASE("A breaker that has cooled as long as it was heated has forgotten") {
  // Heating at x adds (x^2 - 1) t / k, cooling at y takes (1 - y^2) t / k away: 1.5 for 40 s and
  // 0.5 for 1.25 / 0.75 x 40 s.
  double heat = breaker_heat(law, 0, 1.5, 40);
  CHECK(heat == doctest::Approx(1.25 * 40 / 300));
  heat = breaker_heat(law, heat, 0.5, 1.25 / 0.75 * 40);
  CHECK(heat == doctest::Approx(0).epsilon(1e-12));
  CHECK(breaker_heat(law, 0.1, 0, 1e6) == 0);
}

TEST_CASE("Peaks open a breaker that means would not: loads are looked at on the sub-grid") {
  // One second of ten at 3 In, the rest at 0.7: the mean is 0.93 In, but heat grows by 8 - 9 x 0.51
  // = 3.41 k-seconds every ten seconds: it opens in the 88th period.
  double heat = 0;
  int periods = 0;
  while (heat < 1) {
    heat = breaker_heat(law, breaker_heat(law, heat, 3, 1), 0.7, 9);
    ++periods;
  }
  CHECK(periods == 88);
  CHECK(time_to_open(law, 0, 0.93) == 1e300);
}

TEST_CASE(
    "A breaker of the tree opens at the moment within the sub-step, and what is behind is dark") {
  test::Tree tree(guarded(sim::Power{100e3}), {{"racks", 2, 60e3}});
  // Both racks at 75 kW: 1.5 In opens after 300 / 1.25 = 240 s.
  double now = 0;
  while (tree.flow.opened.empty()) {
    tree.step({75e3, 75e3});
    if (tree.flow.opened.empty()) now += 0.1;
  }
  CHECK(now + tree.flow.opened[0].after_s == doctest::Approx(240).epsilon(1e-9));
  CHECK(tree.flow.opened[0].load == doctest::Approx(1.5));
  CHECK(tree.states[0].opened == 1);
  tree.turn(1, 241 * sim::second);
  CHECK_FALSE(tree.feeding.live(0));
}

TEST_CASE("When one of two breakers opens, the other carries both loads and opens as well") {
  // 2 x 75 kW on two paths: 75 each, of 100. After the loss of path a path b carries 150: 240 s.
  ElectricalParameters e = guarded(sim::Power{100e3});
  e.stages[0].redundancy = Redundancy::two_n;
  test::Tree tree(e, {{"racks", 2, 60e3}});
  for (int i = 0; i < 10000; ++i) tree.step({75e3, 75e3});
  CHECK(tree.states[0].opened == 0);
  std::vector<std::int32_t> lost{1, 0};
  tree.turn(1, 1000 * sim::second, lost);
  int steps = 0;
  while (tree.states[0].opened == 0) {
    tree.step({75e3, 75e3});
    ++steps;
  }
  CHECK(std::abs(steps - 2400) <= 1);  // 240 s, to the rounding of 2400 sums
  tree.turn(1, 1240 * sim::second, lost);
  CHECK_FALSE(tree.feeding.live(0));
}

TEST_CASE("A continuous load may use 80 % of a breaker: without a rating it is sized so") {
  const std::vector<FedRacks> racks{{"racks", 2, 60e3}};
  test::Tree sized(guarded(std::nullopt), racks);
  CHECK(sized.law.nodes[0].breaker.rating == doctest::Approx(150e3));
  CHECK(oversubscribed(sized.law).empty());
  ElectricalParameters e = guarded(sim::Power{140e3});
  REQUIRE(oversubscribed(test::Tree(e, racks).law).size() == 1);
  CHECK(oversubscribed(test::Tree(e, racks).law)[0] ==
        "1 of 1 `busway` would load a path's breaker with up to 120 kW at design power, "
        "continuously allowed are 112");
  e.stages[0].breaker->continuous.value = 1;
  CHECK(oversubscribed(test::Tree(e, racks).law).empty());
  // In amperes: 200 A at 415 V and 0.99 are 142.3 kW.
  e.stages[0].breaker->rating.reset();
  e.stages[0].breaker->current = sim::Current{200};
  CHECK(test::Tree(e, racks).law.nodes[0].breaker.rating == doctest::Approx(142.3e3).epsilon(1e-3));
}

}  // namespace mw::models
