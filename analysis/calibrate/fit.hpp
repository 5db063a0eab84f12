#pragma once
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sim/describe.hpp"

// Robust least squares for positive constants, by Levenberg and Marquardt's method (MINPACK as
// Eigen carries it). Knows nothing of what the constants mean.
namespace mw::analysis {

/// How much a residual counts, in units of the scatter: all alike; beyond 1.345 only in proportion
/// (Huber); ever less (Cauchy, 2.385). Both limits cost 5 % of efficiency on normal errors (Holland
/// and Welsch, Commun. Stat. A 6 (1977) 813).
enum class Loss { squared, huber, cauchy };
inline std::span<const char* const> enum_names(Loss) {
  static constexpr const char* names[] = {"squared", "huber", "cauchy"};
  return names;
}

/// A positive constant. The search runs in its logarithm, from `start`, within [min, max].
struct FitParameter {
  std::string name;
  double start = 1, min = 0.1, max = 10;
  std::optional<double> prior_sigma;  // of the logarithm, about `start`
};

struct FitProblem {
  std::vector<FitParameter> parameters;
  std::size_t residuals = 0;
  /// Writes log(predicted / measured) of every figure at these values.
  std::function<void(std::span<const double> values, std::span<double> residuals)> evaluate;
  Loss loss = Loss::huber;
  double scatter = 0.1;  // first guess of the residuals' standard deviation
  double step = 0.01;    // of finite differences, in the logarithm
  /// Called after each evaluation; true ends the fit.
  std::function<bool()> stop;
};

struct FitEstimate {
  double value = 1;
  double sigma = 0;  // of the logarithm; 0 at a bound, where nothing is said
  bool at_bound = false;
};

/// Constants that cannot be told apart by the data, or that no datum depends on.
struct Unidentified {
  std::vector<std::string> names;  // one: no datum depends on it
  std::string text() const;        // what is wrong, for people
};

struct Fit {
  std::vector<FitEstimate> estimates;
  std::vector<std::vector<double>> correlation;  // of the logarithms
  double scatter = 0;                            // of the residuals, robust
  std::vector<double> before, after;             // residuals at the start and at the end
  bool stopped = false;
  /// Filled instead of a fit.
  std::vector<Unidentified> unidentified;
};

/// Fits twice: the first time with the scatter as guessed, then as found, so that the limits of the
/// loss and the weight of priors are in the right units.
Fit fit(const FitProblem& problem);

}  // namespace mw::analysis
