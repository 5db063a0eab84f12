#pragma once
// Sums and extremes that many lanes add to at once. All are of integers, so their order cannot be
// seen in them. On the host one thread owns what it adds to, and these are plain operations.
#include <cstdint>

#include "sim/host_device.hpp"

namespace mw::gpu {

MW_HD inline void add_to(std::int64_t& sum, std::int64_t n) {
#if defined(__CUDA_ARCH__)
  atomicAdd(reinterpret_cast<unsigned long long*>(&sum), static_cast<unsigned long long>(n));
#else
  sum += n;
#endif
}

MW_HD inline void raise_to(std::int64_t& most, std::int64_t n) {
#if defined(__CUDA_ARCH__)
  // A look first: once an extreme has settled, hardly anything goes beyond it.
  if (n > *static_cast<volatile std::int64_t*>(&most))
    atomicMax(reinterpret_cast<long long*>(&most), static_cast<long long>(n));
#else
  if (n > most) most = n;
#endif
}

}  // namespace mw::gpu
