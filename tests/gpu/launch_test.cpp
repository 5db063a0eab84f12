#include "gpu/launch.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace gpu = mw::gpu;
using mw::sim::ThreadPool;

TEST_CASE("launch steps every state once and no thread count changes a bit") {
  const auto run = [](int threads, std::size_t n) {
    ThreadPool pool(threads);
    std::vector<double> states(n, 0.1);
    for (int k = 0; k < 20; ++k) {
      gpu::launch(gpu::Backend::cpu, pool, std::span(states),
                  [](double& x, std::size_t i) { x = x * 1.7 + 1.0 / double(i + 1); });
    }
    return states;
  };
  for (const std::size_t n : {0u, 1u, 63u, 64u, 65u, 1000u}) {
    const std::vector<double> one = run(1, n);
    CHECK(run(2, n) == one);
    CHECK(run(3, n) == one);
    // x' = 1.7 x + b, n times: 1.7^20 x + b (1.7^20 - 1) / 0.7.
    const double growth = 40642.31406647572522401601;  // 1.7^20, exact
    for (std::size_t i = 0; i < n; ++i) {
      const double expected = growth * 0.1 + (growth - 1) / 0.7 / double(i + 1);
      REQUIRE(one[i] == doctest::Approx(expected).epsilon(1e-12));
    }
  }
}

TEST_CASE("an absent backend is named, and so is the way out") {
  ThreadPool pool(1);
  std::vector<int> states(1);
  std::string message;
  try {
    gpu::launch(gpu::Backend::cuda, pool, std::span(states), [](int& x, std::size_t) { ++x; });
  } catch (const std::runtime_error& e) {
    message = e.what();
  }
  CHECK(message.find("no CUDA backend") != std::string::npos);
  CHECK(message.find("choose the backend 'cpu'") != std::string::npos);
  CHECK(states[0] == 0);
}
