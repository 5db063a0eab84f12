#pragma once
#include <array>
#include <memory>
#include <optional>

#include "models/compute/step_law.hpp"
#include "models/inference/counts.hpp"

// What a service's engines waited for. An estimate from what the engines counted, not a sum over
// their iterations: those are jumped over, not taken apart.
namespace mw::models {

/// What is needed to take a service's iterations apart; none: not told.
struct RegimeLaw {
  std::shared_ptr<const StepLaw> law;
  int max_tokens = 0;  // of one iteration
};

struct Regime {
  Bound bound = Bound::memory;                           // the largest share
  std::array<double, StepShares::causes> time_shares{};  // by Bound, of the time in iterations

  double share(Bound b) const { return time_shares[static_cast<std::size_t>(b)]; }
};

/// `counts` of any number of like replicas over any time; nothing if they ran no iteration or no
/// law is given. Two kinds of iteration stand for all: those that only decode, and those that carry
/// prompts as well, in chunks as long as the mean prompt as far as it fits. Contexts are taken at
/// the mean prompt and half of the mean output. Where a power limit slowed iterations, the clock is
/// the one at which the law's mean iteration takes as long as the engines' own.
/// `busy_s`: replica-seconds inside iterations, which a run's counts are too narrow for.
std::optional<Regime> regime_of(const RegimeLaw& how, const PodCounts& counts, double busy_s);

}  // namespace mw::models
