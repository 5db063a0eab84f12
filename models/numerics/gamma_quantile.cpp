#include "models/numerics/gamma_quantile.hpp"

#include <cmath>

#include "sim/portable_math.hpp"

namespace mw::models {

namespace {

namespace pm = sim::portable;

/// ln of the gamma function, x > 0, to about 1e-15: Lanczos, SIAM J. Numer. Anal. B 1 (1964) 86,
/// with Godfrey's coefficients for g = 7 and nine terms.
double log_gamma(double x) {
  constexpr double c[] = {0.99999999999980993,  676.5203681218851,     -1259.1392167224028,
                          771.32342877765313,   -176.61502916214059,   12.507343278686905,
                          -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7};
  const double z = x - 1, t = z + 7.5;
  double sum = c[0];
  for (int i = 1; i < 9; ++i) sum += c[i] / (z + i);
  constexpr double half_log_two_pi = 0.91893853320467274178;
  return half_log_two_pi + (z + 0.5) * pm::log(t) - t + pm::log(sum);
}

struct Gamma {
  explicit Gamma(double k) : shape(k), log_norm(log_gamma(k)) {}
  double shape, log_norm;

  double density(double x) const { return pm::exp((shape - 1) * pm::log(x) - x - log_norm); }
  /// P(below x), by its power series (Abramowitz and Stegun 6.5.29); for x < shape + 1.
  double below(double x) const {
    double term = 1 / shape, sum = term;
    for (int n = 1; n < 500 && term > 1e-17 * sum; ++n) {
      term *= x / (shape + n);
      sum += term;
    }
    return x * density(x) * sum;
  }
  /// P(above x): by the continued fraction (6.5.31, evaluated as Lentz does) where the series is
  /// slow or would cancel.
  double above(double x) const {
    if (x < shape + 1) return 1 - below(x);
    constexpr double tiny = 1e-300;
    double b = x + 1 - shape, c = 1 / tiny, d = 1 / b, h = d;
    for (int i = 1; i < 500; ++i) {
      const double a = -i * (i - shape);
      b += 2;
      d = 1 / (a * d + b);
      c = b + a / c;
      h *= d * c;
      if (std::fabs(d * c - 1) < 1e-16) break;
    }
    return x * density(x) * h;
  }
  /// The x with P(below x) = u, from a start at or below it: Newton in the logarithms, in which the
  /// function is concave and rises, so the steps never overshoot.
  double where_below(double u, double x) const {
    for (int i = 0; i < 50; ++i) {
      const double p = below(x);
      const double step = pm::log(u / p) * p / (x * density(x));
      x *= pm::exp(step);
      if (std::fabs(step) < 1e-15) break;
    }
    return x;
  }
  /// The x with P(above x) = v, from a start nearby: the logarithm of that is nearly straight.
  double where_above(double v, double x) const {
    for (int i = 0; i < 50; ++i) {
      const double q = above(x);
      const double step = pm::log(q / v) * q / density(x);
      x += step;
      if (std::fabs(step) < 1e-15 * x) break;
    }
    return x;
  }
};

double cell_start(std::uint64_t index, int shift) {
  const std::uint64_t bits = index << shift;
  double v;
  std::memcpy(&v, &bits, sizeof v);
  return v;
}

}  // namespace

GammaQuantile::GammaQuantile(double shape) {
  const Gamma gamma(shape);
  struct Node {
    double v, x, slope;
  };
  const auto fill = [&](Cell& cell, const Node& from, const Node& to) {
    const double h = to.v - from.v, mean = (to.x - from.x) / h;
    cell = {from.x, from.slope, (3 * mean - 2 * from.slope - to.slope) / h,
            (from.slope + to.slope - 2 * mean) / (h * h)};
  };
  // Up the lower side, from below: P(x) <= x^k / Gamma(k + 1).
  const auto lower = [&](std::size_t i, double start) {
    const double v = cell_start(first_cell + i, cell_shift), x = gamma.where_below(v, start);
    return Node{v, x, 1 / gamma.density(x)};
  };
  const double least = cell_start(first_cell, cell_shift);
  Node from = lower(0, pm::exp((pm::log(least) + log_gamma(shape + 1)) / shape));
  for (std::size_t i = 0; i < side; ++i) {
    const Node to = lower(i + 1, from.x);
    fill(cells_[i], from, to);
    from = to;
  }
  // Down the upper side, from the median on.
  const auto upper = [&](std::size_t i, double start) {
    const double v = cell_start(first_cell + i, cell_shift), x = gamma.where_above(v, start);
    return Node{v, x, -1 / gamma.density(x)};
  };
  Node to = upper(side, from.x);
  for (std::size_t i = side; i-- > 0;) {
    from = upper(i, to.x);
    fill(cells_[side + i], from, to);
    to = from;
  }
}

}  // namespace mw::models
