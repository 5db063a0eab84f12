#include "models/compute/step_table.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "models/compute/step_law.hpp"

namespace mw::models {
namespace {

// The integer cells follow the law to this, relative; docs promise 0.2 %.
constexpr double cell_tolerance = 0.0005;
constexpr int max_shift = 40;

StepValue decode_value(const StepTableView& v, int level, std::int32_t decodes,
                       std::int64_t kv_tokens) {
  return step_value(v, level, {.decodes = decodes, .sampled = decodes, .kv_tokens = kv_tokens});
}

struct Cost {
  double time_ps, energy_nj;
};
Cost scaled(const StepValue& value) {
  return {value.time * 1e12, value.energy * 1e9};
}

DecodeCell cell_between(const Cost& a, const Cost& b, int shift) {
  const auto at = [](double x) { return static_cast<std::int64_t>(x); };
  // Flooring slopes keeps every cost an integer; the loss is below 2^shift ps or nJ per step.
  return {at(a.time_ps), (at(b.time_ps) - at(a.time_ps)) >> shift, at(a.energy_nj),
          (at(b.energy_nj) - at(a.energy_nj)) >> shift};
}

/// Cells of 2^shift KV tokens from `begin` until they cover `end`; false as soon as one strays.
bool fill_cells(const StepTableView& v, int level, std::int32_t decodes, std::int64_t begin,
                std::int64_t end, int shift, std::vector<DecodeCell>& cells) {
  const std::int64_t width = std::int64_t{1} << shift;
  Cost left = scaled(decode_value(v, level, decodes, begin));
  for (std::int64_t at = begin; at < end; at += width) {
    const Cost right = scaled(decode_value(v, level, decodes, at + width));
    const DecodeCell cell = cell_between(left, right, shift);
    for (int quarter = 1; quarter < 4 && width >= 4; ++quarter) {
      const std::int64_t past = width / 4 * quarter;
      if (at + past >= end) break;
      const Cost exact = scaled(decode_value(v, level, decodes, at + past));
      const double time = static_cast<double>(cell.time_ps + cell.time_slope * past);
      const double energy = static_cast<double>(cell.energy_nj + cell.energy_slope * past);
      if (std::fabs(time - exact.time_ps) > cell_tolerance * exact.time_ps ||
          std::fabs(energy - exact.energy_nj) > cell_tolerance * exact.energy_nj) {
        return false;
      }
    }
    cells.push_back(cell);
    left = right;
  }
  return true;
}

/// The widest power-of-two cells that keep the tolerance; appends them and returns the shift.
int append_cells(const StepTableView& v, int level, std::int32_t decodes, std::int64_t begin,
                 std::int64_t end, std::vector<DecodeCell>& cells) {
  if (begin >= end) return 0;
  int shift = 0;
  while (shift < max_shift && (std::int64_t{1} << shift) < end - begin) ++shift;
  const std::size_t size = cells.size();
  while (!fill_cells(v, level, decodes, begin, end, shift, cells)) {
    cells.resize(size);
    --shift;  // cells of at most 2 tokens have nothing between their ends and always pass
  }
  return shift;
}

}  // namespace

StepTableView StepTable::view() const {
  StepTableView v;
  v.max_sequences = max_sequences;
  v.max_tokens = max_tokens;
  v.levels = levels();
  v.linear = linear;
  v.level_laws = level_laws.data();
  v.token_time = token_time.data();
  v.token_core_energy = token_core_energy.data();
  v.token_other_energy = token_other_energy.data();
  v.sampled_time = sampled_time.data();
  v.sampled_core_energy = sampled_core_energy.data();
  v.sampled_other_energy = sampled_other_energy.data();
  v.decode_rows = decode_rows.data();
  v.decode_cells = decode_cells.data();
  return v;
}

StepTable build_step_table(const GpuParameters& gpu, const LlmParameters& llm,
                           const StackParameters& stack, const ReplicaShape& shape,
                           int max_sequences, int max_batched_tokens, int levels,
                           std::shared_ptr<const KernelTables> tables) {
  const StepLaw law(gpu, llm, stack, shape, std::move(tables));
  const MemoryFit memory = memory_fit(gpu, llm, stack, shape, max_sequences);
  StepTable table;
  table.max_sequences = max_sequences;
  table.kv_token_capacity = memory.kv_token_capacity;
  table.kv_bytes_per_token = memory.kv_bytes_per_token;
  table.idle_power_mw = static_cast<std::int64_t>(shape.gpus * gpu.idle.value.value * 1000.0 + 0.5);
  table.linear = law.linear();
  table.max_tokens = std::max(max_batched_tokens, max_sequences * table.linear.tokens_per_decode);

  const double lowest = gpu.min_clock.value / gpu.max_clock.value;
  for (int l = 0; l < levels; ++l) {
    const double ratio = l == 0 ? 1.0 : 1.0 - (1.0 - lowest) * l / (levels - 1);
    const LevelLaw at = law.level(ratio);
    table.level_laws.push_back(at);
    for (int t = 0; t <= table.max_tokens; ++t) {
      const KernelCost cost = law.tokens(t, at.stretch);
      table.token_time.push_back(cost.time);
      if (l > 0) continue;
      table.token_core_energy.push_back(cost.core_energy);
      table.token_other_energy.push_back(cost.other_energy);
    }
    for (int s = 0; s <= max_sequences; ++s) {
      const KernelCost cost = law.sampling(s, at.stretch);
      table.sampled_time.push_back(cost.time);
      if (l > 0) continue;
      table.sampled_core_energy.push_back(cost.core_energy);
      table.sampled_other_energy.push_back(cost.other_energy);
    }
  }

  // What meets the power ceiling slows down as far as the knee.
  const double knee_stretch = 1 / table.linear.knee_ratio;
  for (int t = 0; t <= table.max_tokens; ++t)
    table.token_time.push_back(law.tokens(t, knee_stretch).time);
  for (int s = 0; s <= max_sequences; ++s)
    table.sampled_time.push_back(law.sampling(s, knee_stretch).time);

  const StepTableView v = table.view();
  // The last cell below the knot ends past it; its line must not bend there.
  StepTableView unfilled = v;
  unfilled.linear.window = std::int64_t{1} << 32;
  for (int l = 0; l < levels; ++l) {
    for (std::int32_t b = 0; b <= max_sequences; ++b) {
      DecodeRow row;
      // No sequence is longer than the model allows, and together they fit the cache.
      row.end = b == 0 ? 0 : std::min(table.kv_token_capacity, llm.max_context * b) + 1;
      row.knot = std::min(std::int64_t{llm.window} * b, row.end);
      row.first_cell = static_cast<std::uint32_t>(table.decode_cells.size());
      row.shift_below = append_cells(unfilled, l, b, 0, row.knot, table.decode_cells);
      row.knot_cell = static_cast<std::uint32_t>(table.decode_cells.size());
      row.shift_above = append_cells(v, l, b, row.knot, row.end, table.decode_cells);
      table.decode_rows.push_back(row);
    }
  }
  return table;
}

}  // namespace mw::models
