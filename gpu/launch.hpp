#pragma once
// Steps many identical things: `step(states[i], i)` for every i, on the processor's threads. A step
// is a pure function of its own state (and of parameters it was made with), so threads cannot
// change a result. What a device steps lies in flat memory: space.hpp and tiles.hpp.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "sim/thread_pool.hpp"

namespace mw::gpu {

/// `block` states go to a thread at a time: many where one is a few nanoseconds of work, one where
/// each is a world of its own.
template <class State, class Step>
void launch(sim::ThreadPool& pool, std::span<State> states, const Step& step,
            std::size_t block = 64) {
  pool.for_each((states.size() + block - 1) / block, [&](std::size_t b) {
    const std::size_t end = std::min(states.size(), (b + 1) * block);
    for (std::size_t i = b * block; i < end; ++i) step(states[i], i);
  });
}

/// States [begin, end) that one thread takes together.
struct Block {
  std::size_t begin, end;
};

/// Deals states to threads: each that alone makes up a sixteenth of a thread's share or more is a
/// block, dearest first; then runs of neighbours, which share memory, of about that much together.
/// Blocks are taken in this order by whoever is free, so a thread waits at the end for about a
/// sixteenth of its share at most, or for the dearest state (Graham, "Bounds on multiprocessing
/// timing anomalies", SIAM J. Appl. Math. 17 (1969) 416). Costs are at least 0.
inline std::vector<Block> deal(std::span<const std::int64_t> cost, int threads) {
  std::int64_t total = 0;
  for (const std::int64_t c : cost) total += c + 1;
  const std::int64_t share = std::max<std::int64_t>(total / (16 * threads), 1);
  std::vector<Block> blocks, runs;
  std::size_t begin = 0;
  std::int64_t sum = 0;
  const auto end_run = [&](std::size_t end) {
    if (begin < end) runs.push_back({begin, end});
    begin = end;
    sum = 0;
  };
  for (std::size_t i = 0; i < cost.size(); ++i) {
    if (cost[i] >= share) {
      end_run(i);
      blocks.push_back({i, i + 1});
      begin = i + 1;
    } else if ((sum += cost[i] + 1) >= share) {
      end_run(i + 1);
    }
  }
  end_run(cost.size());
  std::sort(blocks.begin(), blocks.end(), [&](const Block& a, const Block& b) {
    return cost[a.begin] != cost[b.begin] ? cost[a.begin] > cost[b.begin] : a.begin < b.begin;
  });
  blocks.insert(blocks.end(), runs.begin(), runs.end());
  return blocks;
}

/// `step(states[i], i, thread)` for every i, dealt by what each will about cost. Costs and threads
/// decide who does what when, never what comes out.
template <class State, class Step>
void launch_by_cost(sim::ThreadPool& pool, std::span<State> states,
                    std::span<const std::int64_t> cost, const Step& step) {
  const std::vector<Block> blocks = deal(cost, pool.threads());
  pool.for_each_on(blocks.size(), [&](std::size_t b, std::size_t thread) {
    for (std::size_t i = blocks[b].begin; i < blocks[b].end; ++i) step(states[i], i, thread);
  });
}

}  // namespace mw::gpu
