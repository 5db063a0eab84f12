#include "models/economics/finance.hpp"

#include <cmath>

namespace mw::models {

double capital_recovery_factor(double rate, double years) {
  if (rate == 0) return 1 / years;
  return rate / -std::expm1(-years * std::log1p(rate));
}

std::int64_t gpus_within(double budget_w, double watt_per_gpu, int gpus_per_rack) {
  // A budget that is a whole number of racks must not lose one to rounding.
  const double racks = budget_w / (watt_per_gpu * gpus_per_rack);
  return static_cast<std::int64_t>(std::floor(racks * (1 + 1e-12))) * gpus_per_rack;
}

}  // namespace mw::models
