#pragma once
#include <cstdint>

namespace mw::models {

/// The accounting year: 365 days, 8760 hours.
inline constexpr double seconds_per_year = 365 * 86400.0;

/// Yearly payment per unit of capital at interest `rate` over `years` (annuity):
/// r / (1 - (1 + r)^-n), and 1/n without interest.
double capital_recovery_factor(double rate, double years);

/// Cost per million tokens of a GPU that costs `usd_per_gpu_hour` and makes
/// `tokens_per_gpu_second`.
constexpr double usd_per_million_tokens(double usd_per_gpu_hour, double tokens_per_gpu_second) {
  return usd_per_gpu_hour * 1e6 / (3600 * tokens_per_gpu_second);
}

/// Tokens per second and megawatt of a fleet whose GPUs take `kw_per_gpu` each, all included.
constexpr double tokens_per_second_per_mw(double tokens_per_gpu_second, double kw_per_gpu) {
  return 1000 * tokens_per_gpu_second / kw_per_gpu;
}

/// GPUs that a power budget carries at `watt_per_gpu` each, in whole racks.
std::int64_t gpus_within(double budget_w, double watt_per_gpu, int gpus_per_rack);

}  // namespace mw::models
