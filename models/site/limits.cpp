#include "models/site/limits.hpp"

#include <algorithm>
#include <cmath>

#include "models/site/placing.hpp"
#include "models/site/power_groups.hpp"
#include "models/site/rack_switches.hpp"
#include "models/site/service_settings.hpp"
#include "sim/index.hpp"

namespace mw::models {
namespace {

using sim::idx;

void count(SiteState& state, std::int64_t below_least) {
  ++state.totals.decisions;
  if (below_least > 0) ++state.totals.unpromised_decisions;
}

/// Starts the controller outside, and says so when it has failed.
void tend_controller(SiteState& state, const SiteParameters& site, SiteEpoch& epoch) {
  const auto& how = site.control.how;
  if (site.control.policy != PowerPolicy::exec || !how.exec || epoch.controller) return;
  epoch.controller =
      std::make_unique<sim::LockstepProcess>(*how.exec, how.exec_timeout.value, how.folder);
  if (!epoch.controller->running())
    epoch.notes.push_back({state.now, "controller_failed", "site", epoch.controller->failure()});
}

void control(SiteState& state, const SiteParameters& site, SiteEpoch& epoch) {
  if (state.now < state.next_decision) return;
  state.next_decision += sim::from_seconds(decision_interval(site.control).value);
  if (site.control.policy == PowerPolicy::none) return;
  const PowerView seen = read_power(state, site);
  if (site.control.policy == PowerPolicy::uniform) {
    if (!std::isfinite(seen.budgets_w[0])) return;
    count(state, power_control_step(site.control, seen.budgets_w[0], seen.meter, site.limited,
                                    site.limits, state.limits, state.now));
  } else if (site.control.policy != PowerPolicy::fixed) {
    tend_controller(state, site, epoch);
    const bool ran = epoch.controller && epoch.controller->running();
    const std::vector<std::uint8_t> out = racks_out(state, site);
    const SteeringResult result = steering_step(
        site.control, site.steered,
        {seen.budgets_w, seen.domains, seen.groups, seen.services, epoch.controller.get(), out},
        state.steering, site.limits, state.limits, state.now);
    if (ran && !epoch.controller->running())
      epoch.notes.push_back({state.now, "controller_failed", "site", epoch.controller->failure()});
    state.totals.excursions += result.excursions;
    count(state, result.below_least);
    ask_switches(state, site);
    set_profiles(state, site, seen);
  }
  if (site.control.how.oracle) judge(state, site, seen);
}

}  // namespace

void apply_limits(SiteState& state, const SiteParameters& site) {
  std::vector<std::vector<double>> below(state.pods.size());  // W under rated, by replica
  for (std::size_t p = 0; p < state.pods.size(); ++p) {
    below[p].assign(state.pods[p].replicas.size(), 0);
    for (auto& replica : state.pods[p].replicas) replica.power_limit_mw = 0;
  }
  for (std::size_t row = 0; row < state.allocation.size(); ++row) {
    const GpuGroup& g = state.allocation[row];
    if (g.use != GpuUse::serving) continue;
    const std::int32_t pod = state_of_pod(site, g.pod);
    if (pod < 0) continue;  // follows one that has limits
    const std::int32_t i = site.limit_of_row[row];
    const double rated = i < 0 ? 0 : site.limited[idx(i)].rated_w;
    const double limit = i < 0 ? 0
                               : std::min(state.limits[idx(i)].effective,
                                          profile_limit_w(state, site, g.service, rated));
    state.pods[idx(pod)].replicas[idx(g.replica)].power_limit_mw +=
        std::llround((limit - state.leakage_w[idx(g.rack)]) * g.gpus * 1000);
    below[idx(pod)][idx(g.replica)] += (rated - limit) * g.gpus;
  }
  for (std::size_t p = 0; p < state.pods.size(); ++p)
    for (std::size_t r = 0; r < below[p].size(); ++r)
      if (below[p][r] <= 0) state.pods[p].replicas[r].power_limit_mw = no_power_limit;
}

void move_limits(SiteState& state, const SiteParameters& site, SiteEpoch& epoch,
                 bool leakage_changed) {
  std::vector<double> before;
  for (const auto& limit : state.limits) before.push_back(limit.effective);
  place(state, site);
  set_batches(state, site);
  control(state, site, epoch);
  turn_switches(state, site, epoch);
  bool changed = turn_settings(state, site) || leakage_changed;
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
