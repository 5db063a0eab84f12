#pragma once
#include <string>

#include "sim/describe.hpp"
#include "sim/quantity.hpp"

namespace mw::models {

/// A power profile of GPUs, as NVIDIA's workload profiles bundle them (Max-P for performance, Max-Q
/// for efficiency): the power that one may draw and the highest clock it takes. Firmware settles
/// what several profiles ask for; here a group of racks has one.
struct PowerProfile {
  static constexpr const char* catalog = "power_profiles";
  std::string text;
  sim::Sourced<double> limit{1, sim::Confidence::assumed, "no profile: rated power"};
  sim::Sourced<double> clock{1, sim::Confidence::assumed, "no profile: the highest clock"};
};
template <sim::Describes<PowerProfile> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("text", self.text, About{.text = "What it is for"});
  visit("limit", self.limit,
        About{.text = "Highest power limit over rated power (TGP over TDP)", .min = 0.1, .max = 1});
  visit("clock", self.clock,
        About{.text = "Highest clock over the highest there is", .min = 0.2, .max = 1});
}

}  // namespace mw::models
