#include "models/power/smoothing.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include <rapidcheck.h>

using namespace mw::models;
using doctest::Approx;

TEST_CASE("a floor is held for the hysteresis, then falls at its ramp") {
  std::vector<double> load(100, 100.0);
  for (std::size_t i = 0; i < 10; ++i) load[i] = 900;
  const SmoothingParameters p{
      .name = "x", .floor = 0.8, .activation = 0.5, .hysteresis = {2}, .ramp_down = 0.1};
  const SmoothingSums sums = smooth_gpu(load, 0.1, p, 1000);
  CHECK(load[9] == 900);
  // Never faster than 100 W/s, 10 W a sample; 800 W while the floor is held, 2 s after the work.
  CHECK(load[10] == Approx(890));
  CHECK(load[19] == Approx(800));
  CHECK(load[28] == Approx(800));
  CHECK(load[31] < 800);
  for (std::size_t i = 1; i < load.size(); ++i) CHECK(load[i - 1] - load[i] < 10 + 1e-9);
  CHECK(load[99] == Approx(std::max(100.0, 800 - 10.0 * 70)).epsilon(0.2));
  CHECK(sums.drawn == Approx(sums.asked + sums.burnt));
}

TEST_CASE("a ramp up holds work back") {
  std::vector<double> load(20, 0.0);
  std::fill(load.begin() + 10, load.end(), 1000.0);
  const SmoothingSums sums = smooth_gpu(load, 0.1, {.name = "x", .ramp_up = 1}, 1000);
  CHECK(load[10] == Approx(100));
  CHECK(load[19] == Approx(1000));
  CHECK(sums.held == Approx(0.1 * (900 + 800 + 700 + 600 + 500 + 400 + 300 + 200 + 100)));
  CHECK(sums.drawn == Approx(sums.asked - sums.held));
}

// A store that is large for the swing leaves the average; what it takes and gives costs its losses.
TEST_CASE("a store holds the draw at the load's average") {
  std::vector<double> load;
  for (int i = 0; i < 4000; ++i) load.push_back(i / 10 % 2 == 0 ? 1000.0 : 200.0);
  const SmoothingParameters p{
      .name = "x", .storage = {2000}, .averaging = {5}, .storage_efficiency = 0.95};
  SmoothingSums sums;
  smooth_rack(load, 0.01, p, 1, sums);
  const auto [low, high] = std::minmax_element(load.begin() + 3000, load.end());
  CHECK(*high - *low < 0.05 * 800);
  CHECK(*high == Approx(600).epsilon(0.1));
  CHECK(sums.lost > 0);
}

// More than half full beside next to no load: it gives what the load takes and no more.
TEST_CASE("a rack's store never feeds back") {
  SmoothingParameters p{.name = "x"};
  p.storage = {1000};
  p.storage_efficiency = 0.565;
  std::vector<double> load(300, 0.0);
  load[0] = 1;
  SmoothingSums sums;
  smooth_rack(load, 0.01, p, 1, sums);
  CHECK(*std::min_element(load.begin(), load.end()) >= -1e-9);
}

// Energy is conserved whatever is asked.
TEST_CASE("smoothing conserves energy") {
  CHECK(rc::check([] {
    const auto share = [] { return *rc::gen::inRange(0, 100) / 100.0; };
    SmoothingParameters p{.name = "x"};
    p.floor = 0.95 * share();
    p.ramp_up = *rc::gen::element(0.0, 0.2, 5.0);
    p.ramp_down = *rc::gen::element(0.0, 0.2, 5.0);
    p.filler = share();
    p.storage = {*rc::gen::element(0.0, 10.0, 1000.0)};
    p.storage_efficiency = 0.5 + share() / 2;
    std::vector<double> load;
    for (const int x : *rc::gen::container<std::vector<int>>(300, rc::gen::inRange(0, 1200)))
      load.push_back(x);
    SmoothingSums sums = smooth_gpu(load, 0.01, p, 1000);
    smooth_rack(load, 0.01, p, 1, sums);
    const double drawn = std::accumulate(load.begin(), load.end(), 0.0) * 0.01;
    RC_ASSERT(std::fabs(drawn - sums.drawn) < 1e-6 * (1 + drawn));
    const double closed = sums.asked + sums.burnt - sums.held + sums.lost + sums.stored;
    RC_ASSERT(std::fabs(drawn - closed) < 1e-6 * (1 + drawn));
    RC_ASSERT(std::fabs(sums.stored) <= p.storage.value / 2 + 1e-6);
    for (const double x : load) RC_ASSERT(x >= -1e-9);
  }));
}
