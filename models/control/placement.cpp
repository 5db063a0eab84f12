#include "models/control/placement.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "sim/index.hpp"

namespace mw::models {
namespace {

using sim::idx;

bool same_replicas(const PlacementUnit& a, const PlacementUnit& b) {
  return std::equal(a.holds.begin(), a.holds.end(), b.holds.begin(), b.holds.end(),
                    [](const auto& x, const auto& y) {
                      return x.service == y.service && x.replicas == y.replicas;
                    });
}

class Placing {
 public:
  Placing(const PlacementLaw& law, const PlacementReadings& readings, PlacementState& state,
          sim::Time now)
      : law_(law), readings_(readings), state_(state), now_(now) {
    by_cost_.resize(law.units.size());
    std::iota(by_cost_.begin(), by_cost_.end(), std::size_t{0});
    std::stable_sort(by_cost_.begin(), by_cost_.end(), [&](std::size_t a, std::size_t b) {
      return readings.cost[a] < readings.cost[b];
    });
  }

  void decide() {
    const auto in = count([&](std::size_t u) { return state_.units[u].in; });
    std::vector<std::int32_t> least(in.size()), after(in.size());
    for (std::size_t s = 0; s < in.size(); ++s) {
      least[s] = needed(s, law_.p.load, in[s]);
      after[s] = needed(s, law_.p.load * (1 - law_.p.margin), in[s]);
    }
    wake_for(least, in);
    wake_better();
    take_out(after);
  }

 private:
  template <class Counts>
  std::vector<std::int32_t> count(Counts counts) const {
    std::vector<std::int32_t> sum(law_.replicas.size(), 0);
    for (std::size_t u = 0; u < law_.units.size(); ++u)
      if (counts(u))
        for (const auto& share : law_.units[u].holds) sum[idx(share.service)] += share.replicas;
    return sum;
  }

  std::int32_t needed(std::size_t s, double load, std::int32_t in) const {
    const PlacedService& service = readings_.services[s];
    if (!service.known) return law_.replicas[s];
    std::int32_t n = replicas_for(service.rate, law_.capacity[s], load);
    if (service.lateness > 1) n = std::max(n, in + 1);
    return std::clamp(n, std::min(law_.p.least, law_.replicas[s]), law_.replicas[s]);
  }

  void put(std::size_t u, bool in) { state_.units[u] = {in, now_}; }

  void wake_for(const std::vector<std::int32_t>& least, std::vector<std::int32_t> in) {
    for (const std::size_t u : by_cost_) {
      const auto& holds = law_.units[u].holds;
      if (state_.units[u].in || std::none_of(holds.begin(), holds.end(), [&](const auto& share) {
            return in[idx(share.service)] < least[idx(share.service)];
          }))
        continue;
      for (const auto& share : holds) in[idx(share.service)] += share.replicas;
      put(u, true);
    }
  }

  void wake_better() {
    for (const std::size_t out : by_cost_) {
      if (state_.units[out].in || law_.units[out].holds.empty()) continue;
      for (auto dear = by_cost_.rbegin(); dear != by_cost_.rend(); ++dear) {
        if (readings_.cost[out] >= readings_.cost[*dear] * (1 - law_.p.better)) break;
        if (!state_.units[*dear].in || !held_long(*dear) ||
            !same_replicas(law_.units[out], law_.units[*dear]))
          continue;
        put(out, true);
        return;
      }
    }
  }

  bool held_long(std::size_t u) const {
    return now_ - state_.units[u].since >= sim::from_seconds(law_.p.hold.value);
  }

  void take_out(const std::vector<std::int32_t>& least) {
    auto working =
        count([&](std::size_t u) { return state_.units[u].in && readings_.working[u] != 0; });
    for (auto u = by_cost_.rbegin(); u != by_cost_.rend(); ++u) {
      const auto& holds = law_.units[*u].holds;
      if (!state_.units[*u].in) continue;
      if (!holds.empty() && (!held_long(*u) || readings_.working[*u] == 0)) continue;
      if (!std::all_of(holds.begin(), holds.end(), [&](const auto& share) {
            const auto s = idx(share.service);
            return readings_.services[s].lateness <= 1 && working[s] - share.replicas >= least[s];
          }))
        continue;
      for (const auto& share : holds) working[idx(share.service)] -= share.replicas;
      put(*u, false);
    }
  }

  const PlacementLaw& law_;
  const PlacementReadings& readings_;
  PlacementState& state_;
  sim::Time now_;
  std::vector<std::size_t> by_cost_;  // the cheapest first
};

}  // namespace

std::int32_t replicas_for(double rate, double capacity, double load) {
  constexpr double most = 1e9;
  if (!(capacity > 0)) return rate > 0 ? static_cast<std::int32_t>(most) : 0;
  return static_cast<std::int32_t>(std::min(most, std::ceil(rate / (capacity * load) - 1e-9)));
}

void place_step(const PlacementLaw& law, const PlacementReadings& readings, PlacementState& state,
                sim::Time now) {
  if (!law.on()) return;
  if (state.units.size() != law.units.size())
    state.units.assign(law.units.size(), {true, -sim::from_seconds(law.p.hold.value)});
  Placing(law, readings, state, now).decide();
}

}  // namespace mw::models
