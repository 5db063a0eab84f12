#pragma once
// A tile is a few lanes that step one thing together: on a device a part of a warp, on the host a
// loop. A step is written in phases: `each` runs all of its indices before the next phase begins,
// so the host may visit them in any order, and a test that does sees what lanes side by side could
// do.
#include <cstdint>

#include "sim/host_device.hpp"

namespace mw::gpu {

/// Which of several is least; equal ones by rank, the lower first.
struct Least {
  std::int64_t value;
  std::int32_t rank, index;
  MW_HD bool before(const Least& o) const {
    return value < o.value || (value == o.value && rank < o.rank);
  }
};

/// The lanes of a tile one after another, forwards or backwards.
struct HostTile {
  int width = 1;
  bool backwards = false;

  template <class Phase>
  void each(int n, Phase&& phase) const {
    for (int k = 0; k < width; ++k) {
      for (int i = backwards ? width - 1 - k : k; i < n; i += width) phase(i);
    }
  }
  template <class Phase>
  void once(Phase&& phase) const {
    phase();
  }
  /// By the lane that has index i in `each`.
  template <class Phase>
  void at(int, Phase&& phase) const {
    phase();
  }
  /// The first of the n least: `least(i)` tells value and rank of i.
  template <class Of>
  std::int32_t least(int n, Of&& least) const {
    Least found = least(0);
    for (int i = 1; i < n; ++i) {
      const Least other = least(i);
      if (other.before(found)) found = other;
    }
    return found.index;
  }
};

#if defined(__CUDACC__)
/// `width` neighbouring lanes of a warp; a power of two up to 32.
struct WarpTile {
  int width, lane;
  unsigned mask;

  __device__ explicit WarpTile(int lanes)
      : width(lanes), lane(static_cast<int>(threadIdx.x) & (lanes - 1)) {
    const int first = static_cast<int>(threadIdx.x) & 31 & ~(lanes - 1);
    mask = (lanes == 32 ? ~0u : (1u << lanes) - 1) << first;
  }
  template <class Phase>
  __device__ void each(int n, Phase&& phase) const {
    for (int i = lane; i < n; i += width) phase(i);
    __syncwarp(mask);
  }
  template <class Phase>
  __device__ void once(Phase&& phase) const {
    if (lane == 0) phase();
    __syncwarp(mask);
  }
  template <class Phase>
  __device__ void at(int i, Phase&& phase) const {
    if (lane == (i & (width - 1))) phase();
    __syncwarp(mask);
  }
  template <class Of>
  __device__ std::int32_t least(int n, Of&& least) const {
    Least found = least(lane < n ? lane : 0);
    for (int i = lane + width; i < n; i += width) {
      const Least other = least(i);
      if (other.before(found)) found = other;
    }
    for (int apart = width / 2; apart > 0; apart /= 2) {
      const Least other{__shfl_xor_sync(mask, static_cast<long long>(found.value), apart),
                        __shfl_xor_sync(mask, found.rank, apart),
                        __shfl_xor_sync(mask, found.index, apart)};
      if (other.before(found)) found = other;
    }
    return found.index;
  }
};
#endif

}  // namespace mw::gpu
