#pragma once
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "models/control/power_control.hpp"
#include "sim/describe.hpp"
#include "sim/time.hpp"

// What is done when a budget is below the least that all devices accept: racks are switched off,
// last ranks first, and on again when the budget is back.
namespace mw::models {

/// The resource groups of a rack: what can be switched off as a whole.
struct SwitchedRack {
  std::int32_t domain = 0;
  Milliwatts least = 0;  // of its groups together
  // Its power at its input beside its GPUs: at least, with all of them idle, and at most. W
  double rest_least_w = 0, rest_most_w = 0;
  sim::Time starts = 0;  // how long it takes to start
};

struct RackSwitch {
  bool shed = false;
  bool worked = false;         // until then
  sim::Time changed = never;   // when that was last decided
  sim::Time last_out = never;  // when it was last known to be off, for whatever reason
  static constexpr sim::Time never = std::numeric_limits<sim::Time>::min() / 4;
  bool operator==(const RackSwitch&) const = default;
};
template <sim::Describes<RackSwitch> Self>
void describe(Self& self, auto&& visit) {
  visit("shed", self.shed, sim::About{.text = "Switched off for want of power"});
  visit("worked", self.worked, sim::About{.text = "It worked until it was"});
  visit("changed", self.changed, sim::About{.text = "When that was last decided, ns"});
  visit("last_out", self.last_out, sim::About{.text = "When it was last off, ns"});
}

struct ShedView {
  const PowerControlParameters& p;
  const PowerTree& tree;
  std::span<const SwitchedRack> racks;
  std::span<const std::int32_t> rack_of_group;
  std::span<const double> per_gpu_watt;  // by domain
  std::span<const std::uint8_t> out;     // by rack: off by somebody else's will; or empty
  sim::Time now = 0;
};

/// Decides which racks are off, by `plain`: by domain, what GPUs may be given as far as readings
/// tell. The result is `rooms`, what the policy may give of it, after what is switched now and what
/// readings do not tell yet.
///
/// With L_b the least of a rack's groups, r_b and R_b the rest at least and at most, and k_v the
/// watts that one of a GPU adds to domain v:
///
///   left(v) = room(v) + sum over racks that work below v of r_b / k_v
///   a rack that works stays on while        L_b + r_b / k_v            fits in all left(v) above
///   it one that is off is switched on when (1 + shed_margin) (L_b + R_b)  does, after shed_hold
///
/// in the order of ranks, those that work before those that are off, then in order. So nothing is
/// shed while the sum of the least fits every room; what a rack takes with it is not overrated
/// (at least 1 / k_v of a watt at the domain for each of its own), what it brings not underrated.
/// Until a rack that was switched on works and is seen to, R_b is kept from the rooms.
std::vector<Milliwatts> shed(const ShedView& view, const PolicyView& policy,
                             std::span<const Milliwatts> plain, std::span<const Milliwatts> rooms,
                             std::vector<RackSwitch>& switches);

}  // namespace mw::models
