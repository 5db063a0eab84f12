#pragma once
#include <cmath>

#include "sim/portable_math.hpp"

namespace mw::models {

/// Time and energy of a group of kernels over the whole replica. Energies at the maximum clock.
struct KernelCost {
  double time = 0;
  double core_energy = 0;                     // on the core's supply
  double other_energy = 0;                    // memory and links
  double flop_energy = 0, vector_energy = 0;  // parts of core_energy
  // What `time` overlaps, as if each were alone.
  double read_time = 0, compute_time = 0;

  KernelCost& operator+=(const KernelCost& more) {
    time += more.time;
    core_energy += more.core_energy;
    other_energy += more.other_energy;
    flop_energy += more.flop_energy;
    vector_energy += more.vector_energy;
    read_time += more.read_time;
    compute_time += more.compute_time;
    return *this;
  }
};

/// Kernels overlap memory and arithmetic: (x^1.5 + y^1.5)^(1/1.5), between a sum and the larger.
/// The exponent belongs to the calibration (docs/models/compute.md).
inline double overlap(double x, double y) {
  const double sum = x * std::sqrt(x) + y * std::sqrt(y);
  return sum > 0 ? sim::portable::pow(sum, 2.0 / 3.0) : 0;
}

inline double log2_of(double x) {
  return sim::portable::log(x) / sim::portable::log(2.0);
}

constexpr double activation_bytes = 2;  // activations are BF16

}  // namespace mw::models
