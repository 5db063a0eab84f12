#include "models/numerics/monotone_curve.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace mw::models {
namespace {

double sign(double v) {
  return v < 0 ? -1.0 : 1.0;
}

/// Steffen's eq. 11: the parabola's slope, bounded by both neighbouring secants.
double inner_slope(double h_left, double s_left, double h_right, double s_right) {
  const double parabola = (s_left * h_right + s_right * h_left) / (h_left + h_right);
  return (sign(s_left) + sign(s_right)) *
         std::min({std::fabs(s_left), std::fabs(s_right), 0.5 * std::fabs(parabola)});
}

/// Steffen's eq. 24 to 27 for the two ends.
double end_slope(double h, double s, double h_next, double s_next) {
  const double parabola = s * (1 + h / (h + h_next)) - s_next * h / (h + h_next);
  if (parabola * s <= 0) return 0;
  return std::fabs(parabola) > 2 * std::fabs(s) ? 2 * s : parabola;
}

}  // namespace

MonotoneCurve make_monotone_curve(std::span<const double> x, std::span<const double> y) {
  const auto n = static_cast<int>(x.size());
  assert(n >= 1 && n <= MonotoneCurve::capacity && y.size() == x.size());
  MonotoneCurve curve;
  curve.points = n;
  double h[MonotoneCurve::capacity] = {};
  double s[MonotoneCurve::capacity] = {};
  for (int i = 0; i < n; ++i) {
    curve.x[i] = x[static_cast<std::size_t>(i)];
    curve.y[i] = y[static_cast<std::size_t>(i)];
    if (i == 0) continue;
    assert(curve.x[i] > curve.x[i - 1]);
    h[i - 1] = curve.x[i] - curve.x[i - 1];
    s[i - 1] = (curve.y[i] - curve.y[i - 1]) / h[i - 1];
  }
  if (n == 2) curve.slope[0] = curve.slope[1] = s[0];
  if (n > 2) {
    curve.slope[0] = end_slope(h[0], s[0], h[1], s[1]);
    for (int i = 1; i < n - 1; ++i) curve.slope[i] = inner_slope(h[i - 1], s[i - 1], h[i], s[i]);
    curve.slope[n - 1] = end_slope(h[n - 2], s[n - 2], h[n - 3], s[n - 3]);
  }
  for (int i = 0; i < n - 1; ++i) {
    const double left = curve.slope[i], right = curve.slope[i + 1];
    curve.square[i] = (3 * s[i] - 2 * left - right) / h[i];
    curve.cubic[i] = (left + right - 2 * s[i]) / (h[i] * h[i]);
  }
  return curve;
}

}  // namespace mw::models
