#pragma once
#include <limits>

#include "models/power/electrical.hpp"
#include "sim/time.hpp"

// What stands at the head of the tree: the utility, or the site's own generators.
namespace mw::models {

struct SupplyState {
  sim::Time lost_since = -1;  // the utility is gone since then; -1: it is there
  sim::Time back_since = -1;  // while generators run: it is there again since then
  bool on_generator = false;
};
template <sim::Describes<SupplyState> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("lost_since", self.lost_since, About{.text = "The utility is gone since then, ns"});
  visit("back_since", self.back_since,
        About{.text = "While generators run: it is there again since then, ns"});
  visit("on_generator", self.on_generator, About{.text = "Generators carry the site"});
}

/// Voltage over nominal below which generators are called; a dip that is over before they have
/// started calls them off.
inline constexpr double utility_is_gone = 0.9;

/// The turn of the supply at `now`; the utility's voltage is over nominal. Gives the voltage at the
/// head of the tree.
inline double supply_step(const std::optional<StandbyGenerators>& generator, SupplyState& state,
                          double utility, sim::Time now) {
  const bool gone = utility < utility_is_gone;
  if (gone && state.lost_since < 0) state.lost_since = now;
  if (!gone) state.lost_since = -1;
  if (!generator) return utility;
  if (!state.on_generator && gone && now >= state.lost_since + generator->start.ns)
    state.on_generator = true;
  if (!state.on_generator) return utility;
  if (gone)
    state.back_since = -1;
  else if (state.back_since < 0)
    state.back_since = now;
  if (state.back_since >= 0 && now >= state.back_since + generator->stay.ns) {
    state = {};
    return utility;
  }
  return 1;
}

/// When that changes by itself.
inline sim::Time next_supply_change(const std::optional<StandbyGenerators>& generator,
                                    const SupplyState& state) {
  constexpr sim::Time never = std::numeric_limits<sim::Time>::max();
  if (!generator) return never;
  if (state.on_generator)
    return state.back_since < 0 ? never : state.back_since + generator->stay.ns;
  return state.lost_since < 0 ? never : state.lost_since + generator->start.ns;
}

}  // namespace mw::models
