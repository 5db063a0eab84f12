#include "models/training/op_cost.hpp"

#include <algorithm>
#include <boost/math/tools/minima.hpp>
#include <cmath>
#include <limits>

#include "sim/index.hpp"
#include "sim/invariant.hpp"

namespace mw::models {
namespace {

struct Knot {
  double time, cost;
};

/// Lower convex hull, left to right (Andrew 1979); the knots' times rise.
std::vector<Knot> lower_hull(const std::vector<Knot>& knots) {
  std::vector<Knot> hull;
  for (const Knot& k : knots) {
    while (hull.size() >= 2) {
      const Knot &a = hull[hull.size() - 2], &b = hull.back();
      if ((b.cost - a.cost) * (k.time - a.time) < (k.cost - a.cost) * (b.time - a.time)) break;
      hull.pop_back();
    }
    hull.push_back(k);
  }
  return hull;
}

/// Best a and c of a exp(b q) + c for a given b: linear least squares.
struct Exponential {
  double a = 0, b = 0, c = 0, squares = 0;
};
Exponential fit_at(double b, std::span<const Knot> points) {
  // Centred, so that the two normal equations part.
  const double n = static_cast<double>(points.size()), origin = points.front().time;
  double mean_x = 0, mean_y = 0;
  for (const Knot& p : points) {
    mean_x += std::exp(b * (p.time - origin)) / n;
    mean_y += p.cost / n;
  }
  double xx = 0, xy = 0;
  for (const Knot& p : points) {
    const double x = std::exp(b * (p.time - origin)) - mean_x;
    xx += x * x;
    xy += x * (p.cost - mean_y);
  }
  Exponential fit{.b = b};
  const double a = xx > 0 ? xy / xx : 0;
  fit.c = mean_y - a * mean_x;
  for (const Knot& p : points) {
    const double miss = a * std::exp(b * (p.time - origin)) + fit.c - p.cost;
    fit.squares += miss * miss;
  }
  fit.a = a * std::exp(-b * origin);
  return fit;
}

}  // namespace

double effective_energy(const OpChoice& c, double blocking_power) {
  return c.energy - blocking_power * c.time;
}

std::vector<OpChoice> pareto(std::vector<OpChoice> choices, double blocking_power) {
  std::stable_sort(choices.begin(), choices.end(), [&](const OpChoice& a, const OpChoice& b) {
    if (a.time != b.time) return a.time < b.time;
    return effective_energy(a, blocking_power) < effective_energy(b, blocking_power);
  });
  std::vector<OpChoice> kept;
  for (const OpChoice& c : choices)
    if (kept.empty() ||
        effective_energy(c, blocking_power) < effective_energy(kept.back(), blocking_power))
      kept.push_back(c);
  return kept;
}

CostCurve piecewise_linear_cost(std::span<const OpChoice> choices, double blocking_power,
                                double step) {
  const auto kept = pareto({choices.begin(), choices.end()}, blocking_power);
  MW_INVARIANT(!kept.empty() && step > 0, "an op has a choice, and time a step");
  std::vector<Knot> knots;
  for (const OpChoice& c : kept) knots.push_back({c.time, effective_energy(c, blocking_power)});
  const auto hull = lower_hull(knots);
  // A whole number of steps that rounding has pushed a little too high is meant as it was written.
  const auto steps = [&](double time) {
    return static_cast<std::int32_t>(std::max(1.0, std::ceil(time / step - 1e-9)));
  };
  CostCurve curve{.shortest = steps(hull.front().time)};
  std::size_t piece = 0;
  for (std::int32_t d = curve.shortest; d <= steps(hull.back().time); ++d) {
    const double t = d * step;
    while (piece + 1 < hull.size() && hull[piece + 1].time <= t) ++piece;
    double cost = hull[piece].cost;
    if (piece + 1 < hull.size() && t > hull[piece].time) {
      const Knot &a = hull[piece], &b = hull[piece + 1];
      cost += (b.cost - a.cost) * (t - a.time) / (b.time - a.time);
    }
    curve.cost.push_back(cost);
  }
  return curve;
}

std::optional<CostCurve> exponential_cost(std::span<const OpChoice> choices, double blocking_power,
                                          double step) {
  struct Quantised {
    double time, cost;
    std::int32_t q;
  };
  std::vector<Quantised> all;
  for (const OpChoice& c : choices) {
    const auto q = static_cast<std::int32_t>(std::floor(c.time / step));
    all.push_back({c.time, c.energy - blocking_power * (q * step), q});
  }
  std::stable_sort(all.begin(), all.end(), [](const Quantised& a, const Quantised& b) {
    return a.time != b.time ? a.time < b.time : a.cost < b.cost;
  });
  std::vector<Knot> points;
  double least = std::numeric_limits<double>::infinity();
  for (const Quantised& option : all) {
    if (option.cost >= least) continue;
    least = option.cost;
    // Costs fall with time, so the first of a step is its largest.
    if (points.empty() || points.back().time != option.q)
      points.push_back({static_cast<double>(option.q), option.cost});
  }
  if (points.size() < 3 || points.front().time < 1) return std::nullopt;

  // Variable projection: a and c are linear, so only b is searched; first on a grid, as the sum of
  // squares may have several minima, then by Brent's method.
  const double span = points.back().time - points.front().time;
  constexpr int grid = 200;
  const auto squares = [&](double log_rate) {
    return fit_at(-std::exp(log_rate) / span, points).squares;
  };
  const double low = std::log(1e-3), high = std::log(1e2), pace = (high - low) / grid;
  int best = 0;
  for (int i = 1; i <= grid; ++i)
    if (squares(low + i * pace) < squares(low + best * pace)) best = i;
  const auto [log_rate, at] = boost::math::tools::brent_find_minima(
      squares, low + std::max(0, best - 1) * pace, low + std::min(grid, best + 1) * pace, 50);
  const Exponential fit = fit_at(-std::exp(log_rate) / span, points);
  if (!(fit.a > 0)) return std::nullopt;

  CostCurve curve{.shortest = static_cast<std::int32_t>(points.front().time)};
  for (auto q = curve.shortest; q <= static_cast<std::int32_t>(points.back().time); ++q)
    curve.cost.push_back(fit.a * std::exp(fit.b * q) + fit.c);
  return curve;
}

const OpChoice& choice_within(std::span<const OpChoice> sorted, double time) {
  const OpChoice* best = &sorted.front();
  for (const OpChoice& c : sorted)
    if (c.time <= time * (1 + 1e-12)) best = &c;
  return *best;
}

}  // namespace mw::models
