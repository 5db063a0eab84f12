#include "models/compute/gpu.hpp"

#include "sim/portable_math.hpp"

namespace mw::models {

void check(const GpuParameters& gpu, sim::Problems& problems) {
  if (gpu.min_clock.value > gpu.max_clock.value) {
    problems.add("min_clock", "is above max_clock", "give a min_clock no higher than max_clock");
  }
  if (gpu.knee_clock.value > gpu.max_clock.value) {
    problems.add("knee_clock", "is above max_clock", "give a knee_clock no higher than max_clock");
  }
  if (gpu.knee_voltage.value > gpu.max_voltage.value) {
    problems.add("knee_voltage", "is above max_voltage",
                 "give a knee_voltage no higher than max_voltage");
  }
  if (gpu.idle.value >= gpu.tdp.value) {
    problems.add("idle", "is not below tdp", "give the power of the GPU with nothing running");
  }
  if (gpu.idle.value.value >= gpu.power_ceiling.value * gpu.tdp.value.value) {
    problems.add("power_ceiling", "leaves no more than idle power",
                 "give a share of tdp that is above idle");
  }
  if (gpu.min_power_limit.value > gpu.tdp.value) {
    problems.add("min_power_limit", "is above tdp", "give a limit no higher than tdp");
  }
  if (gpu.fp8.value.value > 0 && gpu.fp8_energy_ratio.value <= 0) {
    problems.add("fp8_energy_ratio", "is missing beside fp8",
                 "give the energy per FP8 operation relative to BF16 (0.6 on H100)");
  }
  if (gpu.fp4.value.value > 0 && gpu.fp4_energy_ratio.value <= 0) {
    problems.add("fp4_energy_ratio", "is missing beside fp4",
                 "give the energy per FP4 operation relative to BF16");
  }
  if (gpu.fp4.value.value > 0 && gpu.fp8.value.value <= 0) {
    problems.add("fp4", "is given without fp8",
                 "give the fp8 rate too: mxfp4 weights compute there");
  }
}

Precision arithmetic_format(const GpuParameters& gpu, Precision stored) {
  const bool fp8 = gpu.fp8.value.value > 0;
  const bool fp4 = gpu.fp4.value.value > 0;
  if (stored == Precision::fp8 && fp8) return Precision::fp8;
  if (stored == Precision::mxfp4 && fp4) return Precision::fp8;
  if (stored == Precision::nvfp4 && fp4) return Precision::nvfp4;
  return Precision::bf16;
}

double tensor_rate(const GpuParameters& gpu, Precision format) {
  if (format == Precision::fp8) return gpu.fp8.value.value;
  if (format == Precision::nvfp4) return gpu.fp4.value.value;
  return gpu.bf16.value.value;
}

double flop_energy(const GpuParameters& gpu, Precision format) {
  const double bf16 = gpu.flop_energy.value.value;
  if (format == Precision::fp8) return bf16 * gpu.fp8_energy_ratio.value;
  if (format == Precision::nvfp4) return bf16 * gpu.fp4_energy_ratio.value;
  return bf16;
}

double core_voltage(const GpuParameters& gpu, double clock_ratio) {
  const double knee = gpu.knee_clock.value / gpu.max_clock.value;
  const double low = gpu.knee_voltage.value.value;
  const double high = gpu.max_voltage.value.value;
  if (clock_ratio <= knee || knee >= 1) return clock_ratio < 1 ? low : high;
  return low + (high - low) * (clock_ratio - knee) / (1 - knee);
}

sim::Power leakage_beyond_reference(const GpuParameters& gpu, sim::Temperature junction) {
  const double warmer = junction.value - gpu.reference_temperature.value.value;
  const double at_reference = gpu.leakage_share.value * gpu.tdp.value.value;
  return {at_reference * (sim::portable::exp(gpu.leakage_growth.value * warmer) - 1)};
}

}  // namespace mw::models
