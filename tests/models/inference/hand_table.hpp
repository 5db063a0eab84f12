#pragma once
#include <cmath>
#include <memory>

#include "models/compute/step_table.hpp"

namespace mw::models::test {

/// A step table simple enough for pencil and paper:
///   time of an iteration = base + per_token * (decodes + prefill tokens) + per_pair * pairs,
///   all times `slowdown` as long at level 1; power constant at each level, and idle.
/// At 1000 W an iteration of n picoseconds takes n nanojoules.
struct HandTable {
  double base_s = 1e-3, per_token_s = 1e-6, per_pair_s = 0;
  double power_w = 1000, idle_w = 200;
  double slow_power_w = 400, slowdown = 2;
  int levels = 1;
  int max_sequences = 256, max_tokens = 8192;
  std::int64_t kv_tokens = 1'000'000;

  std::shared_ptr<const StepTable> build() const {
    auto table = std::make_shared<StepTable>();
    table->max_sequences = max_sequences;
    table->max_tokens = max_tokens;
    table->idle_power_mw = std::llround(idle_w * 1000);
    table->kv_token_capacity = kv_tokens;
    table->linear.pair_full_time = per_pair_s;
    table->linear.power_ceiling = 1e12;  // never met
    const auto rows = static_cast<std::size_t>(max_tokens + 1);
    const auto sequences = static_cast<std::size_t>(max_sequences + 1);
    for (int level = 0; level < levels; ++level) {
      const double stretch = level == 0 ? 1 : slowdown;
      LevelLaw law;
      law.clock_ratio = 1 / stretch;
      law.stretch = stretch;
      law.busy_power = level == 0 ? power_w : slow_power_w;
      table->level_laws.push_back(law);
      for (std::size_t n = 0; n < rows; ++n) {
        table->token_time.push_back((base_s + per_token_s * static_cast<double>(n)) * stretch);
      }
    }
    table->token_core_energy.assign(rows, 0);
    table->token_other_energy.assign(rows, 0);
    table->sampled_time.assign(sequences * table->level_laws.size(), 0);
    table->sampled_core_energy.assign(sequences, 0);
    table->sampled_other_energy.assign(sequences, 0);
    table->decode_rows.assign(sequences * table->level_laws.size(),
                              {});  // no cells: the law itself
    return table;
  }
};

}  // namespace mw::models::test
