#pragma once
#include <span>
#include <utility>
#include <vector>

namespace mw::models {

/// A function of time that stands still between its steps, from 0 to `end`; with running integrals,
/// so that the integral over any window costs a search.
struct StepFunction {
  std::vector<double> start;   // of each piece, s; the first 0
  std::vector<double> value;   // of each piece
  std::vector<double> before;  // integral from 0 to the start of each piece
  double end = 0;

  bool empty() const { return start.empty(); }
  double at(double t) const;        // 0 <= t < end
  double integral(double t) const;  // from 0, 0 <= t <= end
  double integral() const { return integral(end); }
  double mean() const { return integral() / end; }
  double highest() const;
  double lowest() const;
};

/// Pieces in order of their starts, the first at 0; neighbours that are equal become one.
StepFunction step_function(std::span<const std::pair<double, double>> pieces, double end);

/// The function repeated for ever: its integral from 0 to t >= 0.
double repeated_integral(const StepFunction& f, double t);

/// Of functions with one end, each times a weight.
StepFunction weighted_sum(std::span<const std::pair<const StepFunction*, double>> parts);

/// Amplitudes (peak) of the harmonics 1/end, 2/end ... of the function repeated for ever, exactly:
/// the Fourier series of a step function has a closed form.
std::vector<double> harmonics(const StepFunction& f, int count);

/// What a meter shows that averages over `window`: the largest rise and the largest fall from one
/// window to the next, over the window, of the function repeated for ever. Windows begin at tenths
/// of a window.
struct Ramps {
  double up = 0, down = 0;  // per second, both positive
};
Ramps largest_ramps(const StepFunction& f, double window);

}  // namespace mw::models
