#include "models/numerics/monotone_curve.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "models/numerics/root.hpp"

namespace mw::models {

TEST_CASE("T21: a curve through the Titanium points is exact there and has no humps between") {
  const std::vector<double> load{0.1, 0.2, 0.5, 1.0};
  const std::vector<double> efficiency{0.90, 0.94, 0.96, 0.91};
  const MonotoneCurve curve = make_monotone_curve(load, efficiency);
  for (std::size_t i = 0; i < load.size(); ++i) {
    CHECK(std::fabs(curve(load[i]) - efficiency[i]) < 1e-12);
  }
  // Between two points the curve stays between their values: it rises up to 0.5, then falls.
  double last = curve(0.1);
  for (double x = 0.1; x <= 0.5; x += 1e-4) {
    CHECK(curve(x) >= last - 1e-12);
    last = curve(x);
  }
  for (double x = 0.5; x <= 1.0; x += 1e-4) {
    CHECK(curve(x) <= last + 1e-12);
    last = curve(x);
  }
  CHECK(curve(0.01) == 0.90);
  CHECK(curve(2) == 0.91);
}

TEST_CASE("Between any two points a monotone curve stays between their values") {
  CHECK(rc::check([](const std::vector<short>& values) {
    RC_PRE(!values.empty());
    std::vector<double> x, y;
    for (std::size_t i = 0; i < std::min<std::size_t>(values.size(), 16); ++i) {
      x.push_back(static_cast<double>(i * i + i));
      y.push_back(values[i]);
    }
    const MonotoneCurve curve = make_monotone_curve(x, y);
    for (std::size_t i = 0; i + 1 < x.size(); ++i) {
      const double low = std::min(y[i], y[i + 1]);
      const double high = std::max(y[i], y[i + 1]);
      const double slack = 1e-9 * (1 + high - low);
      for (double t = 0; t <= 1; t += 0.05) {
        const double v = curve(x[i] + t * (x[i + 1] - x[i]));
        RC_ASSERT(v >= low - slack);
        RC_ASSERT(v <= high + slack);
      }
    }
  }));
}

TEST_CASE("A straight line is reproduced") {
  const std::vector<double> x{0, 1, 3, 4};
  const std::vector<double> y{1, 3, 7, 9};
  const MonotoneCurve curve = make_monotone_curve(x, y);
  for (double t = 0; t <= 4; t += 0.1) CHECK(std::fabs(curve(t) - (1 + 2 * t)) < 1e-12);
}

TEST_CASE("A root in a bracket is found; without a sign change the nearer end is given") {
  CHECK(std::fabs(find_root([](double x) { return x * x - 2; }, 0, 2) - std::sqrt(2.0)) < 1e-12);
  CHECK(find_root([](double x) { return x + 1; }, 0, 2) == 0);
  CHECK(find_root([](double x) { return x - 5; }, 0, 2) == 2);
  CHECK(find_root([](double x) { return x; }, 0, 2) == 0);
}

}  // namespace mw::models
