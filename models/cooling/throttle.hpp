#pragma once
#include <algorithm>

#include "sim/describe.hpp"
#include "sim/time.hpp"

// What a GPU does about its own heat: clocks fall step by step above a first temperature, by half
// above a second, and above a third it is switched off. All come back below a fourth.
namespace mw::models {

/// Temperatures in degC.
struct ThrottleLaw {
  double limit = 0, hard = 0, shutdown = 0, recovery = 0;
  double least = 0;  // lowest clock over the highest
  bool on = false;
};

// Of the highest clock in a second, assumed: steps of some per cent every second or less.
inline constexpr double throttle_rate = 0.05;
inline constexpr double hard_ceiling = 0.5;  // DCGM: hardware slowdown by a factor of 2 or more
inline constexpr sim::Time restart_after = 5 * sim::minute;  // assumed: boot and load

struct ThrottleState {
  double ceiling = 1;  // highest clock allowed over the highest
  bool hard = false;
  bool off = false;
  sim::Time cool_since = -1;  // while off
};
template <sim::Describes<ThrottleState> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("ceiling", self.ceiling, About{.text = "Highest clock allowed, as a share of the highest"});
  visit("hard", self.hard, About{.text = "Clocks are halved"});
  visit("off", self.off, About{.text = "Switched off for its heat"});
  visit("cool_since", self.cool_since, About{.text = "While off: cool since then, ns"});
}

/// After `seconds` that ended with the junction at `degc`. Says whether anything changed.
inline bool throttle_turn(const ThrottleLaw& law, double degc, double seconds, sim::Time now,
                          ThrottleState& state) {
  if (!law.on) return false;
  const ThrottleState before = state;
  const bool cool = degc <= law.recovery;
  if (degc >= law.shutdown) state.off = true;
  if (state.off) {
    if (!cool)
      state.cool_since = -1;
    else if (state.cool_since < 0)
      state.cool_since = now;
    else if (now - state.cool_since >= restart_after)
      state = {};
    return state.off != before.off;
  }
  if (degc >= law.hard) state.hard = true;
  if (cool) state.hard = false;
  double soft = state.ceiling;
  if (degc >= law.limit) soft -= throttle_rate * seconds;
  if (cool) soft += throttle_rate * seconds;
  state.ceiling = std::clamp(soft, law.least, 1.0);
  if (state.hard) state.ceiling = std::min(state.ceiling, std::max(hard_ceiling, law.least));
  return state.ceiling != before.ceiling || state.hard != before.hard;
}

}  // namespace mw::models
