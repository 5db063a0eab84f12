#pragma once
#include <cstdint>
#include <span>

#include "models/inference/outage.hpp"
#include "sim/describe.hpp"

namespace mw::models {

/// Why a rack is off. Causes come and go by themselves; a rack is on when none is left.
enum class OffCause { power, heat, fault };
inline std::span<const char* const> enum_names(OffCause) {
  static constexpr const char* names[] = {"power", "heat", "fault"};
  return names;
}

/// What was done to a rack from outside its work: nothing that is off draws or computes, and no GPU
/// runs above the clock ceiling. In force from the next epoch's start on (availability.hpp).
struct RackState {
  std::uint32_t off = 0;     // one bit for each OffCause
  double clock_ceiling = 1;  // over the highest clock of its GPUs

  bool on() const { return off == 0; }
  bool undisturbed() const { return on() && clock_ceiling >= 1; }
  bool off_for(OffCause cause) const { return (off & bit(cause)) != 0; }
  /// Says whether this turned the rack on or off.
  bool set(OffCause cause, bool is_off) {
    const bool before = on();
    off = is_off ? off | bit(cause) : off & ~bit(cause);
    return on() != before;
  }
  /// What late tokens are booked on: a fault before heat, heat before want of power.
  Outage outage() const {
    if (off_for(OffCause::fault)) return Outage::failure;
    if (off_for(OffCause::heat)) return Outage::heat;
    return on() ? Outage::none : Outage::grid;
  }

 private:
  static constexpr std::uint32_t bit(OffCause cause) {
    return std::uint32_t{1} << static_cast<std::uint32_t>(cause);
  }
};
template <sim::Describes<RackState> Self>
void describe(Self& self, auto&& visit) {
  visit("off", self.off, sim::About{.text = "Why the rack is off: one bit for each cause"});
  visit("clock_ceiling", self.clock_ceiling,
        sim::About{.text = "Highest clock allowed, over the highest there is", .min = 0});
}

}  // namespace mw::models
