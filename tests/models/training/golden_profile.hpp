#pragma once
#include "models/training/pipeline_frontier.hpp"

namespace mw::test {

/// A synthetic profile in the likeness of an A100, made for comparisons with lowtime: time goes as
/// 0.1 + 0.9 f_max/f, power as 80 W + 250 W (f/f_max)(V/V_max)^2, the voltage flat up to 1050 MHz
/// and then linear from 0.70 to 0.95 V at 1410 MHz.
inline std::vector<models::OpChoice> golden_choices(double base) {
  std::vector<models::OpChoice> all;
  for (int f = 900; f <= 1410; f += 15) {
    const double t = base * (0.1 + 0.9 * 1410 / f);
    const double v = f <= 1050 ? 0.70 : 0.70 + 0.25 * (f - 1050) / 360;
    const double p = 80 + 250 * (f / 1410.0) * (v / 0.95) * (v / 0.95);
    all.push_back({f * 1e6, t, p * t});
  }
  return all;
}

/// Forwards of 0.10 s and backwards of 0.20 s, 5 % more on the first stage and 15 % on the last.
inline models::PipelineCosts golden_costs(std::int32_t stages, std::int32_t microbatches,
                                          double step, models::CostModel cost) {
  models::PipelineCosts costs{.pipeline = {models::Schedule::one_f_one_b, stages, microbatches, 1},
                              .blocking_power = 85,
                              .cost = cost,
                              .step = step};
  for (std::int32_t s = 0; s < stages; ++s) {
    const double share = s == 0 ? 1.05 : s == stages - 1 ? 1.15 : 1.0;
    costs.tables.push_back({s, models::Instruction::forward, golden_choices(0.10 * share)});
    costs.tables.push_back({s, models::Instruction::backward, golden_choices(0.20 * share)});
  }
  return costs;
}

}  // namespace mw::test
