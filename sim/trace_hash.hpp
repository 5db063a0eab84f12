#pragma once
// A running fingerprint of what happened. Two runs with equal hashes went through the same
// semantic transitions (admitted, first token, completed, limit effective, tripped ...) at the same
// nanoseconds in the same order.
#include <cstdint>
#include <span>

#include "sim/describe.hpp"
#include "sim/host_device.hpp"
#include "sim/time.hpp"

namespace mw::sim {

struct TraceHash {
  std::uint64_t value = 0x6a09e667f3bcc908ull;  // fractional bits of sqrt(2): any non-zero start

  /// Folds one transition: kind `what` of `entity` at `t`; `detail` is whatever tells two such
  /// transitions apart (a size, a level).
  MW_HD void fold(Time t, std::uint32_t what, std::uint64_t entity, std::uint64_t detail) {
    word(static_cast<std::uint64_t>(t));
    word(what);
    word(entity);
    word(detail);
  }
  bool operator==(const TraceHash&) const = default;

  /// For a fixed state a bijection of the word and for a fixed word a bijection of the state, so a
  /// single difference is never lost, and order counts.
  MW_HD void word(std::uint64_t w) {
    value = (value ^ w) * 0x9e3779b97f4a7c15ull;  // 2^64 / golden ratio, odd
    value ^= value >> 32;
  }
};

template <Describes<TraceHash> Self>
void describe(Self& self, auto&& visit) {
  visit("value", self.value, About{.text = "Fingerprint of the transitions so far"});
}

/// One hash of several, in their order (partitions in partition order).
inline TraceHash combine(std::span<const TraceHash> parts) {
  TraceHash whole;
  for (const TraceHash& part : parts) whole.word(part.value);
  return whole;
}

}  // namespace mw::sim
