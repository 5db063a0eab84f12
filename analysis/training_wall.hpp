#pragma once
#include "models/power/rack.hpp"
#include "models/training/waveform.hpp"

namespace mw::analysis {

/// Input of a rack whose GPUs of the job draw `watts` together; the host polls while it trains.
class RackInput {
 public:
  explicit RackInput(const models::RackParameters& rack)
      : law_(models::make_rack_law(rack)),
        polling_(models::host_load_of(rack.host_polling.value, 1.0, 0.0)),
        idle_(rack.gpu.value.idle.value.value),
        gpus_(rack.gpus()) {}
  double operator()(const models::JobRacks& kind, double watts, bool working = true) const {
    const double share = double(gpus_ - kind.spare_gpus) / gpus_;
    return models::rack_step(law_, {.gpu_w = watts + kind.spare_gpus * idle_,
                                    .host_load = working ? share * polling_ : 0})
        .input;
  }
  double idle_gpu() const { return idle_; }

 private:
  models::RackLaw law_;
  double polling_, idle_;
  int gpus_;
};

/// A GPU's share of the racks' input, all GPUs at work.
inline double training_wall_power(const models::RackParameters& rack, double gpu_watts) {
  const models::JobRacks full;
  return RackInput(rack)(full, gpu_watts * rack.gpus()) / rack.gpus();
}

}  // namespace mw::analysis
