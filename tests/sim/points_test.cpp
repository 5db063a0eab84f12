#include "sim/points.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <set>

#include "sim/archive.hpp"

namespace sim = mw::sim;
using sim::Aggregation;
using sim::PointParameters;
using sim::PointState;
using sim::Quality;
using sim::second;

namespace {
constexpr sim::PointDraws draws{7, 3};
/// A signal of 10, 20, 30 ... for a second each.
PointState staircase(const PointParameters& p, int seconds) {
  PointState state;
  for (int i = 1; i <= seconds; ++i) record(state, p, draws, i * second, 10.0 * i);
  return state;
}
}  // namespace

TEST_CASE("period and latency: the newest sample with measured + latency <= t") {
  const PointParameters p{.period = {2}, .latency = {0.5}, .history = 3};
  PointState state;
  CHECK(read(state, p, 0).quality == Quality::missing);
  record(state, p, draws, 1 * second, 10);
  CHECK(read(state, p, 1 * second).quality == Quality::missing);  // no sample is due before 2 s
  record(state, p, draws, 2 * second, 20);
  CHECK(read(state, p, 2 * second + 499'999'999).quality == Quality::missing);
  CHECK(read(state, p, 2 * second + 500'000'000).value == 20);
  record(state, p, draws, 5 * second, 30);
  CHECK(read(state, p, 5 * second).measured == 4 * second);
  CHECK(read(state, p, 5 * second).value == 30);
  CHECK(read(state, p, 5 * second).quality == Quality::good);
  // And the one before it.
  CHECK(read(state, p, 5 * second, 1).measured == 2 * second);
  CHECK(read(state, p, 5 * second, 2).quality == Quality::missing);
}

TEST_CASE("a long latency keeps all samples under way") {
  const PointParameters p{.period = {1}, .latency = {7.5}};
  const PointState state = staircase(p, 30);
  // At 30 s the newest that has arrived was measured at 22 s.
  CHECK(read(state, p, 30 * second).value == 220);
  CHECK(read(state, p, 37 * second).value == 290);
}

TEST_CASE("window and aggregation") {
  // At 4 s a window of 2.5 s holds 20 for half a second, 30 and 40 for one: mean 80 / 2.5 = 32.
  const auto at_4 = [](Aggregation aggregation, double window) {
    const PointParameters p{.period = {4}, .window = {window}, .aggregation = aggregation};
    return read(staircase(p, 5), p, 5 * second).value;
  };
  CHECK(at_4(Aggregation::mean, 2.5) == doctest::Approx(32).epsilon(1e-15));
  CHECK(at_4(Aggregation::max, 2.5) == 40);
  CHECK(at_4(Aggregation::min, 2.5) == 20);
  CHECK(at_4(Aggregation::last, 2.5) == 40);
  CHECK(at_4(Aggregation::mean, 0) == 40);  // no window: the value at the moment
  // A window that reaches before the start is cut there: (10 + 20 + 30 + 40) / 4.
  CHECK(at_4(Aggregation::mean, 100) == doctest::Approx(25).epsilon(1e-15));
}

TEST_CASE("a window longer than its period overlaps, and memory stays bounded") {
  const PointParameters p{.period = {1}, .window = {3}};
  const PointState state = staircase(p, 1000);
  CHECK(read(state, p, 1000 * second).value == doctest::Approx((9980 + 9990 + 10000) / 3.0));
  CHECK(state.segments.size() <= 3);
  CHECK(state.samples.size() == 1);
}

TEST_CASE("quantum: the nearest multiple") {
  const PointParameters p{.period = {1}, .quantum = 25};
  PointState state;
  record(state, p, draws, 1 * second, 37.4);
  CHECK(read(state, p, 1 * second).value == 25);
  record(state, p, draws, 2 * second, 37.5);
  CHECK(read(state, p, 2 * second).value == 50);
  record(state, p, draws, 3 * second, -13);
  CHECK(read(state, p, 3 * second).value == -25);
}

TEST_CASE("noise has the stated deviation, and is the same however the signal is cut up") {
  const PointParameters p{.period = {1}, .noise = 5};
  double sum = 0, squares = 0;
  constexpr int count = 20'000;
  PointState state;
  for (int i = 1; i <= count; ++i) {
    record(state, p, draws, i * second, 100);
    const double error = read(state, p, i * second).value - 100;
    sum += error;
    squares += error * error;
  }
  CHECK(std::fabs(sum / count) < 4 * 5 / std::sqrt(double(count)));
  CHECK(std::sqrt(squares / count) == doctest::Approx(5).epsilon(0.02));
  PointState at_once;
  record(at_once, p, draws, count * second, 100);
  CHECK(read(at_once, p, count * second).value == read(state, p, count * second).value);
  PointState another;
  record(another, p, {7, 4}, count * second, 100);
  CHECK(read(another, p, count * second).value != read(state, p, count * second).value);
}

TEST_CASE("drop-out: the stated share never arrives, and the older reading shows as stale") {
  const PointParameters p{.period = {1}, .drop_out = 0.25};
  PointState state;
  int stale = 0;
  constexpr int count = 20'000;
  for (int i = 1; i <= count; ++i) {
    record(state, p, draws, i * second, i);
    const sim::PointSample reading = read(state, p, i * second);
    if (reading.quality == Quality::good) {
      REQUIRE(reading.measured == i * second);
    } else {
      REQUIRE(reading.measured < i * second);
      ++stale;
    }
  }
  // Binomial: 4 standard deviations of the share are 4 sqrt(0.25 * 0.75 / n).
  CHECK(std::fabs(stale / double(count) - 0.25) < 4 * std::sqrt(0.1875 / count));
  const PointParameters dead{.period = {1}, .drop_out = 1};
  CHECK(read(staircase(dead, 50), dead, 50 * second).quality == Quality::missing);
}

TEST_CASE("the model can mark a sample as uncertain") {
  const PointParameters p{.period = {1}};
  PointState state;
  record(state, p, draws, 1 * second, 5, Quality::uncertain);
  CHECK(read(state, p, 1 * second).quality == Quality::uncertain);
}

TEST_CASE("a point archived in mid-stream goes on as if nothing had happened") {
  const PointParameters p{.period = {0.3},
                          .window = {2},
                          .latency = {1.1},
                          .noise = 1,
                          .quantum = 0.5,
                          .drop_out = 0.1,
                          .history = 4};
  const PointState straight = staircase(p, 40);
  PointState resumed;
  sim::load(resumed, sim::save(staircase(p, 17)));
  for (int i = 18; i <= 40; ++i) record(resumed, p, draws, i * second, 10.0 * i);
  CHECK(sim::save(resumed) == sim::save(straight));
}
