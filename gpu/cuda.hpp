#pragma once
#include <string>

namespace mw::gpu {

/// Whether this build has code for CUDA devices: then the programs of `.cu` files are linked.
bool built_with_cuda();

/// Why nothing can run on a CUDA device; empty if it can.
std::string cuda_missing();

}  // namespace mw::gpu
