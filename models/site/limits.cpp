#include "models/site/limits.hpp"

#include <cmath>

#include "sim/index.hpp"

namespace mw::models {
namespace {

using sim::idx;

void control(SiteState& state, const SiteParameters& site) {
  if (state.now < state.next_decision) return;
  state.next_decision += sim::from_seconds(site.control.interval.value);
  if (site.control.policy == PowerPolicy::none || !std::isfinite(site.envelope_w)) return;
  const PowerReadings readings{
      sim::read(state.points[meter_point], site.points[meter_point], state.now),
      sim::read(state.points[gpu_point], site.points[gpu_point], state.now)};
  const auto below = power_control_step(site.control, site.envelope_w, readings, site.limited,
                                        site.limits, state.limits, state.now);
  ++state.totals.decisions;
  if (below > 0) ++state.totals.unpromised_decisions;
}

}  // namespace

void apply_limits(SiteState& state, const SiteParameters& site) {
  std::vector<double> limit(idx(site.rack_count()), 0), rated(idx(site.rack_count()), 0);
  for (std::size_t i = 0; i < site.limits.size(); ++i) {
    limit[idx(site.rack_of_limit[i])] = state.limits[i].effective;
    rated[idx(site.rack_of_limit[i])] = site.limited[i].rated_w;
  }
  std::vector<std::vector<double>> below(state.pods.size());  // W under rated, by replica
  for (std::size_t p = 0; p < state.pods.size(); ++p) {
    below[p].assign(state.pods[p].replicas.size(), 0);
    for (auto& replica : state.pods[p].replicas) replica.power_limit_mw = 0;
  }
  for (const auto& g : state.allocation) {
    if (g.use != GpuUse::serving) continue;
    const std::int32_t pod = state_of_pod(site, g.pod);
    if (pod < 0) continue;  // follows one that has limits
    state.pods[idx(pod)].replicas[idx(g.replica)].power_limit_mw +=
        std::llround((limit[idx(g.rack)] - state.leakage_w[idx(g.rack)]) * g.gpus * 1000);
    below[idx(pod)][idx(g.replica)] += (rated[idx(g.rack)] - limit[idx(g.rack)]) * g.gpus;
  }
  for (std::size_t p = 0; p < state.pods.size(); ++p)
    for (std::size_t r = 0; r < below[p].size(); ++r)
      if (below[p][r] <= 0) state.pods[p].replicas[r].power_limit_mw = no_power_limit;
}

void move_limits(SiteState& state, const SiteParameters& site, bool leakage_changed) {
  std::vector<double> before;
  for (const auto& limit : state.limits) before.push_back(limit.effective);
  control(state, site);
  bool changed = leakage_changed;
  for (std::size_t i = 0; i < state.limits.size(); ++i) {
    sim::advance(state.limits[i], site.limits[i], state.now);
    if (state.limits[i].effective == before[i]) continue;
    changed = true;
    constexpr std::uint32_t limit_effective = 1;  // kinds of control transitions start here
    state.control_hash.fold(
        state.now, limit_effective, i,
        static_cast<std::uint64_t>(std::llround(state.limits[i].effective * 1000)));
  }
  if (changed) apply_limits(state, site);
}

double limit_share(const SiteState& state, const SiteParameters& site) {
  double limit_sum = 0, rated_sum = 0;
  for (std::size_t i = 0; i < state.limits.size(); ++i) {
    limit_sum += state.limits[i].effective * site.limited[i].gpus;
    rated_sum += site.limited[i].rated_w * site.limited[i].gpus;
  }
  return rated_sum > 0 ? limit_sum / rated_sum : 1;
}

}  // namespace mw::models
