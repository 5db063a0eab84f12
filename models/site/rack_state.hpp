#pragma once
#include <cstdint>
#include <span>

#include "sim/describe.hpp"

namespace mw::models {

/// Why a rack is off. Causes come and go by themselves; a rack is on when none is left.
enum class OffCause { power, heat, fault };
inline std::span<const char* const> enum_names(OffCause) {
  static constexpr const char* names[] = {"power", "heat", "fault"};
  return names;
}

/// What was done to a rack from outside its work: nothing that is off draws or computes.
struct RackState {
  std::uint32_t off = 0;  // one bit for each OffCause

  bool on() const { return off == 0; }
  bool off_for(OffCause cause) const { return (off & bit(cause)) != 0; }
  /// Says whether this turned the rack on or off.
  bool set(OffCause cause, bool is_off) {
    const bool before = on();
    off = is_off ? off | bit(cause) : off & ~bit(cause);
    return on() != before;
  }

 private:
  static constexpr std::uint32_t bit(OffCause cause) {
    return std::uint32_t{1} << static_cast<std::uint32_t>(cause);
  }
};
template <sim::Describes<RackState> Self>
void describe(Self& self, auto&& visit) {
  visit("off", self.off, sim::About{.text = "Why the rack is off: one bit for each cause"});
}

}  // namespace mw::models
