#include "gpu/backend.hpp"

#include <doctest/doctest.h>

#include <string>

#include "gpu/cuda.hpp"
#include "sim/input_error.hpp"

namespace gpu = mw::gpu;
using gpu::Backend;
using gpu::Wanted;

TEST_CASE("the processor is always there; without CUDA automatic means the processor") {
  CHECK(gpu::has_backend(Backend::cpu));
  CHECK(gpu::choose(Wanted::cpu) == Backend::cpu);
  const bool cuda = gpu::has_backend(Backend::cuda);
  CHECK(gpu::choose(Wanted::automatic) == (cuda ? Backend::cuda : Backend::cpu));
  if (!gpu::built_with_cuda()) CHECK_FALSE(cuda);
}

TEST_CASE("an absent backend is named, and so are the reason and the way out") {
  if (gpu::has_backend(Backend::cuda)) {
    CHECK(gpu::choose(Wanted::cuda) == Backend::cuda);
    return;
  }
  std::string message;
  try {
    gpu::choose(Wanted::cuda);
  } catch (const mw::sim::InputError& e) {
    message = e.what();
  }
  CHECK(message.find(gpu::built_with_cuda() ? "no CUDA device" : "no CUDA backend") !=
        std::string::npos);
  CHECK(message.find("choose the backend 'cpu'") != std::string::npos);
}
