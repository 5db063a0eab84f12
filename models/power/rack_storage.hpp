#pragma once
#include "models/power/storage.hpp"
#include "sim/describe.hpp"
#include "sim/moment.hpp"
#include "sim/quantity.hpp"

namespace mw::models {

/// What a rack holds in and behind its supplies, and how it bears a gap: capacitors that carry full
/// load for `hold_up`, and stores beside them (GB300: 65 J for each GPU). Both are one store here.
struct RackStorageParameters {
  sim::Sourced<sim::Seconds> hold_up{
      {0.02}, sim::Confidence::data_sheet, "ORv3 power shelf: 20 ms at full load"};
  sim::Sourced<sim::Energy> per_gpu;
  sim::Sourced<double> charge{0.1, sim::Confidence::assumed, "Millwright"};
  sim::Sourced<double> charge_efficiency{0.95, sim::Confidence::assumed, "Millwright"};
  sim::Sourced<double> discharge_efficiency{0.95, sim::Confidence::assumed, "Millwright"};
  sim::Duration restart{5 * sim::minute};
};
template <sim::Describes<RackStorageParameters> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("hold_up", self.hold_up,
        About{.text = "How long the supplies carry design power without a source",
              .min = 0,
              .max = 10});
  visit("per_gpu", self.per_gpu, About{.text = "Energy stored for each GPU beside that", .min = 0});
  visit("charge", self.charge,
        About{.text = "Most power that recharges it, as a share of design power",
              .min = 1e-3,
              .max = 1});
  visit("charge_efficiency", self.charge_efficiency,
        About{.text = "Energy stored over energy drawn", .min = 0.1, .max = 1});
  visit("discharge_efficiency", self.discharge_efficiency,
        About{.text = "Energy delivered over energy taken out", .min = 0.1, .max = 1});
  visit("restart", self.restart,
        About{.text = "From the return of power until a rack that was dark works again"});
}

inline StorageLaw rack_store(const RackStorageParameters& p, int gpus, double design_w) {
  return {.capacity = design_w * p.hold_up.value.value / p.discharge_efficiency.value +
                      p.per_gpu.value.value * gpus,
          .discharge_w = 1e300,
          .charge_w = p.charge.value * design_w,
          .charge_efficiency = p.charge_efficiency.value,
          .discharge_efficiency = p.discharge_efficiency.value};
}

}  // namespace mw::models
