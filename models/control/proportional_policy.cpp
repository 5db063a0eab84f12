#include "models/control/power_policy.hpp"

namespace mw::models {
namespace {

/// Every group wants what it draws and some headroom; all are equal. A group at its limit wants no
/// more than its headroom above it, so that shares move slowly.
void want(const PolicyView& view, std::span<const std::int32_t>, std::span<GroupWant> wants) {
  for (std::size_t i = 0; i < wants.size(); ++i) {
    const GroupReading& r = view.readings[i];
    wants[i].rank = 0;
    wants[i].power = r.known
                         ? milliwatts(static_cast<double>(r.drawn) * 1e-3 * (1 + view.p.headroom))
                         : view.groups[i].most;
  }
}

}  // namespace

const PolicyLaw proportional_policy{.want = want, .telemetry = true};

}  // namespace mw::models
