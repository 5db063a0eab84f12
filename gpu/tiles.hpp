#pragma once
// Steps `body(tile, i)` for every i below count, each by a tile of `width` lanes: on a device many
// at a time, on the host one after another. Device code includes this from a `.cu` file.
#include "gpu/tile.hpp"

#if defined(__CUDACC__)
#include "gpu/check.cuh"
#endif

namespace mw::gpu {

template <class Body>
void each_tile(const Body& body, int count, HostTile tile) {
  for (int i = 0; i < count; ++i) body(tile, i);
}

#if defined(__CUDACC__)
inline constexpr int lanes_of_a_block = 64;

template <class Body>
__global__ void __launch_bounds__(lanes_of_a_block) step_tiles(Body body, int count, int width) {
  const long long lane = blockIdx.x * static_cast<long long>(blockDim.x) + threadIdx.x;
  const long long i = lane / width;
  if (i < count) body(WarpTile(width), static_cast<int>(i));
}

/// Returns once all are done.
template <class Body>
void each_tile_on_device(const Body& body, int count, int width) {
  if (count == 0) return;
  const long long lanes = static_cast<long long>(count) * width;
  const auto blocks = static_cast<unsigned>((lanes + lanes_of_a_block - 1) / lanes_of_a_block);
  step_tiles<<<blocks, lanes_of_a_block>>>(body, count, width);
  check(cudaGetLastError(), "start the steps");
  check(cudaDeviceSynchronize(), "finish the steps");
}
#endif

}  // namespace mw::gpu
