#include <algorithm>
#include <cmath>

#include "models/control/power_policy.hpp"

namespace mw::models {
namespace {

/// Slows only what keeps its promise. A service whose latencies are well inside gives a step of its
/// limit at each decision; one outside gets everything back at once and comes first; in between it
/// stays. What nobody wants is not shared out: this policy saves energy below its budget too.
void want(const PolicyView& view, std::span<const std::int32_t>, std::span<GroupWant> wants) {
  for (std::size_t i = 0; i < wants.size(); ++i) {
    const auto& g = view.groups[i];
    const std::int32_t s = view.service[i];
    const double late = s < 0 ? 0 : view.services[static_cast<std::size_t>(s)].lateness;
    GroupWant& w = wants[i];
    w.rank = late > 1 ? 0 : 1;
    if (w.power < g.least || late > 1 || s < 0) w.power = g.most;
    if (late > 0 && late < view.p.slo_margin)
      w.power = std::max(
          g.least, static_cast<Milliwatts>(std::llround(
                       static_cast<double>(std::min(w.power, g.most)) * (1 - view.p.slo_step))));
  }
}

}  // namespace

const PolicyLaw slo_policy{.want = want, .headroom = false, .ranks = true};

}  // namespace mw::models
