#pragma once
#include "models/compute/step_law.hpp"

namespace mw::models {

/// One iteration from the formulas alone, to the same bits as from a table. For uses that need few
/// iterations of many shapes, where building a table for each would cost more than it saves.
inline StepValue law_value(const StepLaw& law, const StepLinear& linear, const LevelLaw& level,
                           const StepLoad& load) {
  const KernelCost tokens = law.tokens(linear.tokens_of(load), level.stretch);
  const KernelCost sampled = law.sampling(load.sampled, level.stretch);
  return step_value(linear, level,
                    {tokens.time, tokens.core_energy, tokens.other_energy, sampled.time,
                     sampled.core_energy, sampled.other_energy},
                    load, [&] {
                      const double stretch = 1 / linear.knee_ratio;
                      return law.tokens(linear.tokens_of(load), stretch).time +
                             law.sampling(load.sampled, stretch).time;
                    });
}

}  // namespace mw::models
