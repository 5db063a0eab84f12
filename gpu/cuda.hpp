#pragma once
#include <string>

namespace mw::gpu {

/// Whether this build has code for CUDA devices: then the programs of `.cu` files are linked.
#if defined(MILLWRIGHT_CUDA)
inline constexpr bool built_with_cuda = true;
#else
inline constexpr bool built_with_cuda = false;
#endif

/// Why nothing can run on a CUDA device; empty if it can.
std::string cuda_missing();

}  // namespace mw::gpu
