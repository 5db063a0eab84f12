#include "analysis/compare/branch_rules.hpp"

#include <algorithm>

#include "models/control/power_control.hpp"
#include "models/site/events.hpp"
#include "sim/setpoints.hpp"

namespace mw::analysis {

using namespace mw::models;

bool may_branch(std::string_view path) {
  constexpr std::string_view within[] = {"control.power", "events", "output", "site.economics"};
  constexpr std::string_view exactly[] = {"name", "text", "duration", "site.envelope",
                                          "site.cooling.supply"};
  for (const auto block : within)
    if (path == block ||
        (path.starts_with(block) && (path[block.size()] == '.' || path[block.size()] == '[')))
      return true;
  if (path.starts_with("inference[") && path.find("].price.") != std::string_view::npos)
    return true;
  return std::find(std::begin(exactly), std::end(exactly), path) != std::end(exactly);
}

namespace {

/// Events that have begun, as text.
std::vector<std::string> begun(const SiteParameters& site, sim::Time now) {
  std::vector<std::string> out;
  for (const auto& event : site.events)
    if (event.at.ns < now)
      out.push_back(std::string(name_of(event.kind)) + std::to_string(event.at.ns) +
                    effect_of(event) + std::to_string(event.lasting ? event.lasting->ns : -1));
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace

std::string why_not(const SiteParameters& was, const SiteParameters& will, sim::Time now) {
  if (begun(was, now) != begun(will, now)) return "an event before that moment differs";
  if (will.duration <= now) return "the changed run is over before that moment";
  if (was.plant.on() != will.plant.on())
    return "the plant would have to be followed in time from the start (site.cooling.dynamics)";
  if (was.limits.size() != will.limits.size())
    return "GPUs would share their power limits in other groups";
  if (!was.switch_racks.empty() && was.switch_racks.size() != will.switch_racks.size())
    return "racks that are switched off by now would have nobody to switch them on";
  const bool same =
      was.racks.size() == will.racks.size() && was.pods.size() == will.pods.size() &&
      was.services.size() == will.services.size() && was.rack_count() == will.rack_count() &&
      was.placement.size() == will.placement.size() && was.cohort.fluid() == will.cohort.fluid();
  return same ? "" : "the site would be built of other parts";
}

SiteState carried_over(const SiteState& state, const SiteParameters& will, bool control_changes) {
  SiteState on = state;
  // A policy that never decides would leave the limits of the one before it.
  if (will.control.policy == PowerPolicy::none || will.control.policy == PowerPolicy::fixed)
    for (std::size_t i = 0; i < on.limits.size(); ++i)
      sim::request(on.limits[i], will.limits[i], on.now, will.initial_limits[i]);
  if (!control_changes) return on;
  const SiteState fresh = initial_site(will);
  on.points = fresh.points;
  if (on.shed.size() != fresh.shed.size()) {  // nobody could switch racks until now
    on.shed = fresh.shed;
    on.parked = fresh.parked;
    for (std::size_t r = 0; r < on.rack_states.size(); ++r)
      if (fresh.rack_states[r].off_for(OffCause::shed)) on.rack_states[r].set(OffCause::shed, true);
  }
  on.steering = fresh.steering;
  on.next_decision = on.now + sim::from_seconds(decision_interval(will.control).value);
  return on;
}

}  // namespace mw::analysis
