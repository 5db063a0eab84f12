#pragma once
#include <cmath>
#include <cstdint>

#include "sim/describe.hpp"

namespace mw::models {

/// An energy that adds without rounding: whole joules and the nanojoules beyond them. Ledgers of a
/// gigawatt for a century fit, and sums do not depend on the order in which they are made.
struct ExactEnergy {
  std::int64_t joules = 0;
  std::int64_t nanojoules = 0;  // 0 <= nanojoules < 1e9

  static constexpr std::int64_t per_joule = 1'000'000'000;

  static constexpr ExactEnergy of_nj(std::int64_t nj) {
    ExactEnergy e{nj / per_joule, nj % per_joule};
    if (e.nanojoules < 0) {
      e.nanojoules += per_joule;
      --e.joules;
    }
    return e;
  }
  /// `joules` to the nearest nanojoule below 9e6 J, and to a double's precision above.
  static ExactEnergy of_joules(double joules) {
    const double whole = std::floor(joules);
    ExactEnergy e{static_cast<std::int64_t>(whole), 0};
    e += of_nj(std::llround((joules - whole) * 1e9));
    return e;
  }
  constexpr ExactEnergy& operator+=(ExactEnergy o) {
    joules += o.joules;
    nanojoules += o.nanojoules;
    if (nanojoules >= per_joule) {
      nanojoules -= per_joule;
      ++joules;
    }
    return *this;
  }
  constexpr ExactEnergy& operator-=(ExactEnergy o) {
    joules -= o.joules;
    nanojoules -= o.nanojoules;
    if (nanojoules < 0) {
      nanojoules += per_joule;
      --joules;
    }
    return *this;
  }
  constexpr bool operator==(const ExactEnergy&) const = default;
  double value() const {
    return static_cast<double>(joules) + static_cast<double>(nanojoules) * 1e-9;
  }
};

template <sim::Describes<ExactEnergy> Self>
void describe(Self& self, auto&& visit) {
  visit("joules", self.joules, sim::About{.text = "Whole joules"});
  visit("nanojoules", self.nanojoules, sim::About{.text = "Nanojoules beyond them", .min = 0});
}

}  // namespace mw::models
