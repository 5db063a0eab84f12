#include "models/inference/capped_work.hpp"

#include <algorithm>
#include <cmath>

#include "models/inference/engine.hpp"

namespace mw::models {
namespace {

// Clocks lie as close as those that drivers list (15 MHz of 1.4 to 2 GHz).
constexpr int levels = 100;
// Of what the work draws beyond idle and busy power: memory devices and their interface, on a
// supply that does not follow the core's voltage. HBM is 10 to 15 % of such boards' rated power.
constexpr double off_core = 0.1;
constexpr StepLoad one_iteration{.decodes = 1};

/// One iteration that takes a second at the highest clock and draws `watts` while its kernels run.
StepTable table_of(const GpuParameters& gpu, double watts, double compute_share) {
  StepTable table;
  table.max_sequences = table.max_tokens = 1;
  const double idle = gpu.idle.value.value;
  const double ceiling = gpu.tdp.value.value * gpu.power_ceiling.value;
  const double above = std::max(std::min(watts, ceiling) - idle, 0.0);
  const double busy = std::min(gpu.busy_share.value * gpu.tdp.value.value, above / 2);
  const double dynamic = above - busy;
  table.linear.idle_power = idle;
  table.linear.power_ceiling = ceiling;
  const double lowest = gpu.min_clock.value / gpu.max_clock.value;
  for (int i = 0; i < levels; ++i) {
    LevelLaw at;
    at.clock_ratio = 1 - (1 - lowest) * i / (levels - 1);
    at.stretch = 1 / at.clock_ratio;
    const double volts = core_voltage(gpu, at.clock_ratio) / gpu.max_voltage.value.value;
    at.core_scale = volts * volts;
    at.busy_power = busy * at.clock_ratio * at.core_scale;
    table.level_laws.push_back(at);
    table.token_time.push_back(0);
    table.token_time.push_back(1 - compute_share + compute_share * at.stretch);
    table.sampled_time.insert(table.sampled_time.end(), 2, 0);
  }
  table.token_core_energy = {0, (1 - off_core) * dynamic};
  table.token_other_energy = {0, off_core * dynamic};
  table.sampled_core_energy = table.sampled_other_energy = {0, 0};
  table.decode_rows.resize(2 * levels);
  return table;
}

}  // namespace

CappedWork::CappedWork(const GpuParameters& gpu, const MeasuredWork& work)
    : waits_(work.waits), idle_(gpu.idle.value.value) {
  // The mean holds the waits: while kernels run the GPU draws more.
  const double busy = (work.watts - work.waits * idle_) / (1 - work.waits);
  table_ = table_of(gpu, busy, work.compute_share);
}

CappedWork::Response CappedWork::respond(int level) const {
  const StepValue held = step_value(table_.view(), level, one_iteration);
  const double free = step_value(table_.view(), 0, one_iteration).time;
  const double waiting = waits_ / (1 - waits_) * free;
  const double seconds = held.time + waiting;
  return {(free + waiting) / seconds, (held.energy + idle_ * waiting) / seconds,
          table_.clock_ratio(level)};
}

CappedWork::Response CappedWork::under(double limit) const {
  return respond(level_for_power(table_, one_iteration, std::llround(limit * 1000)));
}

}  // namespace mw::models
