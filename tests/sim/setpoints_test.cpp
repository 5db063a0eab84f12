#include "sim/setpoints.hpp"

#include <doctest/doctest.h>

#include <limits>

#include "sim/archive.hpp"

namespace sim = mw::sim;
using sim::Refusal;
using sim::second;
using sim::SetPointParameters;
using sim::SetPointState;

TEST_CASE("range: a request outside is refused, says why, and changes nothing") {
  const SetPointParameters p{.min = 200, .max = 700};
  SetPointState s = sim::initial_set_point(500);
  CHECK(request(s, p, 0, 199) == Refusal::below_range);
  CHECK(request(s, p, 0, 701) == Refusal::above_range);
  CHECK(request(s, p, 0, std::numeric_limits<double>::quiet_NaN()) == Refusal::not_a_number);
  CHECK(s.effective == 500);
  CHECK(s.refusals == 3);
  s.locked = true;
  CHECK(request(s, p, 0, 300) == Refusal::locked);
  CHECK(s.requested == 300);
  CHECK(s.refusal == Refusal::locked);
  s.locked = false;
  CHECK(request(s, p, 0, 700) == Refusal::none);
  CHECK(s.effective == 700);
  CHECK(s.refusal == Refusal::none);
}

TEST_CASE("quantum: the nearest step, kept inside the range") {
  const SetPointParameters p{.min = 210, .max = 690, .quantum = 50};
  SetPointState s = sim::initial_set_point(500);
  const auto rounded = [&](double value) {
    CHECK(request(s, p, s.now, value) == Refusal::none);
    return s.effective;
  };
  CHECK(rounded(326) == 350);
  CHECK(rounded(324) == 300);
  CHECK(rounded(690) == 650);
  CHECK(rounded(212) == 250);
}

TEST_CASE("latency: several requests can be under way, and each acts at its own time") {
  const SetPointParameters p{.latency = {2}};
  SetPointState s = sim::initial_set_point(1);
  CHECK(sim::next_effect(s) == sim::never);
  request(s, p, 0, 5);
  request(s, p, 1 * second, 9);
  CHECK(sim::next_effect(s) == 2 * second);
  CHECK(effective_at(s, p, 2 * second - 1) == 1);
  CHECK(effective_at(s, p, 2 * second) == 5);
  CHECK(effective_at(s, p, 3 * second) == 9);
  CHECK(s.effective == 1);  // looking ahead moved nothing
  CHECK(advance(s, p, 2 * second) == 1);
  CHECK(s.effective == 5);
  CHECK(advance(s, p, 10 * second) == 1);
  CHECK(s.effective == 9);
  CHECK(sim::next_effect(s) == sim::never);
}

TEST_CASE("ramp: the effective value moves no faster, from wherever it is") {
  const SetPointParameters p{.latency = {1}, .ramp = 10};
  SetPointState s = sim::initial_set_point(0);
  request(s, p, 0, 100);
  CHECK(effective_at(s, p, 1 * second) == 0);
  CHECK(effective_at(s, p, 4 * second) == doctest::Approx(30).epsilon(1e-15));
  CHECK(effective_at(s, p, 11 * second) == doctest::Approx(100).epsilon(1e-15));
  CHECK(effective_at(s, p, 50 * second) == 100);
  // Turned round at 4 s (asked for at 3 s), at 30: down to 10 takes two seconds.
  request(s, p, 3 * second, 10);
  CHECK(effective_at(s, p, 4 * second) == doctest::Approx(30).epsilon(1e-15));
  CHECK(effective_at(s, p, 5 * second) == doctest::Approx(20).epsilon(1e-15));
  CHECK(effective_at(s, p, 60 * second) == 10);
  // In one stride or in many: the same value.
  SetPointState strides = s, one = s;
  for (int i = 31; i <= 60; ++i) advance(strides, p, i * second / 10);
  advance(one, p, 6 * second);
  CHECK(strides.effective == doctest::Approx(one.effective).epsilon(1e-12));
}

TEST_CASE("without latency and ramp a request acts at once; a ramp of zero never moves") {
  SetPointState s = sim::initial_set_point(1);
  request(s, {}, 0, 2);
  CHECK(s.effective == 2);
  const SetPointParameters stuck{.ramp = 0};
  SetPointState t = sim::initial_set_point(1);
  request(t, stuck, 0, 2);
  advance(t, stuck, 100 * second);
  CHECK(t.effective == 1);
}

TEST_CASE("a set-point archived with requests under way goes on unchanged") {
  const SetPointParameters p{.latency = {3}, .ramp = 7};
  SetPointState s = sim::initial_set_point(0);
  request(s, p, 0, 100);
  request(s, p, 1 * second, -20);
  advance(s, p, 2 * second);
  SetPointState resumed;
  sim::load(resumed, sim::save(s));
  advance(s, p, 9 * second);
  advance(resumed, p, 9 * second);
  CHECK(sim::save(resumed) == sim::save(s));
}
