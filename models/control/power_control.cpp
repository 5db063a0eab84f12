#include "models/control/power_control.hpp"

#include <algorithm>

namespace mw::models {

double uniform_share(const PowerControlParameters& p, double envelope_w, double meter_w,
                     double gpus_w, double rated_sum_w) {
  const double k = p.meter_per_gpu_watt;
  const double rest = meter_w - k * gpus_w;
  const double share = (envelope_w * (1 - p.guard_band) - rest) / (k * rated_sum_w);
  return std::min(share, 1.0);
}

std::int64_t power_control_step(const PowerControlParameters& p, double envelope_w,
                                const PowerReadings& readings, std::span<const LimitedGpus> groups,
                                std::span<const sim::SetPointParameters> ranges,
                                std::span<sim::SetPointState> limits, sim::Time now) {
  if (p.policy != PowerPolicy::uniform) return 0;
  if (readings.meter.quality == sim::Quality::missing ||
      readings.gpus.quality == sim::Quality::missing)
    return 0;

  double rated_sum = 0;
  for (const auto& g : groups) rated_sum += g.gpus * g.rated_w;
  if (rated_sum <= 0) return 0;
  const double share =
      uniform_share(p, envelope_w, readings.meter.value, readings.gpus.value, rated_sum);

  std::int64_t short_of_range = 0;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    const double wanted = share * groups[i].rated_w;
    if (wanted < ranges[i].min) short_of_range += groups[i].gpus;
    const double value = std::clamp(wanted, ranges[i].min, ranges[i].max);
    // Asking again for what already holds would only fill the queue of pending requests.
    if (value != limits[i].requested) sim::request(limits[i], ranges[i], now, value);
  }
  return short_of_range;
}

}  // namespace mw::models
