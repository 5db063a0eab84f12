#include "models/site/exact_energy.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <cmath>
#include <vector>

using mw::models::ExactEnergy;

namespace {

ExactEnergy plus(ExactEnergy a, ExactEnergy b) {
  return a += b;
}
std::int64_t small(std::int64_t any) {
  return any % 4'000'000'000'000'000'000;  // so that the sum of two is a 64-bit number of nJ
}

}  // namespace

TEST_CASE("Sums of energies are those of whole nanojoules, in any order and grouping") {
  CHECK(rc::check([](std::int64_t x, std::int64_t y, std::int64_t z) {
    const std::int64_t a = small(x), b = small(y);
    const ExactEnergy ea = ExactEnergy::of_nj(a), eb = ExactEnergy::of_nj(b),
                      ec = ExactEnergy::of_nj(z);
    RC_ASSERT(plus(ea, eb) == ExactEnergy::of_nj(a + b));
    RC_ASSERT(plus(ea, eb) == plus(eb, ea));
    RC_ASSERT(plus(plus(ea, eb), ec) == plus(ea, plus(eb, ec)));
    ExactEnergy back = plus(ea, ec);
    back -= ec;
    RC_ASSERT(back == ea);
  }));
}

TEST_CASE("The nanojoules stay below a joule, also of what is negative") {
  CHECK(rc::check([](std::int64_t nj) {
    const ExactEnergy e = ExactEnergy::of_nj(nj);
    RC_ASSERT(e.nanojoules >= 0);
    RC_ASSERT(e.nanojoules < ExactEnergy::per_joule);
    RC_ASSERT(std::fabs(e.value() - static_cast<double>(nj) * 1e-9) <=
              1e-15 * std::fabs(static_cast<double>(nj)));
  }));
  CHECK(ExactEnergy::of_nj(-1) == ExactEnergy{-1, 999'999'999});
  CHECK(ExactEnergy::of_nj(-1'000'000'000) == ExactEnergy{-1, 0});
}

TEST_CASE("Joules are taken to the nearest nanojoule") {
  CHECK(ExactEnergy::of_joules(1.25) == ExactEnergy{1, 250'000'000});
  CHECK(ExactEnergy::of_joules(-0.25) == ExactEnergy{-1, 750'000'000});
  CHECK(ExactEnergy::of_joules(2.9999999999) == ExactEnergy{3, 0});  // rounds up into a joule
  CHECK(ExactEnergy::of_joules(-1e-10) == ExactEnergy{0, 0});
  CHECK(rc::check([](std::int32_t millijoules, std::uint32_t fraction) {
    const double j = millijoules * 1e-3 + fraction * 1e-12;
    RC_ASSERT(std::fabs(ExactEnergy::of_joules(j).value() - j) <= 0.5001e-9 + 1e-15 * std::fabs(j));
  }));
}

TEST_CASE("A gigawatt for a century fits") {
  ExactEnergy sum;
  const double year = 1e9 * 365.25 * 86400;
  for (int i = 0; i < 100; ++i) sum += ExactEnergy::of_joules(year);
  CHECK(sum == ExactEnergy{3'155'760'000'000'000'000, 0});
}
