#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "models/control/power_policy.hpp"
#include "models/control/power_profile.hpp"
#include "sim/describe.hpp"
#include "sim/time.hpp"

// Which power profile a service's GPUs have: the fast one while there is power for it, the
// efficient one where power is short, the services whose tokens earn least for a joule first.
namespace mw::models {

enum class ProfilePolicy { none, by_value };
inline std::span<const char* const> enum_names(ProfilePolicy) {
  static constexpr const char* names[] = {"none", "by_value"};
  return names;
}

struct ProfileLaw {
  ProfilePolicy policy = ProfilePolicy::none;
  PowerProfile fast{}, efficient{};
  sim::Seconds hold{60};
  double margin = 0.05;
  bool on() const { return policy != ProfilePolicy::none; }
};

struct ProfileSwitch {
  bool efficient = false;
  sim::Time changed = std::numeric_limits<sim::Time>::min() / 4;
};
template <sim::Describes<ProfileSwitch> Self>
void describe(Self& self, auto&& visit) {
  visit("efficient", self.efficient, sim::About{.text = "It has the efficient profile"});
  visit("changed", self.changed, sim::About{.text = "When that was last decided, ns"});
}

/// One decision. `rated`: W of all GPUs of a group; `rooms` by domain. A group asks for what it is
/// short of, all it may draw, or what it draws and its headroom (as steering wants it), and under a
/// profile for that as far as the profile's limit goes. All services are taken to be efficient
/// first; then, from the one whose tokens earn most for a joule on (or the first in rank, where
/// they earn alike), each is made fast if what it asks for more fits every room above its groups;
/// one that was not fast, only with `margin` of that to spare. So all are fast while power is not
/// short. A service keeps its profile for `hold`.
void choose_profiles(const ProfileLaw& law, const PolicyView& view, const PowerTree& tree,
                     std::span<const double> rated, std::span<const Milliwatts> rooms,
                     sim::Time now, std::vector<ProfileSwitch>& services);

}  // namespace mw::models
