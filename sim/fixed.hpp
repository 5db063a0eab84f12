#pragma once
// Exact integer arithmetic for fixed-point times and energies.
#include <cstdint>

#include "sim/host_device.hpp"

namespace mw::sim {

__extension__ typedef __int128 Int128;  // gcc, clang and nvcc have it; ISO C++ has no name for it

/// floor(a * b / c) with the product in 128 bits. c must not be 0, the result must fit 64 bits.
MW_HD constexpr std::int64_t mul_div_floor(std::int64_t a, std::int64_t b, std::int64_t c) {
  // A quotient below 2^50 is known to less than one from doubles (three roundings of 2^-53); the
  // remainder, modulo 2^64, tells which integer it is. Cheaper than a division in 128 bits.
  if (a >= 0 && b >= 0 && c > 0 && c < (std::int64_t{1} << 61)) {
    const double estimate =
        static_cast<double>(a) * static_cast<double>(b) / static_cast<double>(c);
    if (estimate < 0x1p50) {
      auto quotient = static_cast<std::int64_t>(estimate);
      auto rest = static_cast<std::int64_t>(
          static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b) -
          static_cast<std::uint64_t>(quotient) * static_cast<std::uint64_t>(c));
      for (; rest < 0; rest += c) --quotient;
      for (; rest >= c; rest -= c) ++quotient;
      return quotient;
    }
  }
  const Int128 product = static_cast<Int128>(a) * b;
  Int128 quotient = product / c;
  if (product % c != 0 && (product < 0) != (c < 0)) --quotient;
  return static_cast<std::int64_t>(quotient);
}

/// floor(a / b); b must not be 0. (C++ division truncates towards zero.)
MW_HD constexpr std::int64_t div_floor(std::int64_t a, std::int64_t b) {
  const std::int64_t quotient = a / b;
  return a % b != 0 && (a < 0) != (b < 0) ? quotient - 1 : quotient;
}

}  // namespace mw::sim
