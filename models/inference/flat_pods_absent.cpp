// What stands in for flat_pods.cu where the build has no CUDA: there is then no space to call it
// for.
#include "models/inference/flat_pod.hpp"
#include "sim/invariant.hpp"

namespace mw::models {

void advance_on_cuda(const AdvanceFlatPods&, int, int) {
  MW_INVARIANT(false, "pods are to advance on a device in a build without CUDA");
}

}  // namespace mw::models
