#include "models/control/power_policy.hpp"

#include <algorithm>
#include <functional>

#include "sim/index.hpp"

namespace mw::models {

const PolicyLaw* law_of(PowerPolicy policy) {
  switch (policy) {
    case PowerPolicy::none:
    case PowerPolicy::uniform:
      return nullptr;
    case PowerPolicy::fixed:
      return &static_policy;
    case PowerPolicy::proportional:
      return &proportional_policy;
    case PowerPolicy::priority:
      return &priority_policy;
    case PowerPolicy::steering:
      return &steering_policy;
    case PowerPolicy::slo:
      return &slo_policy;
    case PowerPolicy::exec:
      return &exec_policy;
  }
  return nullptr;
}

std::vector<std::int32_t> service_ranks(const PolicyView& view) {
  const bool by_revenue = view.p.rank_by == RankBy::revenue_per_joule;
  const auto before = [&](std::size_t a, std::size_t b) {
    return by_revenue ? view.services[a].usd_per_joule > view.services[b].usd_per_joule
                      : view.given_rank[a] < view.given_rank[b];
  };
  std::vector<std::size_t> order(view.services.size());
  for (std::size_t s = 0; s < order.size(); ++s) order[s] = s;
  std::stable_sort(order.begin(), order.end(), before);
  std::vector<std::int32_t> ranks(order.size(), 0);
  for (std::size_t i = 1; i < order.size(); ++i)
    ranks[order[i]] =
        std::min(ranks[order[i - 1]] + (before(order[i - 1], order[i]) ? 1 : 0), most_ranks - 1);
  return ranks;
}

}  // namespace mw::models
