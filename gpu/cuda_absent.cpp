// What stands in for cuda.cu where the build has no CUDA.
#include "gpu/cuda.hpp"
#include "gpu/space.hpp"
#include "sim/invariant.hpp"

namespace mw::gpu {

bool built_with_cuda() {
  return false;
}

std::string cuda_missing() {
  return "this build has no CUDA backend (configure with -DMILLWRIGHT_CUDA=ON)";
}

std::unique_ptr<Space> cuda_space() {
  MW_INVARIANT(false, "a CUDA device is asked for in a build without CUDA");
  return nullptr;
}

}  // namespace mw::gpu
