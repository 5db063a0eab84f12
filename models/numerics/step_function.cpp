#include "models/numerics/step_function.hpp"

#include <algorithm>
#include <cmath>
#include <complex>

namespace mw::models {

namespace {

std::size_t piece_of(const StepFunction& f, double t) {
  const auto next = std::upper_bound(f.start.begin(), f.start.end(), t);
  return next == f.start.begin() ? 0 : static_cast<std::size_t>(next - f.start.begin()) - 1;
}

}  // namespace

double StepFunction::at(double t) const {
  return value[piece_of(*this, t)];
}
double StepFunction::integral(double t) const {
  const std::size_t i = piece_of(*this, t);
  return before[i] + value[i] * (t - start[i]);
}
double StepFunction::highest() const {
  return *std::max_element(value.begin(), value.end());
}
double StepFunction::lowest() const {
  return *std::min_element(value.begin(), value.end());
}

StepFunction step_function(std::span<const std::pair<double, double>> pieces, double end) {
  StepFunction f;
  f.end = end;
  for (const auto& [start, value] : pieces) {
    if (start >= end && !f.start.empty()) break;
    if (!f.start.empty() && start <= f.start.back()) {
      f.value.back() = value;  // the piece before has no length
      continue;
    }
    if (!f.value.empty() && f.value.back() == value) continue;
    f.start.push_back(start);
    f.value.push_back(value);
  }
  f.before.assign(f.start.size(), 0);
  for (std::size_t i = 1; i < f.start.size(); ++i)
    f.before[i] = f.before[i - 1] + f.value[i - 1] * (f.start[i] - f.start[i - 1]);
  return f;
}

double repeated_integral(const StepFunction& f, double t) {
  const double times = std::floor(t / f.end);
  return times * f.integral() + f.integral(std::clamp(t - times * f.end, 0.0, f.end));
}

StepFunction weighted_sum(std::span<const std::pair<const StepFunction*, double>> parts) {
  std::vector<double> starts;
  for (const auto& [f, weight] : parts)
    starts.insert(starts.end(), f->start.begin(), f->start.end());
  std::sort(starts.begin(), starts.end());
  starts.erase(std::unique(starts.begin(), starts.end()), starts.end());
  std::vector<std::size_t> piece(parts.size(), 0);
  std::vector<std::pair<double, double>> pieces;
  for (const double t : starts) {
    double sum = 0;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const StepFunction& f = *parts[i].first;
      while (piece[i] + 1 < f.start.size() && f.start[piece[i] + 1] <= t) ++piece[i];
      sum += parts[i].second * f.value[piece[i]];
    }
    pieces.emplace_back(t, sum);
  }
  return step_function(pieces, parts.empty() ? 0 : parts.front().first->end);
}

std::vector<double> harmonics(const StepFunction& f, int count) {
  // c_k = sum over steps of (rise at the step) e^(-i w t) / (i w T): each step alone, by parts.
  std::vector<std::complex<double>> sums(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < f.start.size(); ++i) {
    const double rise = f.value[i] - (i == 0 ? f.value.back() : f.value[i - 1]);
    if (rise == 0) continue;
    const std::complex<double> turn = std::polar(1.0, -2 * M_PI * f.start[i] / f.end);
    std::complex<double> factor = 1;
    for (auto& sum : sums) {
      factor *= turn;
      sum += rise * factor;
    }
  }
  std::vector<double> out;
  for (std::size_t k = 0; k < sums.size(); ++k)
    out.push_back(std::abs(sums[k]) / (M_PI * static_cast<double>(k + 1)));  // 2 |c_k|
  return out;
}

Ramps largest_ramps(const StepFunction& f, double window) {
  Ramps out;
  const double step = window / 10;
  const auto count = static_cast<std::int64_t>(std::ceil(f.end / step));
  for (std::int64_t i = 0; i < count; ++i) {
    const double t = static_cast<double>(i) * step;
    const double first = repeated_integral(f, t), middle = repeated_integral(f, t + window),
                 last = repeated_integral(f, t + 2 * window);
    const double change = (last - 2 * middle + first) / window / window;
    out.up = std::max(out.up, change);
    out.down = std::max(out.down, -change);
  }
  return out;
}

}  // namespace mw::models
