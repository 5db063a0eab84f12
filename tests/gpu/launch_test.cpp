#include "gpu/launch.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace gpu = mw::gpu;
using mw::sim::ThreadPool;

TEST_CASE("launch steps every state once and no thread count changes a bit") {
  const auto run = [](int threads, std::size_t n) {
    ThreadPool pool(threads);
    std::vector<double> states(n, 0.1);
    for (int k = 0; k < 20; ++k) {
      gpu::launch(pool, std::span(states),
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

// Dealing is a partition: every state in one block. Whoever is free takes the next block, so no
// thread ends later than the others by more than the last block it took: with every block below a
// sixteenth of a thread's share (unless it is one state), the whole takes at most the mean per
// thread plus that, or, where states are dear, at most 4/3 of the best possible (Graham 1969).
TEST_CASE("dealing by cost covers every state once and leaves no thread waiting for long") {
  CHECK(rc::check([] {
    const int threads = *rc::gen::inRange(1, 9);
    auto cost = *rc::gen::container<std::vector<std::int64_t>>(rc::gen::inRange(0, 1000));
    if (!cost.empty() && *rc::gen::arbitrary<bool>()) cost[cost.size() / 2] *= 100;  // very unequal
    std::vector<int> covered(cost.size());
    std::vector<std::int64_t> busy(static_cast<std::size_t>(threads));
    std::int64_t total = 0, dearest = 0;
    for (const gpu::Block& block : gpu::deal(cost, threads)) {
      const auto free = std::min_element(busy.begin(), busy.end());
      for (std::size_t i = block.begin; i < block.end; ++i) {
        ++covered[i];
        *free += cost[i] + 1;
        total += cost[i] + 1;
        dearest = std::max(dearest, cost[i] + 1);
      }
    }
    RC_ASSERT(std::all_of(covered.begin(), covered.end(), [](int n) { return n == 1; }));
    const std::int64_t last = *std::max_element(busy.begin(), busy.end());
    const std::int64_t share = total / threads;
    RC_ASSERT(last <= share + std::max(share / 8 + 2, dearest));
    RC_ASSERT(last <= std::max(4 * std::max(share, dearest) / 3, share + share / 8) + 4);
  }));
}

TEST_CASE("dealt by cost or not, and on however many threads, states come out the same") {
  const auto run = [](int threads, std::int64_t scale) {
    ThreadPool pool(threads);
    std::vector<double> states(500, 0.1);
    std::vector<std::int64_t> cost(states.size());
    for (std::size_t i = 0; i < cost.size(); ++i)
      cost[i] = i % 97 == 0 ? 50 * scale : std::int64_t(i % 7) * scale;
    for (int k = 0; k < 5; ++k) {
      gpu::launch_by_cost(
          pool, std::span(states), std::span<const std::int64_t>(cost),
          [](double& x, std::size_t i, std::size_t) { x = x * 1.7 + 1.0 / double(i + 1); });
    }
    return states;
  };
  const std::vector<double> one = run(1, 0);
  CHECK(run(1, 1) == one);
  CHECK(run(2, 1) == one);
  CHECK(run(3, 1000) == one);
}
