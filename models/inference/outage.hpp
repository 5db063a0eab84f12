#pragma once
#include <cstdint>
#include <span>

#include "sim/host_device.hpp"

// What replicas suffer beside their load: switched off, or held below a clock. A replica finds both
// in its set-points, as it does its power limit.
namespace mw::models {

/// Why something is switched off; `none`: it is on. Late tokens are booked on it, but for `parked`:
/// who is taken out of service works off what it has first.
enum class Outage : std::uint8_t { none, failure, grid, heat, shed, parked };
inline std::span<const char* const> enum_names(Outage) {
  static constexpr const char* names[] = {"none", "failure", "grid", "heat", "shed", "parked"};
  return names;
}

/// What a request remembers until it completes, in one word: how many iterations of its replica a
/// power limit and heat had slowed when it was admitted, each modulo 2^30 (no request lives as long
/// as that), and above them the outage that threw it back, if any.
struct Marks {
  static constexpr std::int64_t capped = (std::int64_t{1} << 30) - 1, heated = capped << 30;
  static constexpr int outage_shift = 60;
};
MW_HD constexpr std::int64_t slowed_so_far(std::int64_t capped, std::int64_t heated) {
  return (capped & Marks::capped) | ((heated & Marks::capped) << 30);
}
MW_HD constexpr std::int64_t mark_of(Outage outage) {
  return static_cast<std::int64_t>(outage) << Marks::outage_shift;
}
MW_HD constexpr Outage outage_of(std::int64_t marks) {
  return static_cast<Outage>(marks >> Marks::outage_shift);
}

}  // namespace mw::models
