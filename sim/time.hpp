#pragma once
#include <cstdint>

#include "sim/host_device.hpp"

namespace mw::sim {

/// Simulated time: whole nanoseconds since the start of the run (292 years of range).
/// Integers, so that equality is exact and windows do not drift.
using Time = std::int64_t;

inline constexpr Time nanosecond = 1;
inline constexpr Time microsecond = 1'000;
inline constexpr Time millisecond = 1'000'000;
inline constexpr Time second = 1'000'000'000;
inline constexpr Time minute = 60 * second;
inline constexpr Time hour = 60 * minute;
inline constexpr Time day = 24 * hour;
inline constexpr Time never = INT64_MAX;

/// `seconds` to the nearest nanosecond; |seconds| < 9.2e9.
MW_HD constexpr Time from_seconds(double seconds) {
  const double ns = seconds * 1e9;
  return static_cast<Time>(ns < 0 ? ns - 0.5 : ns + 0.5);
}
MW_HD constexpr double to_seconds(Time t) {
  return static_cast<double>(t) * 1e-9;
}

/// A moment finer than the clock's nanosecond: serving iterations last picoseconds-exact times, so
/// that n of them are one integer product. 0 <= ps < 1000.
struct FineTime {
  Time ns = 0;
  std::int32_t ps = 0;
  MW_HD constexpr FineTime plus_ps(std::int64_t duration_ps) const {
    const std::int64_t total = ps + duration_ps;
    std::int64_t whole = total / 1000;
    std::int64_t rest = total % 1000;
    if (rest < 0) {
      rest += 1000;
      --whole;
    }
    return {ns + whole, static_cast<std::int32_t>(rest)};
  }
  /// The first whole nanosecond at or after this moment.
  MW_HD constexpr Time ceil() const { return ns + (ps > 0 ? 1 : 0); }
  MW_HD constexpr bool operator==(const FineTime& o) const { return ns == o.ns && ps == o.ps; }
  MW_HD constexpr bool operator<(const FineTime& o) const {
    return ns < o.ns || (ns == o.ns && ps < o.ps);
  }
  MW_HD constexpr bool operator<=(const FineTime& o) const { return !(o < *this); }
};

MW_HD constexpr double to_seconds(FineTime t) {
  return to_seconds(t.ns) + 1e-12 * static_cast<double>(t.ps);
}

/// Picoseconds from `from` to `to`; valid below 106 days.
MW_HD constexpr std::int64_t ps_between(FineTime from, FineTime to) {
  return (to.ns - from.ns) * 1000 + (to.ps - from.ps);
}

}  // namespace mw::sim
