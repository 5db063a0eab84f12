#include "models/numerics/step_function.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <utility>
#include <vector>

using namespace mw::models;
using doctest::Approx;
using Pieces = std::vector<std::pair<double, double>>;

TEST_CASE("a step function: values, integrals, the function repeated") {
  const StepFunction f = step_function(Pieces{{0, 2}, {1, 2}, {1.5, 6}, {1.5, 4}}, 4);
  REQUIRE(f.start.size() == 2);  // equal neighbours are one, a piece without length none
  CHECK(f.at(1.49) == 2);
  CHECK(f.at(1.5) == 4);
  CHECK(f.integral(1) == 2);
  CHECK(f.integral() == Approx(3 + 10));
  CHECK(f.highest() == 4);
  CHECK(f.lowest() == 2);
  CHECK(repeated_integral(f, 9) == Approx(2 * 13 + 2));
  const StepFunction g = step_function(Pieces{{0, 1}, {2, 3}}, 4);
  const std::vector<std::pair<const StepFunction*, double>> parts{{&f, 1.0}, {&g, 10.0}};
  const StepFunction sum = weighted_sum(parts);
  CHECK(sum.at(1.7) == 14);
  CHECK(sum.integral() == Approx(f.integral() + 10 * g.integral()));
}

// A square wave of amplitude 1 has harmonics 4/pi, 0, 4/(3 pi), ... (Fourier); by Parseval half the
// sum of their squares is its variance.
TEST_CASE("harmonics of a square wave") {
  const StepFunction f = step_function(Pieces{{0, 1}, {0.5, -1}}, 1);
  const auto a = harmonics(f, 2000);
  CHECK(a[0] == Approx(4 / M_PI).epsilon(1e-12));
  CHECK(a[1] == Approx(0).epsilon(1e-12));
  CHECK(a[2] == Approx(4 / (3 * M_PI)).epsilon(1e-12));
  double power = 0;
  for (const double x : a) power += x * x / 2;
  CHECK(power == Approx(1).epsilon(1e-3));
}

// A meter that averages over w sees a step of height h within w: h / w.
TEST_CASE("ramps as a meter shows them") {
  const StepFunction f = step_function(Pieces{{0, 1}, {10, 5}}, 20);
  const Ramps ramps = largest_ramps(f, 2);
  CHECK(ramps.up == Approx(4.0 / 2));
  CHECK(ramps.down == Approx(4.0 / 2));
}
