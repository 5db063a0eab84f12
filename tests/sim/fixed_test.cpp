#include "sim/fixed.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <utility>

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

// Quotient q and remainder r are one pair of numbers: a b = q c + r, 0 <= r < c.
TEST_CASE("mul_div_floor: quotient times divisor and a remainder below it make the product") {
  CHECK(rc::check([] {
    const auto digits = [](int most) {
      return rc::gen::map(
          rc::gen::pair(rc::gen::inRange(0, most), rc::gen::arbitrary<std::uint64_t>()),
          [](std::pair<int, std::uint64_t> p) {
            return static_cast<std::int64_t>(p.second >> (63 - p.first) >> 1);
          });
    };
    const std::int64_t a = *digits(63), c = *digits(63) + 1, b = *digits(63) % c;
    const std::int64_t q = sim::mul_div_floor(a, b, c);
    const sim::Int128 rest = static_cast<sim::Int128>(a) * b - static_cast<sim::Int128>(q) * c;
    RC_ASSERT(rest >= 0);
    RC_ASSERT(rest < c);
    const std::int64_t whole = sim::mul_div_floor(a, c, c);  // where an estimate is least sure
    RC_ASSERT(whole == a);
    if (a > 0 && c > 1) RC_ASSERT(sim::mul_div_floor(a, c - 1, c) == a - 1 - (a - 1) / c);
  }));
}

TEST_CASE("div_floor: towards minus infinity") {
  CHECK(sim::div_floor(7, 2) == 3);
  CHECK(sim::div_floor(-7, 2) == -4);
  CHECK(sim::div_floor(-8, 2) == -4);
  CHECK(sim::div_floor(7, -2) == -4);
}
