#pragma once
#include <span>

namespace mw::models {

/// How many paths, modules or blocks stand ready beyond what the load needs.
enum class Redundancy { n, n_plus_1, two_n, distributed, reserve };
inline std::span<const char* const> enum_names(Redundancy) {
  static constexpr const char* names[] = {"n", "n_plus_1", "two_n", "distributed", "reserve"};
  return names;
}

/// Installed over needed rating of the modules that share the load, with `modules` needed: the
/// inverse of their loading. A reserve block stands beside them without load.
double sharing_over_needed(Redundancy redundancy, int modules);

/// Share of what is installed that may be used: 1 for n, m/(m+1) for one module or block more, 1/2
/// for two paths.
double usable_share(Redundancy redundancy, int modules);

/// Chance that at least `needed` of `installed` independent modules work, each with `availability`:
/// sum over i >= needed of C(installed, i) a^i (1-a)^(installed-i).
double availability_of(int needed, int installed, double availability);

}  // namespace mw::models
