#include <cmath>

#include "models/control/power_policy.hpp"

namespace mw::models {
namespace {

/// Groups at their limit want all they may have; the others what they draw, with headroom, and the
/// rest is taken from them. The order of taking is the order of ranks: wants of a later rank are
/// cut first, and everybody's headroom before any want. It is given back when a group is seen at
/// its limit. A want that still fits the draw (between half the headroom and twice it) is kept, so
/// that set-points move with the work and not with its ripple.
void want(const PolicyView& view, std::span<GroupWant> wants) {
  const auto ranks = service_ranks(view);
  const double headroom = view.p.headroom;
  for (std::size_t i = 0; i < wants.size(); ++i) {
    const GroupReading& r = view.readings[i];
    wants[i].rank = rank_of(view, ranks, i);
    const auto drawn = static_cast<double>(r.drawn);
    if (!r.known || drawn >= view.p.at_limit * static_cast<double>(r.limit)) {
      wants[i].power = view.groups[i].most;
      continue;
    }
    const auto before = static_cast<double>(wants[i].power);
    if (before >= drawn * (1 + headroom / 2) && before <= drawn * (1 + 2 * headroom)) continue;
    wants[i].power = std::llround(drawn * (1 + headroom));
  }
}

}  // namespace

const PolicyLaw steering_policy{.want = want, .telemetry = true, .ranks = true};

}  // namespace mw::models
