// A small network whose every outcome depends on the order of its events, run in all the ways that
// must not matter.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>

#include "sim/archive.hpp"
#include "sim/epochs.hpp"
#include "sim/oracle_queue.hpp"
#include "sim/random.hpp"

namespace sim = mw::sim;
using sim::Phase;
using sim::Time;

namespace {
constexpr std::uint32_t partition_count = 6;
constexpr Time epoch = 50;  // ticks; short, so that messages and ties are many

enum Kind : std::uint32_t { hop, alarm, kinds };

struct Node {
  std::uint64_t seed = 0;
  std::uint64_t draws = 0;
  std::int64_t balance = 0;
  std::int64_t lost = 0;  // alarms that went off
  sim::Handle armed = {};
};
template <sim::Describes<Node> Self>
void describe(Self& self, auto&& visit) {
  visit("seed", self.seed, sim::About{});
  visit("draws", self.draws, sim::About{});
  visit("balance", self.balance, sim::About{});
  visit("lost", self.lost, sim::About{});
  visit("armed", self.armed, sim::About{});
}

/// A token hops: it changes the balance in a way that depends on the order, re-arms or disarms an
/// alarm, and goes on here or in another partition.
template <class P>
void on_hop(Node& node, P& p, const sim::Event& event) {
  const sim::Bits b = sim::bits({node.seed, p.id(), 0}, node.draws++);
  node.balance =
      (node.balance * 31 + static_cast<std::int64_t>(event.payload.argument)) % 1'000'003;
  p.fold(hop, event.payload.argument, static_cast<std::uint64_t>(node.balance));
  const Time soon = p.now() + static_cast<Time>(b.first % 12);  // often the same moment
  if (b.first % 7 == 0 && p.cancel(node.armed)) {
    p.fold(alarm, 0, 0);
  } else if (!p.reschedule(node.armed, soon + 3, Phase::control)) {
    node.armed = p.schedule(soon + 3, Phase::control, {alarm, 0, 0});
  }
  if (b.second % 3 == 0) {
    const auto to = static_cast<std::uint32_t>(b.second >> 32) % partition_count;
    p.send(to, (p.now() / epoch + 1) * epoch + static_cast<Time>(b.first % 5), Phase::arrival,
           event.payload);
  } else {
    p.schedule(soon, b.second % 2 == 0 ? Phase::arrival : Phase::completion, event.payload);
  }
}
template <class P>
void on_alarm(Node& node, P& p, const sim::Event&) {
  ++node.lost;
  p.fold(alarm, 1, static_cast<std::uint64_t>(node.lost));
}

template <class Queue>
struct Network {
  using P = sim::Partition<Queue>;
  std::vector<P> partitions;
  std::vector<Node> nodes;
  Time now = 0;

  explicit Network(std::uint64_t seed) {
    for (std::uint32_t i = 0; i < partition_count; ++i) {
      partitions.emplace_back(i);
      nodes.push_back({.seed = seed});
      for (std::uint64_t token = 0; token < 8; ++token) {
        partitions[i].schedule(static_cast<Time>(token % 3), Phase::arrival,
                               {hop, i, token + 10 * i});
      }
    }
  }
  void run(int epochs, sim::ThreadPool& pool) {
    static constexpr sim::Handler<Node, P> handlers[kinds] = {on_hop<P>, on_alarm<P>};
    for (int i = 0; i < epochs; ++i) {
      now += epoch;
      sim::run_epoch(pool, std::span(partitions), std::span(nodes),
                     std::span<const sim::Handler<Node, P>>(handlers), now);
    }
  }
  sim::TraceHash hash() const { return sim::combined_hash(std::span(partitions)); }
};
using Net = Network<sim::IndexedHeap>;

std::uint64_t events(const Net& n) {
  std::uint64_t sum = 0;
  for (const auto& p : n.partitions) sum += p.events();
  return sum;
}
}  // namespace

template <>
struct doctest::StringMaker<sim::TraceHash> {
  static doctest::String convert(const sim::TraceHash& h) { return doctest::toString(h.value); }
};

TEST_CASE("equal hash for any number of threads, either queue, straight, resumed and forked") {
  sim::ThreadPool one(1), two(2), four(4);
  Net reference(1);
  reference.run(200, one);
  // Release, debug and sanitizer builds all run this test: one number for all of them.
  CHECK(reference.hash().value == 16001710901240894074ull);
  CHECK(events(reference) > 20'000);
  CHECK(std::all_of(reference.nodes.begin(), reference.nodes.end(),
                    [](const Node& n) { return n.lost > 0; }));

  SUBCASE("threads") {
    Net a(1), b(1);
    a.run(200, two);
    b.run(200, four);
    CHECK(a.hash() == reference.hash());
    CHECK(b.hash() == reference.hash());
  }
  SUBCASE("the oracle queue") {
    Network<sim::OracleQueue> oracle(1);
    oracle.run(200, two);
    CHECK(oracle.hash() == reference.hash());
  }
  SUBCASE("a checkpoint in the middle") {
    Net before(1);
    before.run(77, two);
    const auto partitions = sim::save(before.partitions);
    const auto nodes = sim::save(before.nodes);
    Net after(99);
    sim::load(after.partitions, partitions);
    sim::load(after.nodes, nodes);
    after.now = before.now;
    after.run(123, one);
    CHECK(after.hash() == reference.hash());
    CHECK(sim::save(after.nodes) == sim::save(reference.nodes));
    CHECK(sim::save(after.partitions) == sim::save(reference.partitions));
  }
  SUBCASE("a fork by copy leaves the original alone") {
    Net original(1);
    original.run(100, one);
    Net fork = original;
    fork.nodes[0].balance += 1;
    fork.run(100, two);
    original.run(100, two);
    CHECK(original.hash() == reference.hash());
    CHECK(fork.hash() != reference.hash());
  }
  SUBCASE("another seed is another history") {
    Net other(2);
    other.run(200, one);
    CHECK(other.hash() != reference.hash());
  }
}

TEST_CASE("an epoch ends before events at its end, and its length changes no uncoupled result") {
  struct Clock {
    std::vector<Time> ticks;
    static void on_tick(Clock& clock, sim::Partition<>& p, const sim::Event& event) {
      clock.ticks.push_back(p.now());
      p.fold(0, 0, 0);
      p.schedule(p.now() + 10, Phase::physics, event.payload);
    }
  };
  static constexpr sim::Handler<Clock> handlers[] = {Clock::on_tick};
  const std::span<const sim::Handler<Clock>> table(handlers);
  const auto run = [&](Time length) {
    sim::Partition<> p(0);
    Clock clock;
    p.schedule(0, Phase::physics, {});
    for (Time t = length; t <= 120; t += length) sim::run_until(p, clock, table, t);
    CHECK(p.now() == 120);
    CHECK(clock.ticks.size() == 12);
    CHECK(clock.ticks.back() == 110);
    return p.hash();
  };
  CHECK(run(120) == run(60));
  CHECK(run(120) == run(4));
}

TEST_CASE("messages arrive in the order of time, phase, source and source sequence") {
  struct Log {
    std::vector<std::uint64_t> seen;
    static void on_start(Log&, sim::Partition<>& p, const sim::Event&) {
      // Sent in the reverse of the order in which they must arrive.
      p.send(2, 20, Phase::arrival, {1, 0, 40 + p.id()});
      p.send(2, 20, Phase::completion, {1, 0, 30 + p.id()});
      p.send(2, 10, Phase::arrival, {1, 0, 10 + p.id()});
      p.send(2, 10, Phase::arrival, {1, 0, 20 + p.id()});
    }
    static void on_message(Log& log, sim::Partition<>&, const sim::Event& event) {
      log.seen.push_back(event.payload.argument);
    }
  };
  static constexpr sim::Handler<Log> handlers[] = {Log::on_start, Log::on_message};
  const std::span<const sim::Handler<Log>> table(handlers);
  std::vector<sim::Partition<>> partitions;
  for (std::uint32_t i = 0; i < 3; ++i) partitions.emplace_back(i);
  std::vector<Log> logs(3);
  partitions[1].schedule(0, Phase::arrival, {0, 0, 0});
  partitions[0].schedule(5, Phase::arrival, {0, 0, 0});
  sim::ThreadPool pool(2);
  sim::run_epoch(pool, std::span(partitions), std::span(logs), table, 10);
  sim::run_epoch(pool, std::span(partitions), std::span(logs), table, 30);
  CHECK(logs[2].seen == std::vector<std::uint64_t>{10, 20, 11, 21, 30, 31, 40, 41});
}
