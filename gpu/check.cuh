#pragma once
#include <cuda_runtime.h>

#include <stdexcept>
#include <string>

namespace mw::gpu {

/// Errors of the device end the run: there is nothing a step could do about them.
inline void check(cudaError_t e, const std::string& what) {
  if (e != cudaSuccess)
    throw std::runtime_error("the CUDA device could not " + what + ": " + cudaGetErrorString(e));
}

}  // namespace mw::gpu
