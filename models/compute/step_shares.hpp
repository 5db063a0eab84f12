#pragma once
#include <array>
#include <cstddef>
#include <span>

namespace mw::models {

/// What an iteration waits for. `software`: kernel gaps and the sampler; `host`: the engine's own
/// processor; `power`: time that a lower clock adds, a level's or the power manager's.
enum class Bound { memory, compute, link, software, host, power };
inline std::span<const char* const> enum_names(Bound) {
  static constexpr const char* names[] = {"memory", "compute", "link", "software", "host", "power"};
  return names;
}

/// An iteration's time and energy told apart by cause; see docs/models/compute.md.
struct StepShares {
  static constexpr std::size_t causes = 6;
  double time = 0;                             // s, as step_value says
  double energy = 0;                           // J, the same
  std::array<double, causes> time_shares{};    // by Bound; they sum to 1
  std::array<double, causes> energy_shares{};  // by Bound; they sum to 1
  double static_share = 0;      // of the energy: what the GPUs would draw idle (part of the above)
  double demand = 0;            // power that the work asks for, over the ceiling
  Bound bound = Bound::memory;  // the regime: the largest share of time

  double time_share(Bound b) const { return time_shares[static_cast<std::size_t>(b)]; }
  double energy_share(Bound b) const { return energy_shares[static_cast<std::size_t>(b)]; }
  /// The power manager holds the average below what the work asks for.
  bool at_ceiling() const { return demand >= 1; }
  /// A ceiling or a cap (a lower clock level) binds.
  bool power_limited() const { return at_ceiling() || time_share(Bound::power) > 0; }
};

}  // namespace mw::models
