#pragma once
// What controllers write. A set-point takes a request the way a device does: refuses what is out of
// range, rounds to its steps, acts late, and moves no faster than it can.
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sim/describe.hpp"
#include "sim/quantity.hpp"
#include "sim/time.hpp"

namespace mw::sim {

enum class Refusal { none, not_a_number, below_range, above_range, locked };
inline std::span<const char* const> enum_names(Refusal) {
  static constexpr const char* names[] = {"none", "not_a_number", "below_range", "above_range",
                                          "locked"};
  return names;
}

struct SetPointParameters {
  std::string object = {};    // "gpu/a-03/17"
  std::string quantity = {};  // "power_limit"
  std::string unit = {};
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
  double quantum = 0;
  Seconds latency{0};
  double ramp = std::numeric_limits<double>::infinity();
};
template <Describes<SetPointParameters> Self>
void describe(Self& self, auto&& visit) {
  visit("object", self.object, About{.text = "What is set: gpu/a-03/17", .required = true});
  visit("quantity", self.quantity, About{.text = "Which of its quantities", .required = true});
  visit("unit", self.unit, About{.text = "Unit of the values", .required = true});
  visit("min", self.min, About{.text = "Lowest value accepted, in the set-point's unit"});
  visit("max", self.max, About{.text = "Highest value accepted, in the set-point's unit"});
  visit("quantum", self.quantum,
        About{.text = "Requests are rounded to the nearest multiple of this, kept inside the range",
              .min = 0});
  visit("latency", self.latency, About{.text = "From request to effect", .min = 0});
  visit("ramp", self.ramp,
        About{.text = "Fastest change, in the set-point's unit per second", .min = 0});
}

/// A request on its way.
struct PendingRequest {
  Time effective_from = 0;
  double value = 0;
};
template <Describes<PendingRequest> Self>
void describe(Self& self, auto&& visit) {
  visit("effective_from", self.effective_from, About{.text = "When it starts to act"});
  visit("value", self.value, About{.text = "Rounded value"});
}

struct SetPointState {
  double requested = 0;  // as last asked for, refused or not
  double target = 0;     // what the device steers to
  double effective = 0;  // what holds at `now`
  Time now = 0;
  std::vector<PendingRequest> pending;  // in the order they will act
  bool locked = false;                  // local control: every request is refused
  Refusal refusal = Refusal::none;      // of the last request
  std::int64_t refusals = 0;            // ever
};
template <Describes<SetPointState> Self>
void describe(Self& self, auto&& visit) {
  visit("requested", self.requested, About{.text = "Last value asked for"});
  visit("target", self.target, About{.text = "Value the device steers to"});
  visit("effective", self.effective, About{.text = "Value that holds now"});
  visit("now", self.now, About{.text = "Moment of the effective value"});
  visit("pending", self.pending, About{.text = "Accepted requests that do not act yet"});
  visit("locked", self.locked, About{.text = "Under local control"});
  visit("refusal", self.refusal, About{.text = "Why the last request was refused"});
  visit("refusals", self.refusals, About{.text = "Requests refused so far"});
}

/// A set-point that has held `value` since the start.
SetPointState initial_set_point(double value);

/// Asks for `value` at t >= state.now. A refused request changes nothing but the record of it.
Refusal request(SetPointState& state, const SetPointParameters& p, Time t, double value);

/// Moves to t; returns how many pending requests came into effect on the way.
int advance(SetPointState& state, const SetPointParameters& p, Time t);

/// The effective value at t >= state.now, if nothing more is asked for.
double effective_at(const SetPointState& state, const SetPointParameters& p, Time t);

/// When the next accepted request starts to act; `never` without one.
inline Time next_effect(const SetPointState& state) {
  return state.pending.empty() ? never : state.pending.front().effective_from;
}

}  // namespace mw::sim
