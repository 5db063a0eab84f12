#include "models/compute/occupancy.hpp"

#include <algorithm>

#include "models/compute/kernel_cost.hpp"
#include "sim/portable_math.hpp"

namespace mw::models {

double expert_miss(double per_token, double experts, double tokens) {
  return per_token < experts ? sim::portable::pow(1 - per_token / experts, tokens) : 0.0;
}

double expected_maximum(int n) {
  // Harter 1961, "Expected values of normal order statistics", Biometrika 48: n = 1, 2, 4, ... 128.
  static constexpr double at_power_of_two[] = {0,      0.5642, 1.0294, 1.4236,
                                               1.7660, 2.0697, 2.3437, 2.5944};
  if (n <= 1) return 0;
  const double x = std::min(log2_of(n), 6.999999);
  const int k = static_cast<int>(x);
  const double part = x - k;
  return at_power_of_two[k] * (1 - part) + at_power_of_two[k + 1] * part;
}

}  // namespace mw::models
