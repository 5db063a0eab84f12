#include "sim/fixed.hpp"

#include <doctest/doctest.h>

namespace sim = mw::sim;

TEST_CASE("mul_div_floor: the quotient rounded down, with a product beyond 64 bits") {
  CHECK(sim::mul_div_floor(7, 3, 2) == 10);
  CHECK(sim::mul_div_floor(-7, 3, 2) == -11);
  CHECK(sim::mul_div_floor(7, -3, 2) == -11);
  CHECK(sim::mul_div_floor(7, 3, -2) == -11);
  CHECK(sim::mul_div_floor(-7, 3, -2) == 10);
  CHECK(sim::mul_div_floor(-6, 3, 2) == -9);
  // (2^62)(2^62) / 2^61 = 2^63 would not fit; / 2^62 does.
  constexpr std::int64_t big = 1ll << 62;
  CHECK(sim::mul_div_floor(big, big, big) == big);
  CHECK(sim::mul_div_floor(INT64_MAX, INT64_MAX - 1, INT64_MAX) == INT64_MAX - 1);
}

TEST_CASE("div_floor: towards minus infinity") {
  CHECK(sim::div_floor(7, 2) == 3);
  CHECK(sim::div_floor(-7, 2) == -4);
  CHECK(sim::div_floor(-8, 2) == -4);
  CHECK(sim::div_floor(7, -2) == -4);
}
