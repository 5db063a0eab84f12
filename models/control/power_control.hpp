#pragma once
#include <cstdint>
#include <optional>
#include <span>

#include "models/control/power_policy.hpp"
#include "sim/describe.hpp"
#include "sim/points.hpp"
#include "sim/quantity.hpp"
#include "sim/setpoints.hpp"
#include "sim/time.hpp"

namespace mw::models {

struct PowerControlParameters {
  PowerPolicy policy = PowerPolicy::none;
  std::optional<sim::Seconds> interval;
  double guard_band = 0.01;
  double meter_per_gpu_watt = 1.2;
  double node_per_gpu_watt = 1.12;
  sim::Seconds meter_latency{0};
  sim::Seconds actuation{0.1};
  PolicyParameters how;
};
template <sim::Describes<PowerControlParameters> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("policy", self.policy, About{.text = "How watts are shared out under the envelope"});
  visit("interval", self.interval,
        About{.text = "Time between two decisions; also the meter's period and window. Otherwise "
                      "90 s for steering and 1 s for the others",
              .min = 0.001,
              .max = 3600});
  visit("guard_band", self.guard_band,
        About{.text = "Share of the envelope that is left unused", .min = 0, .max = 0.5});
  visit("meter_per_gpu_watt", self.meter_per_gpu_watt,
        About{.text = "What the controller believes one more watt in a GPU adds at the meter; too "
                      "high is careful at low load and exact at the limit",
              .min = 1,
              .max = 3});
  visit("node_per_gpu_watt", self.node_per_gpu_watt,
        About{.text = "The same at a node of the electrical tree, behind which no plant hangs; for "
                      "policies that keep the nodes' ratings",
              .min = 1,
              .max = 3});
  visit("meter_latency", self.meter_latency,
        About{.text = "From measured to readable, of the power meters", .min = 0, .max = 3600});
  visit("actuation", self.actuation,
        About{.text = "From a limit's request to its effect (10-100 ms in band, 1-5 s through a "
                      "board controller)",
              .min = 0,
              .max = 3600});
  describe(self.how, visit);
}

inline sim::Seconds decision_interval(const PowerControlParameters& p) {
  constexpr double of_nvidias_service = 90;  // docs/models/control.md
  return p.interval.value_or(
      sim::Seconds{p.policy == PowerPolicy::steering ? of_nvidias_service : 1});
}

/// The GPUs behind one set-point.
struct LimitedGpus {
  std::int32_t gpus = 0;
  double rated_w = 0;  // of one GPU
};
template <sim::Describes<LimitedGpus> Self>
void describe(Self& self, auto&& visit) {
  visit("gpus", self.gpus, sim::About{.text = "GPUs behind the set-point", .min = 0});
  visit("rated_w", self.rated_w, sim::About{.text = "Rated power of one of them, W", .min = 0});
}

/// What the policy reads: newest readings of the site's meter and of all GPUs together, W.
struct PowerReadings {
  sim::PointSample meter, gpus;
};

/// The share of rated power at which the meter would just reach envelope * (1 - guard_band):
///
///   rest  = meter - k gpus            (what does not follow the GPUs, as measured)
///   share = (envelope (1 - guard) - rest) / (k sum of rated power),   k = meter_per_gpu_watt
///
/// not above 1; may fall below what the devices accept, or below 0.
double uniform_share(const PowerControlParameters& p, double envelope_w, double meter_w,
                     double gpus_w, double rated_sum_w);

/// One decision: asks every set-point for its share, held inside the device's range. Returns how
/// many GPUs would need less than their device accepts (the envelope cannot then be promised).
/// Without a first reading, or under `none`, nothing is asked for.
std::int64_t power_control_step(const PowerControlParameters& p, double envelope_w,
                                const PowerReadings& readings, std::span<const LimitedGpus> groups,
                                std::span<const sim::SetPointParameters> ranges,
                                std::span<sim::SetPointState> limits, sim::Time now);

}  // namespace mw::models
