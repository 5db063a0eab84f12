#include "models/power/smoothing.hpp"

#include <algorithm>

#include "models/power/storage.hpp"

namespace mw::models {

SmoothingSums smooth_gpu(std::span<double> load, double dt, const SmoothingParameters& p,
                         double rated_w) {
  SmoothingSums sums;
  if (load.empty()) return sums;
  const double threshold = p.activation * rated_w;
  double since_work = load.front() > threshold ? 0 : 1e300;
  double in_gap = 0;
  double last = load.front();
  for (double& watts : load) {
    const double asked = watts;
    since_work = asked > threshold ? 0 : since_work + dt;
    if (p.floor > 0 && since_work <= p.hysteresis.value) watts = std::max(watts, p.floor * rated_w);
    // A filler sees what is drawn, late; it lets go as soon as work is there again.
    const double full = p.filler * rated_w;
    in_gap = asked < full && since_work <= p.hysteresis.value ? in_gap + dt : 0;
    if (in_gap > p.filler_delay.value) watts = std::max(watts, full);
    if (p.ramp_down > 0) watts = std::max(watts, last - p.ramp_down * rated_w * dt);
    if (p.ramp_up > 0) watts = std::min(watts, std::max(last + p.ramp_up * rated_w * dt, 0.0));
    last = watts;
    sums.asked += asked * dt;
    sums.burnt += std::max(0.0, watts - asked) * dt;
    sums.held += std::max(0.0, asked - watts) * dt;
    sums.drawn += watts * dt;
  }
  return sums;
}

void smooth_rack(std::span<double> load, double dt, const SmoothingParameters& p, int gpus,
                 SmoothingSums& sums) {
  const double capacity = p.storage.value * gpus;
  if (!(capacity > 0) || load.empty()) return;
  StorageLaw law{.capacity = capacity,
                 .discharge_w = 1e300,
                 .charge_w = 0,
                 .charge_efficiency = p.storage_efficiency,
                 .discharge_efficiency = p.storage_efficiency};
  double energy = capacity / 2;
  double average = load.front();
  const double follow = std::min(1.0, dt / p.averaging.value);
  for (double& watts : load) {
    average += (watts - average) * follow;
    // Towards half full within the same time, so that it can give and take again. A rack's store
    // does not feed the rows.
    const double wanted = std::max(0.0, average + (capacity / 2 - energy) / p.averaging.value);
    StorageFlow flow;
    if (watts > wanted) {
      const double most = energy * law.discharge_efficiency / dt;
      flow = discharge(law, energy, std::min(watts - wanted, most), dt);
    } else {
      law.charge_w = wanted - watts;
      flow = charge(law, energy, dt);
    }
    sums.lost += flow.loss * dt;
    sums.stored += flow.change * dt;
    sums.drawn += (flow.drawn - flow.delivered) * dt;
    watts += flow.drawn - flow.delivered;
  }
}

}  // namespace mw::models
