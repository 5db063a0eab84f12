#pragma once
#include <span>

namespace mw::models {

/// How many paths or modules stand ready beyond what the load needs.
enum class Redundancy { n, n_plus_1, two_n };
inline std::span<const char* const> enum_names(Redundancy) {
  static constexpr const char* names[] = {"n", "n_plus_1", "two_n"};
  return names;
}

/// Installed rating over the rating that the load needs, with `modules` needed (an N+1 set has one
/// more). All installed modules share the load, so this is also the inverse of their loading.
double installed_over_needed(Redundancy redundancy, int modules);

/// Chance that at least `needed` of `installed` independent modules work, each with `availability`:
/// sum over i >= needed of C(installed, i) a^i (1-a)^(installed-i).
double availability_of(int needed, int installed, double availability);

}  // namespace mw::models
