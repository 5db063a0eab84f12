#include "sim/thread_pool.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using mw::sim::ThreadPool;

TEST_CASE("every item runs exactly once, for any number of threads and items") {
  for (const int threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    CHECK(pool.threads() == threads);
    for (const std::size_t n : {0u, 1u, 2u, 7u, 1000u}) {
      std::vector<std::atomic<int>> hits(n);
      pool.for_each(n, [&](std::size_t i) { ++hits[i]; });
      for (const auto& h : hits) REQUIRE(h == 1);
    }
  }
}

TEST_CASE("all items run and the failure of the lowest index is the one reported") {
  for (const int threads : {1, 4}) {
    ThreadPool pool(threads);
    std::atomic<int> ran = 0;
    std::string caught;
    try {
      pool.for_each(100, [&](std::size_t i) {
        ++ran;
        if (i == 17 || i == 60) throw std::runtime_error(std::to_string(i));
      });
    } catch (const std::runtime_error& e) {
      caught = e.what();
    }
    CHECK(caught == "17");
    CHECK(ran == 100);
    // And the pool still works.
    pool.for_each(10, [&](std::size_t) { ++ran; });
    CHECK(ran == 110);
  }
}

TEST_CASE("a loop inside a loop runs inline") {
  ThreadPool pool(3);
  std::atomic<int> ran = 0;
  pool.for_each(4, [&](std::size_t) { pool.for_each(5, [&](std::size_t) { ++ran; }); });
  CHECK(ran == 20);
}

TEST_CASE("each item is told a thread of the pool, and no two items at a time the same") {
  for (const int threads : {1, 3}) {
    ThreadPool pool(threads);
    std::vector<std::atomic<int>> inside(static_cast<std::size_t>(threads));
    std::vector<std::int64_t> by_thread(inside.size());  // no atomics: a thread's own
    std::atomic<bool> alone = true;
    pool.for_each_on(500, [&](std::size_t item, std::size_t thread) {
      REQUIRE(thread < inside.size());
      if (++inside[thread] != 1) alone = false;
      by_thread[thread] += static_cast<std::int64_t>(item);
      pool.for_each_on(2, [&](std::size_t, std::size_t again) {
        if (again != thread) alone = false;
      });
      --inside[thread];
    });
    CHECK(alone);
    std::int64_t sum = 0;
    for (const std::int64_t part : by_thread) sum += part;
    CHECK(sum == 500 * 499 / 2);
  }
}

// Work space is sized by threads(), so a number beyond it would write where nothing is.
TEST_CASE("A pool of one thread inside another pool's loop numbers its only thread 0") {
  ThreadPool outer(4);
  std::atomic<int> beyond{0}, items{0};
  outer.for_each(64, [&](std::size_t) {
    ThreadPool inner(1);
    inner.for_each_on(3, [&](std::size_t, std::size_t thread) {
      ++items;
      if (thread >= static_cast<std::size_t>(inner.threads())) ++beyond;
    });
    std::this_thread::sleep_for(std::chrono::microseconds(200));  // others get their share
  });
  CHECK(items == 192);
  CHECK(beyond == 0);
}
