#include <cmath>

#include "models/control/power_policy.hpp"
#include "sim/index.hpp"

namespace mw::models {
namespace {

bool at_limit(const PolicyView& view, const GroupReading& r) {
  return !r.known || static_cast<double>(r.drawn) >= view.p.at_limit * static_cast<double>(r.limit);
}

/// A want that still fits the draw (between half the headroom and twice it) is kept, so that
/// set-points move with the work and not with its ripple.
bool fits(const PolicyView& view, Milliwatts want, Milliwatts drawn) {
  const double headroom = view.p.headroom;
  const auto before = static_cast<double>(want), draws = static_cast<double>(drawn);
  return before >= draws * (1 + headroom / 2) && before <= draws * (1 + 2 * headroom);
}

/// Groups at their limit want all they may have; the others what they draw, with headroom, and the
/// rest is taken from them. The order of taking is the order of ranks: wants of a later rank are
/// cut first, and everybody's headroom before any want. It is given back when a group is seen at
/// its limit.
void want(const PolicyView& view, std::span<const std::int32_t> news, std::span<GroupWant> wants) {
  const auto ranks = service_ranks(view);
  for (const std::int32_t group : news) {
    const std::size_t i = sim::idx(group);
    const GroupReading& r = view.readings[i];
    wants[i].rank = rank_of(view, ranks, i);
    if (at_limit(view, r))
      wants[i].power = view.groups[i].most;
    else if (!fits(view, wants[i].power, r.drawn))
      wants[i].power = std::llround(static_cast<double>(r.drawn) * (1 + view.p.headroom));
  }
}

void pick(const PolicyView& view, std::span<const GroupWant> wants,
          std::vector<std::int32_t>& news) {
  for (std::size_t i = 0; i < wants.size(); ++i) {
    const GroupReading& r = view.readings[i];
    const bool stays = at_limit(view, r) ? wants[i].power == view.groups[i].most
                                         : fits(view, wants[i].power, r.drawn);
    if (!stays) news.push_back(static_cast<std::int32_t>(i));
  }
}

}  // namespace

const PolicyLaw steering_policy{.want = want, .news = pick, .telemetry = true, .ranks = true};

}  // namespace mw::models
