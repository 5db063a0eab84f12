#pragma once
#include "models/inference/counts.hpp"
#include "models/site/exact_energy.hpp"

namespace mw::models {

/// Energy and working time of many engines over a run. In PodCounts both are integers for a pod and
/// an epoch: nine gigajoules, or a hundred replica-days, are the most that those hold.
struct EngineSums {
  ExactEnergy energy;
  double busy_s = 0;         // replica-seconds inside iterations
  double unavailable_s = 0;  // replica-seconds switched off

  void add(const PodCounts& more) {
    energy += ExactEnergy::of_nj(more.prefill_nj);
    energy += ExactEnergy::of_nj(more.decode_nj);
    energy += ExactEnergy::of_nj(more.idle_nj);
    busy_s += static_cast<double>(more.busy_ps) * 1e-12;
    unavailable_s += static_cast<double>(more.unavailable_ps) * 1e-12;
  }
};
template <sim::Describes<EngineSums> Self>
void describe(Self& self, auto&& visit) {
  visit("energy", self.energy, sim::About{.text = "Energy of their GPUs"});
  visit("busy_s", self.busy_s, sim::About{.text = "Replica-seconds inside iterations"});
  visit("unavailable_s", self.unavailable_s, sim::About{.text = "Replica-seconds switched off"});
}

}  // namespace mw::models
