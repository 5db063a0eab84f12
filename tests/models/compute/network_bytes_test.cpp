#include <doctest/doctest.h>

#include "models/compute/pipeline.hpp"

using namespace mw::models;

namespace {

GpuParameters gpu() {
  GpuParameters g;
  g.link_bandwidth.value = {450e9};
  g.scale_out_bandwidth.value = {50e9};
  return g;
}
LlmParameters dense() {
  LlmParameters llm;
  llm.layers = 10;
  llm.hidden = 4096;
  return llm;
}

}  // namespace

// Nothing crosses the network inside one link domain. Two stages in a domain each hand a token's
// hidden vector (BF16) over once. Tensor parallelism over m domains reduces two vectors a layer,
// each with 2 (m - 1) vectors over the network.
TEST_CASE("bytes of a token between link domains") {
  const StackParameters stack;
  const double vector = 2 * 4096;
  ReplicaShape shape{.gpus = 8, .tp = 8};
  CHECK(network_bytes_per_token(gpu(), dense(), stack, shape) == 0);
  shape = {.gpus = 16, .tp = 8, .pp = 2};
  CHECK(network_bytes_per_token(gpu(), dense(), stack, shape) == doctest::Approx(vector));
  shape = {.gpus = 16, .tp = 16};
  CHECK(network_bytes_per_token(gpu(), dense(), stack, shape) ==
        doctest::Approx(2 * 10 * 2 * (2 - 1) * vector));
}
