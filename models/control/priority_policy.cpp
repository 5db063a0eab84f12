#include "models/control/power_policy.hpp"

namespace mw::models {
namespace {

/// Every group wants all its devices take; ranks decide who gets it. Nothing is known of groups:
/// power that the first do not draw is not lent to the last.
void want(const PolicyView& view, std::span<const std::int32_t>, std::span<GroupWant> wants) {
  const auto ranks = service_ranks(view);
  for (std::size_t i = 0; i < wants.size(); ++i)
    wants[i] = {rank_of(view, ranks, i), view.groups[i].most};
}

}  // namespace

const PolicyLaw priority_policy{.want = want, .ranks = true};

}  // namespace mw::models
