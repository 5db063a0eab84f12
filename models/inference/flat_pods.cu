#include "gpu/tiles.hpp"
#include "models/inference/flat_pod.hpp"

namespace mw::models {

void advance_on_cuda(const AdvanceFlatPods& body, int count, int width) {
  gpu::each_tile_on_device(body, count, width);
}

}  // namespace mw::models
