#pragma once
// Counter-based random numbers: a draw is a pure function of (seed, entity, stream, index), so it
// does not matter which thread asks, in which order, or on which side of a checkpoint.
// Philox4x32-10: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC'11.
#include <Random123/philox.h>

#include <cstdint>

#include "sim/host_device.hpp"
#include "sim/portable_math.hpp"

namespace mw::sim {

/// Who draws, and what for. Give every purpose of an entity its own stream.
struct Stream {
  std::uint64_t seed;
  std::uint32_t entity;
  std::uint32_t stream;

  bool operator==(const Stream&) const = default;
};

struct Bits {
  std::uint64_t first, second;
};

/// 128 random bits. Indices stay below 2^56: the top byte numbers the retries of draws that reject.
MW_HD inline Bits bits(Stream s, std::uint64_t index) {
  const philox4x32_ctr_t counter{{static_cast<std::uint32_t>(index),
                                  static_cast<std::uint32_t>(index >> 32), s.stream, s.entity}};
  const philox4x32_key_t key{
      {static_cast<std::uint32_t>(s.seed), static_cast<std::uint32_t>(s.seed >> 32)}};
  const philox4x32_ctr_t r = philox4x32(counter, key);
  return {r.v[0] | static_cast<std::uint64_t>(r.v[1]) << 32,
          r.v[2] | static_cast<std::uint64_t>(r.v[3]) << 32};
}

/// The middle of one of 2^52 equal cells of (0, 1): never 0, never 1.
MW_HD inline double unit_interval(std::uint64_t random_bits) {
  return (static_cast<double>(random_bits >> 12) + 0.5) * 0x1p-52;
}

MW_HD inline double uniform(Stream s, std::uint64_t index) {
  return unit_interval(bits(s, index).first);
}

/// Mean 1.
MW_HD inline double exponential(Stream s, std::uint64_t index) {
  return -portable::log(uniform(s, index));
}

/// Mean 0, variance 1. By inversion: monotone in the uniform draw, which common random numbers
/// across design points need.
MW_HD inline double normal(Stream s, std::uint64_t index) {
  return portable::normal_quantile(uniform(s, index));
}

/// Gamma with the given shape > 0 and scale 1, so its mean is `shape` (CV = 1 / sqrt(shape)).
/// Marsaglia and Tsang, "A simple method for generating gamma variables", ACM TOMS 26 (2000) 363;
/// below shape 1 by their boost with a uniform to the power 1 / shape.
MW_HD inline double gamma(Stream s, std::uint64_t index, double shape) {
  const double d = (shape < 1 ? shape + 1 : shape) - 1.0 / 3;
  const double c = 1 / std::sqrt(9 * d);
  double value = d;
  // Each try succeeds with more than 95 % chance, so the bound of 255 is never met in practice.
  for (std::uint64_t attempt = 0; attempt < 255; ++attempt) {
    const Bits b = bits(s, index | attempt << 56);
    const double x = portable::normal_quantile(unit_interval(b.first));
    const double cube_root = 1 + c * x;
    if (cube_root <= 0) continue;
    const double v = cube_root * cube_root * cube_root;
    const double u = unit_interval(b.second);
    // Their squeeze: implies what follows, and nearly always spares its logarithms. Shortened by
    // more than what follows can be off by for any d below 1e9, so that both always say the same.
    constexpr double rounding = 1e-6;
    if (u < 1 - 0.0331 * (x * x) * (x * x) - rounding ||
        portable::log(u) < 0.5 * x * x + d - d * v + d * portable::log(v)) {
      value = d * v;
      break;
    }
  }
  if (shape >= 1) return value;
  const double u = unit_interval(bits(s, index | 255ull << 56).first);
  return value * portable::pow(u, 1 / shape);
}

}  // namespace mw::sim
