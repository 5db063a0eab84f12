#include "models/numerics/gamma_quantile.hpp"

#include <doctest/doctest.h>

#include <boost/math/special_functions/gamma.hpp>
#include <cmath>

#include "sim/portable_math.hpp"

using mw::models::GammaQuantile;

namespace {

/// Probabilities on both sides of the median, from 2^-53 on: 37 to an octave, so they meet the
/// cells everywhere.
template <class See>
void for_probabilities(See see) {
  for (double v = 0x1p-53; v < 0.5; v *= std::exp2(1 / 37.0)) see(v, 1 - v);
}

}  // namespace

// Shape 1 is the exponential: 1 - exp(-x) = u. At shape 1/2, 2x is a squared normal:
// u = 2 Phi(sqrt(2x)) - 1, and the upper tail v = 2 Phi(-sqrt(2x)).
TEST_CASE("gamma quantiles in closed form") {
  const GammaQuantile exponential(1), half(0.5);
  for_probabilities([&](double v, double) {
    CHECK(exponential.at(v) == doctest::Approx(-std::log1p(-v)).epsilon(1e-6));
    const double z = mw::sim::portable::normal_quantile(v / 2);
    if (1 - (1 - v) == v) {  // v is exact as 1 - u
      CHECK(exponential.at(1 - v) == doctest::Approx(-std::log(v)).epsilon(1e-6));
      CHECK(half.at(1 - v) == doctest::Approx(z * z / 2).epsilon(1e-6));
    }
  });
}

TEST_CASE("the table is within 1e-6 of the exact inverse, from the smallest draw to the largest") {
  for (const double shape : {0.3, 0.5, 0.916, 1.7, 4.0, 25.0, 100.0}) {
    const GammaQuantile table(shape);
    double worst = 0;
    for_probabilities([&](double v, double u) {
      const double low = boost::math::gamma_p_inv(shape, v);
      worst = std::max(worst, std::fabs(table.at(v) / low - 1));
      const double high = boost::math::gamma_q_inv(shape, 1 - u);
      worst = std::max(worst, std::fabs(table.at(u) / high - 1));
    });
    MESSAGE("shape " << shape << ": " << worst);
    CHECK(worst < 1e-6);
  }
}
