#include "models/control/power_policy.hpp"

namespace mw::models {
namespace {

/// Max-P sizing: limits are what the design has room for, and stay there. Wants never change, and
/// the caller gives rooms of the design, not of a meter.
void want(const PolicyView& view, std::span<const std::int32_t>, std::span<GroupWant> wants) {
  for (std::size_t i = 0; i < wants.size(); ++i) wants[i] = {0, view.groups[i].most};
}

}  // namespace

const PolicyLaw static_policy{.want = want};

}  // namespace mw::models
