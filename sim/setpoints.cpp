#include "sim/setpoints.hpp"

#include <algorithm>
#include <cmath>

#include "sim/invariant.hpp"

namespace mw::sim {
namespace {
double ramped(double from, double target, double ramp, Time duration) {
  const double reach = ramp * to_seconds(duration);
  // An unlimited ramp over no time is infinity * 0: not a number, and then `at once` is meant.
  if (!(std::fabs(target - from) > reach)) return target;
  return target > from ? from + reach : from - reach;
}
Refusal judge(const SetPointState& state, const SetPointParameters& p, double value) {
  if (value != value) return Refusal::not_a_number;
  if (state.locked) return Refusal::locked;
  if (value < p.min) return Refusal::below_range;
  if (value > p.max) return Refusal::above_range;
  return Refusal::none;
}
}  // namespace

SetPointState initial_set_point(double value) {
  SetPointState state;
  state.requested = state.target = state.effective = value;
  return state;
}

Refusal request(SetPointState& state, const SetPointParameters& p, Time t, double value) {
  advance(state, p, t);
  state.requested = value;
  state.refusal = judge(state, p, value);
  if (state.refusal != Refusal::none) {
    ++state.refusals;
    return state.refusal;
  }
  double rounded = value;
  if (p.quantum > 0) {
    rounded = std::floor(value / p.quantum + 0.5) * p.quantum;
    if (rounded > p.max) rounded -= p.quantum;
    if (rounded < p.min) rounded += p.quantum;
    if (rounded > p.max) rounded = p.max;  // the range is narrower than a step
  }
  const Time from = t + from_seconds(p.latency.value);
  if (from <= t) {
    state.target = rounded;
    if (p.ramp == std::numeric_limits<double>::infinity()) state.effective = rounded;
  } else {
    state.pending.push_back({from, rounded});
  }
  return Refusal::none;
}

int advance(SetPointState& state, const SetPointParameters& p, Time t) {
  MW_INVARIANT(t >= state.now, "a set-point goes back in time");
  auto next = state.pending.begin();
  for (; next != state.pending.end() && next->effective_from <= t; ++next) {
    state.effective =
        ramped(state.effective, state.target, p.ramp, next->effective_from - state.now);
    state.now = next->effective_from;
    state.target = next->value;
  }
  const int acted = static_cast<int>(next - state.pending.begin());
  state.pending.erase(state.pending.begin(), next);
  state.effective = ramped(state.effective, state.target, p.ramp, t - state.now);
  state.now = t;
  return acted;
}

double effective_at(const SetPointState& state, const SetPointParameters& p, Time t) {
  double effective = state.effective, target = state.target;
  Time now = state.now;
  for (const PendingRequest& next : state.pending) {
    if (next.effective_from > t) break;
    effective = ramped(effective, target, p.ramp, next.effective_from - now);
    now = next.effective_from;
    target = next.value;
  }
  return ramped(effective, target, p.ramp, t - now);
}

}  // namespace mw::sim
