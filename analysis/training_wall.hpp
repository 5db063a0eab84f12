#pragma once
#include "models/inference/host_work.hpp"
#include "models/power/rack.hpp"

namespace mw::analysis {

/// A GPU's share of the racks' input, all GPUs at work; the host polls while it trains.
inline double training_wall_power(const models::RackParameters& rack, double gpu_watts) {
  models::RackLoad load;
  load.gpu_w = gpu_watts * rack.gpus();
  load.host_load = models::host_load_of(rack.host_polling.value, 1.0, 0.0);
  return models::rack_step(models::make_rack_law(rack), load).input / rack.gpus();
}

}  // namespace mw::analysis
