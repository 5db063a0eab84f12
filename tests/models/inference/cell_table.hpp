#pragma once
#include <memory>

#include "models/compute/step_table.hpp"

namespace mw::models::test {

/// A step table with everything that a real one has: several levels whose power falls with the
/// clock, power that changes with the context, cells below and above a knot, and contexts beyond
/// the last cell. Small, so that a run of iterations meets all of it.
struct CellTable {
  double base_s = 2e-3, per_token_s = 3e-6, per_kv_s = 4e-8, per_pair_s = 1e-9, host_s = 1e-3;
  double per_kv_j = 2e-5;  // core energy per context token
  double idle_w = 300, busy_w = 1000, ceiling_w = 2500;
  std::int64_t window = 24;  // of the sliding-window layers, 0 for none
  std::int64_t end = 4000;   // context tokens that the cells cover
  int shift_below = 4, shift_above = 6;
  int levels = 4;
  int max_sequences = 32, max_tokens = 512;
  std::int64_t kv_tokens = 1'000'000;

  std::shared_ptr<const StepTable> build() const {
    auto table = std::make_shared<StepTable>();
    StepTable& t = *table;
    t.max_sequences = max_sequences;
    t.max_tokens = max_tokens;
    t.idle_power_mw = static_cast<std::int64_t>(idle_w * 1000);
    t.kv_token_capacity = kv_tokens;
    t.linear.kv_full_time = per_kv_s;
    t.linear.kv_full_core = per_kv_j;
    t.linear.kv_window_time = per_kv_s / 2;
    t.linear.kv_window_other = per_kv_j / 3;
    t.linear.pair_full_time = per_pair_s;
    t.linear.host_base = host_s;
    t.linear.host_per_sequence = host_s / 500;
    t.linear.idle_power = idle_w;
    t.linear.power_ceiling = ceiling_w;
    t.linear.window = window;
    const auto sequences = static_cast<std::size_t>(max_sequences + 1);
    for (int level = 0; level < levels; ++level) {
      const double ratio = 1.0 - 0.6 * level / levels;
      t.level_laws.push_back({ratio, 1 / ratio, ratio * ratio, busy_w * ratio * ratio * ratio});
      for (int n = 0; n <= max_tokens; ++n) {
        t.token_time.push_back((base_s + per_token_s * n) / ratio);
        if (level > 0) continue;
        t.token_core_energy.push_back(1e-3 * n);
        t.token_other_energy.push_back(5e-4 * n);
      }
    }
    t.sampled_time.assign(sequences * t.level_laws.size(), 1e-5);
    t.sampled_core_energy.assign(sequences, 1e-3);
    t.sampled_other_energy.assign(sequences, 0);
    const StepTableView v = t.view();
    for (int level = 0; level < levels; ++level) {
      for (std::int32_t decodes = 0; decodes <= max_sequences; ++decodes) {
        DecodeRow row;
        row.end = decodes == 0 ? 0 : end;
        row.knot = std::min(window * decodes, row.end);
        row.shift_below = shift_below;
        row.shift_above = shift_above;
        row.first_cell = cells(t, v, level, decodes, 0, row.knot, shift_below);
        row.knot_cell = cells(t, v, level, decodes, row.knot, row.end, shift_above);
        t.decode_rows.push_back(row);
      }
    }
    return table;
  }

 private:
  static std::uint32_t cells(StepTable& t, const StepTableView& v, int level, std::int32_t decodes,
                             std::int64_t begin, std::int64_t end, int shift) {
    const auto first = static_cast<std::uint32_t>(t.decode_cells.size());
    const auto at = [&](std::int64_t kv) {
      return to_integers(
          step_value(v, level, {.decodes = decodes, .sampled = decodes, .kv_tokens = kv}));
    };
    const std::int64_t width = std::int64_t{1} << shift;
    for (std::int64_t kv = begin; kv < end; kv += width) {
      const StepCost a = at(kv), b = at(kv + width);
      t.decode_cells.push_back({a.time_ps, (b.time_ps - a.time_ps) >> shift, a.energy_nj,
                                (b.energy_nj - a.energy_nj) >> shift});
    }
    return first;
  }
};

}  // namespace mw::models::test
