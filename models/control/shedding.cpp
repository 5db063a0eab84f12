#include "models/control/shedding.hpp"

#include <algorithm>
#include <numeric>

#include "sim/index.hpp"

namespace mw::models {
namespace {

using sim::idx;

class Shedding {
 public:
  Shedding(const ShedView& view, std::span<const Milliwatts> plain,
           std::span<const Milliwatts> rooms, std::vector<RackSwitch>& switches)
      : v_(view), switches_(switches), plain_(plain), rooms_(rooms.begin(), rooms.end()) {}

  std::vector<Milliwatts> result(const PolicyView& policy) {
    for (std::size_t b = 0; b < v_.racks.size(); ++b)
      if (is_out(b)) switches_[b].last_out = v_.now;
    if (!all_fit()) decide(policy);
    foresee();
    return std::move(rooms_);
  }

 private:
  bool is_out(std::size_t b) const {
    return switches_[b].shed || (!v_.out.empty() && v_.out[b] != 0);
  }
  /// Whether its rest is in the readings.
  bool works(std::size_t b) const {
    const PowerControlParameters& p = v_.p;
    const double lag = 2 * decision_interval(p).value + p.actuation.value + p.meter_latency.value;
    return !is_out(b) &&
           v_.now - switches_[b].last_out >= v_.racks[b].starts + sim::from_seconds(lag);
  }
  template <class Visit>
  void upwards(std::int32_t domain, Visit visit) const {
    for (auto v = domain; v >= 0; v = v_.tree.parent[idx(v)]) visit(idx(v));
  }
  bool bounded(std::size_t domain) const { return plain_[domain] < unlimited; }

  bool all_fit() const {
    std::vector<Milliwatts> needs(v_.tree.domains(), 0);
    for (std::size_t b = 0; b < v_.racks.size(); ++b) {
      if (switches_[b].shed) return false;
      if (!is_out(b)) needs[idx(v_.racks[b].domain)] += v_.racks[b].least;
    }
    for (std::size_t v = needs.size(); v-- > 0;) {
      if (needs[v] > plain_[v]) return false;
      if (v > 0) needs[idx(v_.tree.parent[v])] += needs[v];
    }
    return true;
  }

  Milliwatts least_rest(std::size_t b, std::size_t domain) const {
    return milliwatts(v_.racks[b].rest_least_w / v_.per_gpu_watt[domain]);
  }
  Milliwatts most_rest(std::size_t b) const { return milliwatts(v_.racks[b].rest_most_w); }

  /// Ranks of racks: that of their first group in rank; those of no service come last.
  std::vector<std::int32_t> ranks(const PolicyView& policy) const {
    const auto of_services = service_ranks(policy);
    std::vector<std::int32_t> of(v_.racks.size(), most_ranks);
    for (std::size_t i = 0; i < v_.tree.groups.size(); ++i) {
      if (policy.service[i] < 0) continue;
      auto& rank = of[idx(v_.rack_of_group[i])];
      rank = std::min(rank, rank_of(policy, of_services, i));
    }
    return of;
  }

  void decide(const PolicyView& policy) {
    std::vector<Milliwatts> left(plain_.begin(), plain_.end());
    for (std::size_t b = 0; b < v_.racks.size(); ++b)
      if (works(b))
        upwards(v_.racks[b].domain, [&](std::size_t v) {
          if (bounded(v)) left[v] += least_rest(b, v);
        });
    std::vector<Milliwatts> kept(left.size(), 0);  // for those that may come back soon
    const auto rank = ranks(policy);
    std::vector<std::size_t> order(v_.racks.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return std::pair(rank[a], switches_[a].shed) < std::pair(rank[b], switches_[b].shed);
    });
    const sim::Time hold = sim::from_seconds(v_.p.how.shed_hold.value);
    for (const std::size_t b : order) {
      RackSwitch& one = switches_[b];
      if (!one.shed && is_out(b)) continue;
      const bool in_readings = works(b);
      const auto need = [&](std::size_t v) {
        if (in_readings) return v_.racks[b].least + least_rest(b, v);
        const Milliwatts most = v_.racks[b].least + most_rest(b);
        return one.shed ? most + static_cast<Milliwatts>(v_.p.how.shed_margin *
                                                         static_cast<double>(most))
                        : most;
      };
      bool fits = true;
      upwards(v_.racks[b].domain,
              [&](std::size_t v) { fits = fits && left[v] - (one.shed ? kept[v] : 0) >= need(v); });
      if (one.shed && v_.now - one.changed < hold) {
        // Nobody of a later rank is switched on in its place.
        if (fits) upwards(v_.racks[b].domain, [&](std::size_t v) { kept[v] += need(v); });
        continue;
      }
      if (fits)
        upwards(v_.racks[b].domain, [&](std::size_t v) {
          if (bounded(v)) left[v] -= need(v);
        });
      if (one.shed == !fits) continue;
      one = {!fits, in_readings, v_.now, v_.now};
    }
  }

  /// What readings do not tell yet.
  void foresee() {
    const sim::Time actuation = sim::from_seconds(v_.p.actuation.value);
    for (std::size_t b = 0; b < v_.racks.size(); ++b) {
      const RackSwitch& one = switches_[b];
      // That it was switched off does not show before it acts.
      const bool leaves = one.shed && one.worked && v_.now - one.changed <= actuation;
      if (!leaves && (is_out(b) || works(b))) continue;
      upwards(v_.racks[b].domain, [&](std::size_t v) {
        if (bounded(v)) rooms_[v] += leaves ? least_rest(b, v) : -most_rest(b);
      });
    }
  }

  const ShedView& v_;
  std::vector<RackSwitch>& switches_;
  std::span<const Milliwatts> plain_;
  std::vector<Milliwatts> rooms_;
};

}  // namespace

std::vector<Milliwatts> shed(const ShedView& view, const PolicyView& policy,
                             std::span<const Milliwatts> plain, std::span<const Milliwatts> rooms,
                             std::vector<RackSwitch>& switches) {
  if (view.racks.empty()) return {rooms.begin(), rooms.end()};
  return Shedding(view, plain, rooms, switches).result(policy);
}

}  // namespace mw::models
