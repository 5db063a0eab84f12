#include "sim/event_queue.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <tuple>

#include "sim/archive.hpp"
#include "sim/oracle_queue.hpp"
#include "sim/random.hpp"

namespace sim = mw::sim;
using sim::EventKey;
using sim::Phase;

namespace {
EventKey key(sim::Time t, Phase phase, std::uint32_t partition, std::uint64_t sequence) {
  return EventKey::make(t, phase, partition, sequence);
}
bool same(const sim::Event& a, const sim::Event& b) {
  return a.key == b.key && a.payload.handler == b.payload.handler &&
         a.payload.entity == b.payload.entity && a.payload.argument == b.payload.argument;
}
}  // namespace

TEST_CASE("events are ordered by time, then phase, then partition, then sequence") {
  // Whatever the order of insertion, they come out sorted as tuples.
  std::vector<std::tuple<sim::Time, int, std::uint32_t, std::uint64_t>> tuples;
  for (const sim::Time t : {0l, 5l, 1l << 40}) {
    for (int phase = 0; phase < 5; ++phase) {
      for (const std::uint32_t partition : {0u, 1u, EventKey::partitions - 1}) {
        for (const std::uint64_t sequence :
             {std::uint64_t{0}, std::uint64_t{1}, EventKey::sequences - 1}) {
          tuples.emplace_back(t, phase, partition, sequence);
        }
      }
    }
  }
  std::vector<std::size_t> shuffled(tuples.size());
  for (std::size_t i = 0; i < shuffled.size(); ++i) shuffled[i] = i;
  std::sort(shuffled.begin(), shuffled.end(), [](std::size_t a, std::size_t b) {
    return sim::bits({3, 0, 0}, a).first < sim::bits({3, 0, 0}, b).first;
  });
  sim::IndexedHeap queue;
  for (const std::size_t i : shuffled) {
    const auto [t, phase, partition, sequence] = tuples[i];
    queue.schedule({key(t, static_cast<Phase>(phase), partition, sequence), {}});
  }
  for (const auto& [t, phase, partition, sequence] : tuples) {
    const EventKey k = queue.pop().key;
    CHECK(k.t == t);
    CHECK(static_cast<int>(k.phase()) == phase);
    CHECK(k.partition() == partition);
    CHECK(k.sequence() == sequence);
  }
  CHECK(queue.empty());
}

TEST_CASE("a stale handle changes nothing and says so") {
  sim::IndexedHeap queue;
  const sim::Handle first = queue.schedule({key(1, Phase::arrival, 0, 0), {1, 2, 3}});
  const sim::Handle second = queue.schedule({key(2, Phase::arrival, 0, 1), {4, 5, 6}});
  CHECK(queue.pop().payload.handler == 1);
  CHECK_FALSE(queue.cancel(first));
  CHECK_FALSE(queue.reschedule(first, key(9, Phase::arrival, 0, 2)));
  // The slot finds a new tenant; the old handle must not reach it.
  const sim::Handle third = queue.schedule({key(3, Phase::arrival, 0, 3), {7, 8, 9}});
  CHECK(third.slot == first.slot);
  CHECK_FALSE(queue.cancel(first));
  CHECK(queue.cancel(second));
  CHECK_FALSE(queue.cancel(second));
  CHECK_FALSE(queue.cancel(sim::Handle{}));
  CHECK(queue.size() == 1);
  CHECK(queue.pop().payload.handler == 7);
  CHECK(queue.empty());
}

TEST_CASE("the indexed heap and the oracle agree on every history") {
  // Random schedules, cancels, reschedules and pops, with many equal times; both queues must give
  // the same events, the same sizes and the same verdicts on handles, stale ones included.
  CHECK(rc::check([] {
    sim::IndexedHeap heap;
    sim::OracleQueue oracle;
    std::vector<std::pair<sim::Handle, sim::Handle>> handles;
    std::uint64_t sequence = 0;
    const auto steps = *rc::gen::container<std::vector<std::tuple<int, int, int>>>(rc::gen::tuple(
        rc::gen::inRange(0, 10), rc::gen::inRange(0, 30), rc::gen::inRange(0, 100'000)));
    for (const auto& [what, when, which] : steps) {
      const EventKey k = key(when, static_cast<Phase>(which % 5),
                             static_cast<std::uint32_t>(which % 3), sequence++);
      if (what < 4) {
        const sim::Event event{k, {static_cast<std::uint32_t>(what), 7, sequence}};
        handles.emplace_back(heap.schedule(event), oracle.schedule(event));
      } else if (what < 7) {
        RC_ASSERT(heap.empty() == oracle.empty());
        if (heap.empty()) continue;
        if (which % 2 == 0) RC_ASSERT(heap.top() == oracle.top());
        RC_ASSERT(same(heap.pop(), oracle.pop()));
      } else if (!handles.empty()) {
        const auto [mine, theirs] = handles[static_cast<std::size_t>(which) % handles.size()];
        RC_ASSERT(heap.scheduled(mine) == oracle.scheduled(theirs));
        if (what == 7) {
          RC_ASSERT(heap.cancel(mine) == oracle.cancel(theirs));
        } else {
          RC_ASSERT(heap.reschedule(mine, k) == oracle.reschedule(theirs, k));
        }
      }
      RC_ASSERT(heap.size() == oracle.size());
    }
    while (!oracle.empty()) RC_ASSERT(same(heap.pop(), oracle.pop()));
    RC_ASSERT(heap.empty());
  }));
}

TEST_CASE("a long history through a large heap, archived half way") {
  sim::IndexedHeap heap;
  sim::OracleQueue oracle;
  std::vector<std::pair<sim::Handle, sim::Handle>> handles;
  const sim::Stream draws{5, 0, 0};
  for (std::uint64_t i = 0; i < 60'000; ++i) {
    const sim::Bits b = sim::bits(draws, i);
    const EventKey k = key(static_cast<sim::Time>(b.first % 5000), Phase::arrival, 0, i);
    const std::uint64_t what = b.second % (i < 30'000 ? 5 : 9);  // grows, then shrinks
    if (what < 3) {
      handles.emplace_back(heap.schedule({k, {1, 2, i}}), oracle.schedule({k, {1, 2, i}}));
    } else if (what == 3 && !handles.empty()) {
      const auto [mine, theirs] = handles[(b.second >> 8) % handles.size()];
      REQUIRE(heap.reschedule(mine, k) == oracle.reschedule(theirs, k));
    } else if (what == 4 && !handles.empty()) {
      const auto [mine, theirs] = handles[(b.second >> 8) % handles.size()];
      REQUIRE(heap.cancel(mine) == oracle.cancel(theirs));
    } else if (!oracle.empty()) {
      REQUIRE(same(heap.pop(), oracle.pop()));
    }
    REQUIRE(heap.size() == oracle.size());
    if (i == 30'000) {
      CHECK(heap.size() > 5000);
      sim::IndexedHeap resumed;
      sim::load(resumed, sim::save(heap));
      heap = resumed;
    }
  }
  while (!oracle.empty()) REQUIRE(same(heap.pop(), oracle.pop()));
  CHECK(heap.empty());
}
