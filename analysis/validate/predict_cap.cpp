#include "analysis/validate/predict_cap.hpp"

#include <cmath>
#include <map>
#include <optional>
#include <tuple>

#include <fmt/format.h>

#include "models/inference/capped_work.hpp"

namespace mw::analysis {
namespace {

using models::CappedWork;

// Twentieths: of arithmetic from none to all, of waiting up to most of the time.
constexpr double share_step = 0.05;
constexpr int most_arithmetic = 20, most_waits = 12;

struct Shares {
  double arithmetic = 0, waits = 0;
};

CappedWork work_of(const Point& point, const Entries& entries, const Shares& shares) {
  return {entries.gpus.at(point.gpu), {point.free_w, shares.arithmetic, shares.waits}};
}

/// None where no speed was measured.
std::optional<Shares> fitted_shares(const std::vector<const Point*>& sweep,
                                    const Entries& entries) {
  const Point& first = *sweep.front();
  std::optional<Shares> best;
  double least = 0;
  const auto count = [](bool given, int most) { return given ? 0 : most; };
  for (int w = 0; w <= count(first.waits.has_value(), most_waits); ++w)
    for (int a = 0; a <= count(first.compute_share.has_value(), most_arithmetic); ++a) {
      const Shares shares{first.compute_share.value_or(share_step * a),
                          first.waits.value_or(share_step * w)};
      const CappedWork work = work_of(first, entries, shares);
      const double free_w = work.free().watts;
      double error = 0;
      bool any = false;
      for (const Point* point : sweep) {
        const CappedWork::Response held = work.under(*point->cap_w);
        if (const auto& speed = point->measured[Figure::relative_speed]) {
          error += std::fabs(held.speed / *speed - 1);
          any = true;
        }
        if (const auto& power = point->measured[Figure::relative_power]; power && !first.waits)
          error += std::fabs(held.watts / free_w / *power - 1);
      }
      if (any && (!best || error < least)) best = shares, least = error;
    }
  return best;
}

Prediction predict_one(const Point& point, const Entries& entries, const Shares& shares) {
  const auto& gpu = entries.gpus.at(point.gpu);
  const CappedWork work = work_of(point, entries, shares);
  const CappedWork::Response free = work.free(), held = work.under(*point.cap_w);
  Prediction out;
  Figures& f = out.predicted;
  f[Figure::relative_speed] = held.speed;
  f[Figure::relative_power] = held.watts / free.watts;
  f[Figure::relative_energy] = held.watts / free.watts / held.speed;
  f[Figure::gpu_w] = held.watts;
  // Naive: speed goes with the watts that are left, or is not touched.
  const double left = std::fmin(1, *point.cap_w / point.free_w);
  out.baseline[Figure::relative_speed] = left;
  out.baseline[Figure::relative_power] = left;
  out.baseline[Figure::relative_energy] = 1;
  const double knee = gpu.knee_clock.value / gpu.max_clock.value;
  out.basis = fmt::format(
      "{:.0f} % of the highest clock{}; arithmetic {:.2f} of the kernels' time{}, waits {:.2f}{}",
      100 * held.clock, held.clock < knee ? ", below the voltage's knee" : "", shares.arithmetic,
      point.compute_share ? "" : " (fitted)", shares.waits, point.waits ? "" : " (fitted)");
  if (!point.weak.empty()) out.weak.push_back(point.weak);
  if (held.watts > *point.cap_w) out.weak.emplace_back("a limit below the lowest clock");
  return out;
}

}  // namespace

void predict_cap(const std::vector<Point>& points, const Entries& entries,
                 std::vector<Prediction>& predictions, const std::function<void()>& done) {
  // One sweep: the same work on the same GPU, with the same power without a limit.
  using Sweep =
      std::tuple<std::string, std::string, double, std::optional<double>, std::optional<double>>;
  const auto sweep_of = [](const Point& p) {
    return Sweep{p.gpu, p.model, p.free_w, p.compute_share, p.waits};
  };
  std::map<Sweep, std::vector<const Point*>> sweeps;
  for (const Point& point : points)
    if (point.kind == PointKind::cap) sweeps[sweep_of(point)].push_back(&point);
  std::map<Sweep, std::optional<Shares>> shares;
  for (const auto& [key, sweep] : sweeps) {
    const Point& first = *sweep.front();
    shares[key] = first.compute_share && first.waits ? Shares{*first.compute_share, *first.waits}
                                                     : fitted_shares(sweep, entries);
  }

  for (std::size_t i = 0; i < points.size(); ++i) {
    const Point& point = points[i];
    if (point.kind != PointKind::cap) continue;
    if (const auto& found = shares.at(sweep_of(point))) {
      predictions[i] = predict_one(point, entries, *found);
    } else {
      predictions[i].problem = "compute_share: there is no speed to fit it to";
      predictions[i].advice = "give measured_relative_speed in some row of this work, or a share";
    }
    done();
  }
}

}  // namespace mw::analysis
