#pragma once
#include <cstdint>
#include <span>

#include "models/inference/outage.hpp"
#include "sim/describe.hpp"
#include "sim/time.hpp"

namespace mw::models {

/// Why a rack is off. Causes come and go by themselves; a rack is on when none is left. The last
/// two are controllers': switched off for want of power, or taken out of service
/// (rack_switches.hpp).
enum class OffCause { power, heat, fault, shed, parked };
inline std::span<const char* const> enum_names(OffCause) {
  static constexpr const char* names[] = {"power", "heat", "fault", "shed", "parked"};
  return names;
}

/// What was done to a rack from outside its work: nothing that is off draws or computes, and no GPU
/// runs above the clock ceiling. In force from the next epoch's start on (availability.hpp).
struct RackState {
  std::uint32_t off = 0;     // one bit for each OffCause
  sim::Time wakes = -1;      // switched on by its controllers, it works from then on; -1: it is not
  double clock_ceiling = 1;  // over the highest clock of its GPUs

  bool on() const { return off == 0; }
  /// It draws power: it is on, or starts up.
  bool powered() const { return on() || (wakes >= 0 && (off & ~by_controllers) == 0); }
  bool undisturbed() const { return on() && clock_ceiling >= 1; }
  bool off_for(OffCause cause) const { return (off & bit(cause)) != 0; }
  /// Says whether this turned the rack on or off.
  bool set(OffCause cause, bool is_off) {
    const bool before = on();
    off = is_off ? off | bit(cause) : off & ~bit(cause);
    return on() != before;
  }
  /// What late tokens are booked on: a fault before heat, heat before a lack of voltage, that
  /// before what controllers do.
  Outage outage() const {
    if (off_for(OffCause::fault)) return Outage::failure;
    if (off_for(OffCause::heat)) return Outage::heat;
    if (off_for(OffCause::power)) return Outage::grid;
    if (off_for(OffCause::shed)) return Outage::shed;
    return on() ? Outage::none : Outage::parked;
  }

 private:
  static constexpr std::uint32_t bit(OffCause cause) {
    return std::uint32_t{1} << static_cast<std::uint32_t>(cause);
  }
  static constexpr std::uint32_t by_controllers = 1u << 3 | 1u << 4;
};
template <sim::Describes<RackState> Self>
void describe(Self& self, auto&& visit) {
  visit("off", self.off, sim::About{.text = "Why the rack is off: one bit for each cause"});
  visit("wakes", self.wakes, sim::About{.text = "When it works again after its start, ns; or -1"});
  visit("clock_ceiling", self.clock_ceiling,
        sim::About{.text = "Highest clock allowed, over the highest there is", .min = 0});
}

}  // namespace mw::models
