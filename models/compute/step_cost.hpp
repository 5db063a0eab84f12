#pragma once
#include <cstdint>

#include "models/compute/step_value.hpp"

// What one iteration of a serving engine costs, from tables: integers at the end.
namespace mw::models {

/// Of the whole replica, all its GPUs.
struct StepCost {
  std::int64_t time_ps = 0;
  std::int64_t energy_nj = 0;
};

/// Pure-decode iterations at one batch: cells over the KV tokens, fine below the point where
/// sliding windows fill (`knot`), then up to `end`; beyond it the formula is evaluated.
struct DecodeRow {
  std::int64_t knot = 0, end = 0;
  std::uint32_t first_cell = 0, knot_cell = 0;
  std::int32_t shift_below = 0, shift_above = 0;
};
struct DecodeCell {
  std::int64_t time_ps = 0, time_slope = 0;  // at the cell's first KV token; per further one
  std::int64_t energy_nj = 0, energy_slope = 0;
};

struct StepTableView {
  int max_sequences = 0, max_tokens = 0, levels = 0;
  StepLinear linear;
  const LevelLaw* level_laws = nullptr;
  // Times have one row more than levels: at the knee of the voltage, for what meets the ceiling.
  const double* token_time = nullptr;
  const double* token_core_energy = nullptr;
  const double* token_other_energy = nullptr;
  const double* sampled_time = nullptr;
  const double* sampled_core_energy = nullptr;
  const double* sampled_other_energy = nullptr;
  const DecodeRow* decode_rows = nullptr;
  const DecodeCell* decode_cells = nullptr;

  /// Whether both are views of one table.
  bool operator==(const StepTableView&) const = default;
};

/// Precondition: the load has a token, and lies within max_sequences and max_tokens.
MW_HD inline StepValue step_value(const StepTableView& v, int level, const StepLoad& load) {
  const std::int64_t tokens = v.linear.tokens_of(load);
  const std::int64_t token_row = std::int64_t{level} * (v.max_tokens + 1) + tokens;
  const std::int64_t sampled_row = std::int64_t{level} * (v.max_sequences + 1) + load.sampled;
  const auto knee_time = [&] {
    return v.token_time[std::int64_t{v.levels} * (v.max_tokens + 1) + tokens] +
           v.sampled_time[std::int64_t{v.levels} * (v.max_sequences + 1) + load.sampled];
  };
  return step_value(v.linear, v.level_laws[level],
                    {v.token_time[token_row], v.token_core_energy[tokens],
                     v.token_other_energy[tokens], v.sampled_time[sampled_row],
                     v.sampled_core_energy[load.sampled], v.sampled_other_energy[load.sampled]},
                    load, knee_time);
}

MW_HD inline StepCost to_integers(const StepValue& value) {
  return {static_cast<std::int64_t>(value.time * 1e12 + 0.5),
          static_cast<std::int64_t>(value.energy * 1e9 + 0.5)};
}

/// The cell of a pure-decode iteration, with the range of KV tokens [begin, end) where its
/// integers hold: cost = cell + slope * (kv_tokens - begin). Only for kv_tokens < row.end.
struct DecodeSpan {
  DecodeCell cell;
  std::int64_t begin = 0, end = 0;
};
MW_HD inline const DecodeRow& decode_row(const StepTableView& v, int level, std::int32_t decodes) {
  return v.decode_rows[std::int64_t{level} * (v.max_sequences + 1) + decodes];
}
MW_HD inline DecodeSpan decode_span(const StepTableView& v, const DecodeRow& row,
                                    std::int64_t kv_tokens) {
  if (kv_tokens < row.knot) {
    const std::int64_t k = kv_tokens >> row.shift_below;
    const std::int64_t end = (k + 1) << row.shift_below;
    return {v.decode_cells[row.first_cell + k], k << row.shift_below,
            end < row.knot ? end : row.knot};
  }
  const std::int64_t k = (kv_tokens - row.knot) >> row.shift_above;
  const std::int64_t end = row.knot + ((k + 1) << row.shift_above);
  return {v.decode_cells[row.knot_cell + k], row.knot + (k << row.shift_above),
          end < row.end ? end : row.end};
}

/// What an iteration costs. Iterations that only decode read the integer cells (so that a run of
/// them is a closed integer sum); mixed ones, and contexts beyond the cells, evaluate the law.
MW_HD inline StepCost step_cost(const StepTableView& v, int level, const StepLoad& load) {
  if (load.prefill_tokens == 0 && load.sampled == load.decodes) {
    const DecodeRow& row = decode_row(v, level, load.decodes);
    if (load.kv_tokens < row.end) {
      const DecodeSpan span = decode_span(v, row, load.kv_tokens);
      const std::int64_t past = load.kv_tokens - span.begin;
      return {span.cell.time_ps + span.cell.time_slope * past,
              span.cell.energy_nj + span.cell.energy_slope * past};
    }
  }
  return to_integers(step_value(v, level, load));
}

}  // namespace mw::models
