#include "models/control/profile_choice.hpp"

#include <algorithm>
#include <numeric>
#include <tuple>

#include "sim/index.hpp"

namespace mw::models {
namespace {

using sim::idx;

Milliwatts asks_for(const PolicyView& view, std::size_t i) {
  const GroupReading& r = view.readings[i];
  const auto drawn = static_cast<double>(r.drawn);
  if (!r.known || drawn >= view.p.at_limit * static_cast<double>(r.limit))
    return view.groups[i].most;
  return static_cast<Milliwatts>(drawn * (1 + view.p.headroom));
}

}  // namespace

void choose_profiles(const ProfileLaw& law, const PolicyView& view, const PowerTree& tree,
                     std::span<const double> rated, std::span<const Milliwatts> rooms,
                     sim::Time now, std::vector<ProfileSwitch>& services) {
  const std::size_t n = view.services.size();
  std::vector<Milliwatts> left(rooms.begin(), rooms.end());
  std::vector<std::vector<Milliwatts>> more(n, std::vector<Milliwatts>(tree.domains(), 0));
  const auto upwards = [&](std::int32_t domain, auto visit) {
    for (auto v = domain; v >= 0; v = tree.parent[idx(v)]) visit(idx(v));
  };
  for (std::size_t i = 0; i < tree.groups.size(); ++i) {
    const ResourceGroup& g = tree.groups[i];
    const Milliwatts wants = asks_for(view, i);
    const auto under = [&](const PowerProfile& profile) {
      return std::max(g.least, std::min(wants, milliwatts(rated[i] * profile.limit.value)));
    };
    const std::int32_t s = view.service[i];
    const Milliwatts base = s < 0 ? wants : under(law.efficient);
    upwards(g.domain, [&](std::size_t v) {
      if (left[v] < unlimited) left[v] -= base;
      if (s >= 0) more[idx(s)][v] += std::max<Milliwatts>(0, under(law.fast) - base);
    });
  }
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return std::tuple(-view.services[a].usd_per_joule, view.given_rank[a]) <
           std::tuple(-view.services[b].usd_per_joule, view.given_rank[b]);
  });
  const sim::Time hold = sim::from_seconds(law.hold.value);
  for (const std::size_t s : order) {
    ProfileSwitch& one = services[s];
    const double spare = one.efficient ? 1 + law.margin : 1;
    bool fits = true;
    for (std::size_t v = 0; v < left.size(); ++v)
      fits = fits && (more[s][v] == 0 ||
                      static_cast<double>(left[v]) >= spare * static_cast<double>(more[s][v]));
    if (now - one.changed < hold) fits = !one.efficient;
    if (fits)
      for (std::size_t v = 0; v < left.size(); ++v)
        if (left[v] < unlimited) left[v] -= more[s][v];
    if (one.efficient == !fits) continue;
    one = {!fits, now};
  }
}

}  // namespace mw::models
