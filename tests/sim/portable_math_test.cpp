#include "sim/portable_math.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "sim/random.hpp"

namespace sim = mw::sim;
namespace portable = mw::sim::portable;

namespace {
// Distance from the exact value (long double carries 11 bits more) in units of the last place of a
// double. Where the C library has no such long double the bounds still hold, with less to spare.
double ulps(double got, long double exact) {
  const double rounded = std::fabs(static_cast<double>(exact));
  const double ulp = std::nextafter(rounded, std::numeric_limits<double>::infinity()) - rounded;
  return static_cast<double>(std::fabs(static_cast<long double>(got) - exact) / ulp);
}
constexpr sim::Stream draws{11, 0, 0};
constexpr int count = 300'000;
}  // namespace

TEST_CASE("exp is within 1 unit of the last place") {
  double worst = 0;
  for (int i = 0; i < count; ++i) {
    const double span = i % 2 == 0 ? 1400 : 2;  // the whole normal range; near 0
    const double x = (sim::uniform(draws, static_cast<std::uint64_t>(i)) - 0.5) * span;
    worst = std::max(worst, ulps(portable::exp(x), std::exp(static_cast<long double>(x))));
  }
  CHECK(worst < 1);
  CHECK(portable::exp(0) == 1);
  CHECK(portable::exp(710) == std::numeric_limits<double>::infinity());
  CHECK(portable::exp(-746) == 0);
  CHECK(portable::exp(-740) == doctest::Approx(std::exp(-740.0)).epsilon(1e-3));  // subnormal
  CHECK(std::isnan(portable::exp(std::numeric_limits<double>::quiet_NaN())));
}

TEST_CASE("log is within 1 unit of the last place") {
  double worst = 0;
  for (int i = 0; i < count; ++i) {
    const double span = i % 2 == 0 ? 1400 : 0.5;  // the whole normal range; near 1
    const double x = std::exp((sim::uniform(draws, static_cast<std::uint64_t>(i)) - 0.5) * span);
    worst = std::max(worst, ulps(portable::log(x), std::log(static_cast<long double>(x))));
  }
  CHECK(worst < 1);
  CHECK(portable::log(1) == 0);
  CHECK(portable::log(0x1p-1074) == std::log(0x1p-1074));
  CHECK(portable::log(0) == -std::numeric_limits<double>::infinity());
  CHECK(std::isnan(portable::log(-1)));
}

TEST_CASE("pow is within 1 + |y ln x| / 16 units of the last place") {
  double worst = 0;
  for (int i = 0; i < count; ++i) {
    const auto n = static_cast<std::uint64_t>(i);
    const double l = (sim::uniform(draws, n) - 0.5) * (i % 2 == 0 ? 1400 : 2);
    const double t = (sim::uniform({11, 0, 1}, n) - 0.5) * (i % 3 == 0 ? 1400 : 4);  // y ln x
    const double x = std::exp(l), y = t / l;
    const long double exact = std::pow(static_cast<long double>(x), static_cast<long double>(y));
    worst = std::max(worst, ulps(portable::pow(x, y), exact) / (1 + std::fabs(t) / 16));
  }
  CHECK(worst < 1);
  CHECK(portable::pow(2, 10) == 1024);
  CHECK(portable::pow(3, 0) == 1);
  CHECK(portable::pow(10, 1) == 10);
  CHECK(portable::pow(0, 2) == 0);
  CHECK(portable::pow(0, -2) == std::numeric_limits<double>::infinity());
  CHECK(portable::pow(10, 400) == std::numeric_limits<double>::infinity());
  CHECK(portable::pow(10, -400) == 0);
  CHECK(std::isnan(portable::pow(-1, 2)));
}

TEST_CASE("normal_quantile inverts the normal distribution function") {
  // P(X <= x) = erfc(-x / sqrt 2) / 2. A relative error e of x shows as a relative error of about
  // e x^2 in the tail of P, so the bound there is e (1 + x^2).
  for (int i = 1; i < 40'000; ++i) {
    const double p = i < 20'000 ? i / 40'000.0 : std::exp(-0.01 * (i - 20'000) - 1);
    if (p < 1e-80) break;
    const double x = portable::normal_quantile(p);
    const double back = std::erfc(-x / std::sqrt(2.0)) / 2;
    CHECK_MESSAGE(std::fabs(back - p) / p < 2e-15 * (2 + x * x), "p = ", p);
  }
  CHECK(portable::normal_quantile(0.5) == 0);
  CHECK(portable::normal_quantile(0.75) == -portable::normal_quantile(0.25));
  // The two test values of Wichura's paper (AS 241).
  CHECK(portable::normal_quantile(0.25) == doctest::Approx(-0.6744897501960817).epsilon(1e-15));
  CHECK(portable::normal_quantile(0.001) == doctest::Approx(-3.090232306167814).epsilon(1e-15));
}
