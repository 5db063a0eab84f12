// Speed of the event queue against a plain std::priority_queue in the same process, because only
// the ratio says something about the code; absolute rates speak of the machine and its load.
//
// PHOLD (Fujimoto 1990): N pending events; each one handled schedules one more, an exponential time
// later. "reschedules": each event handled also moves another pending one; the plain queue
// pushes a copy and skips the stale one when it surfaces, as simulators on it do.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <queue>
#include <string>
#include <vector>

#include "sim/random.hpp"
#include "sim/simulation.hpp"

namespace {
using namespace mw::sim;

constexpr Stream draws{2026, 0, 0};

/// Exponential holds drawn beforehand, so that the queues are timed and not the draws.
const std::vector<Time>& holds() {
  static const std::vector<Time> table = [] {
    std::vector<Time> t(1 << 16);
    for (std::size_t i = 0; i < t.size(); ++i) t[i] = from_seconds(exponential(draws, i)) + 1;
    return t;
  }();
  return table;
}
Time hold(std::uint64_t i) {
  return holds()[i & 0xffff];
}

/// A cheap walk over the pending events, the same for both queues.
std::uint32_t pick(std::uint64_t i, std::uint64_t n) {
  return static_cast<std::uint32_t>((i * 0x9e3779b97f4a7c15ull >> 32) * n >> 32);
}

struct Plain {
  Time t;
  std::uint64_t sequence;
  std::uint32_t id, generation;
  bool operator<(const Plain& o) const { return t != o.t ? o.t < t : o.sequence < sequence; }
};
static_assert(sizeof(Plain) == 24);

void plain_phold(benchmark::State& state) {
  const auto n = static_cast<std::uint64_t>(state.range(0));
  std::priority_queue<Plain> queue;
  std::uint64_t i = 0;
  for (; i < n; ++i) queue.push({hold(i), i, static_cast<std::uint32_t>(i), 0});
  const auto step = [&] {
    const Plain event = queue.top();
    queue.pop();
    queue.push({event.t + hold(i), i, event.id, 0});
    ++i;
  };
  for (std::uint64_t k = 0; k < 4 * n; ++k) step();  // to the steady shape of the heap
  for (auto _ : state) step();
  state.SetItemsProcessed(state.iterations());
}

void heap_phold(benchmark::State& state) {
  const auto n = static_cast<std::uint64_t>(state.range(0));
  IndexedHeap queue;
  std::uint64_t i = 0;
  const auto schedule = [&](Time t, std::uint32_t id) {
    benchmark::DoNotOptimize(
        queue.schedule({EventKey::make(t, Phase::arrival, 0, i), Payload{0, id, 0}}));
    ++i;
  };
  while (i < n) schedule(hold(i), static_cast<std::uint32_t>(i));
  const auto step = [&] {
    const Event event = queue.pop();
    schedule(event.key.t + hold(i), event.payload.entity);
  };
  for (std::uint64_t k = 0; k < 4 * n; ++k) step();
  for (auto _ : state) step();
  state.SetItemsProcessed(state.iterations());
}

/// The same through the whole loop: partition, dispatch table, checks.
struct Bouncer {
  std::uint64_t i = 0;
  static void on_event(Bouncer& world, Partition<>& partition, const Event& event) {
    partition.schedule(event.key.t + hold(world.i++), Phase::arrival, event.payload);
  }
};
void loop_phold(benchmark::State& state) {
  const auto n = static_cast<std::uint64_t>(state.range(0));
  static constexpr Handler<Bouncer> handlers[] = {Bouncer::on_event};
  Bouncer world;
  Partition<> partition(0);
  for (; world.i < n; ++world.i) {
    partition.schedule(hold(world.i), Phase::arrival, {0, static_cast<std::uint32_t>(world.i), 0});
  }
  // n events a simulated second on average: each call handles about 1000.
  const Time slice = second * 1000 / static_cast<Time>(n);
  const std::span<const Handler<Bouncer>> table(handlers);
  while (partition.events() < 4 * n) run_until(partition, world, table, partition.now() + slice);
  const std::uint64_t before = partition.events();
  for (auto _ : state) run_until(partition, world, table, partition.now() + slice);
  state.SetItemsProcessed(static_cast<std::int64_t>(partition.events() - before));
}

void plain_reschedules(benchmark::State& state) {
  const auto n = static_cast<std::uint64_t>(state.range(0));
  std::priority_queue<Plain> queue;
  std::vector<std::uint32_t> generation(n, 0);
  std::uint64_t i = 0;
  for (; i < n; ++i) queue.push({hold(i), i, static_cast<std::uint32_t>(i), 0});
  const auto step = [&] {
    while (queue.top().generation != generation[queue.top().id]) queue.pop();
    const Plain event = queue.top();
    queue.pop();
    queue.push({event.t + hold(i), i, event.id, event.generation});
    ++i;
    const std::uint32_t other = pick(i, n);
    queue.push({event.t + hold(i), i, other, ++generation[other]});
    ++i;
  };
  for (std::uint64_t k = 0; k < 4 * n; ++k) step();
  for (auto _ : state) step();
  state.SetItemsProcessed(state.iterations());
}

void heap_reschedules(benchmark::State& state) {
  const auto n = static_cast<std::uint64_t>(state.range(0));
  IndexedHeap queue;
  std::vector<Handle> handles(n);
  std::uint64_t i = 0;
  const auto schedule = [&](Time t, std::uint32_t id) {
    handles[id] = queue.schedule({EventKey::make(t, Phase::arrival, 0, i), Payload{0, id, 0}});
    ++i;
  };
  while (i < n) schedule(hold(i), static_cast<std::uint32_t>(i));
  const auto step = [&] {
    const Event event = queue.pop();
    schedule(event.key.t + hold(i), event.payload.entity);
    const std::uint32_t other = pick(i, n);
    const bool moved = queue.reschedule(
        handles[other], EventKey::make(event.key.t + hold(i), Phase::arrival, 0, i));
    benchmark::DoNotOptimize(moved);
    ++i;
  };
  for (std::uint64_t k = 0; k < 4 * n; ++k) step();
  for (auto _ : state) step();
  state.SetItemsProcessed(state.iterations());
}

BENCHMARK(plain_phold)->Arg(1000)->Arg(100000);
BENCHMARK(heap_phold)->Arg(1000)->Arg(100000);
BENCHMARK(loop_phold)->Arg(1000)->Arg(100000);
BENCHMARK(plain_reschedules)->Arg(1000)->Arg(100000);
BENCHMARK(heap_reschedules)->Arg(1000)->Arg(100000);

/// Keeps every repetition's rate, for medians and ratios.
class Rates : public benchmark::ConsoleReporter {
 public:
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      if (run.run_type != Run::RT_Iteration || run.error_occurred) continue;
      rates_[run.run_name.function_name + "/" + run.run_name.args].push_back(
          run.counters.at("items_per_second"));
    }
  }
  double median(const std::string& name) {
    std::vector<double>& r = rates_[name];
    if (r.empty()) return 0;
    std::sort(r.begin(), r.end());
    return (r[(r.size() - 1) / 2] + r[r.size() / 2]) / 2;
  }
  void ratio(const char* title, const char* ours, const char* plain, const char* pending,
             double bar) {
    const double a = median(std::string(ours) + "/" + pending);
    const double b = median(std::string(plain) + "/" + pending);
    if (a == 0 || b == 0) return;
    std::printf("%-28s %8s %10.2f %10.2f %8.2f", title, pending, a / 1e6, b / 1e6, a / b);
    std::printf(bar > 0 ? "   >= %.1f %s\n" : "\n", bar, a / b >= bar ? "met" : "MISSED");
  }

 private:
  std::map<std::string, std::vector<double>> rates_;
};
}  // namespace

int main(int argc, char** argv) {
  // Repetitions of all benchmarks in random turns, so that a busy moment hits both sides alike.
  std::string defaults[] = {"--benchmark_repetitions=9",
                            "--benchmark_enable_random_interleaving=true",
                            "--benchmark_min_time=0.1"};
  std::vector<char*> arguments{argv[0]};
  for (std::string& d : defaults) arguments.push_back(d.data());
  arguments.insert(arguments.end(), argv + 1, argv + argc);
  int count = static_cast<int>(arguments.size());
  benchmark::Initialize(&count, arguments.data());
  if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) return 2;

  Rates rates;
  benchmark::RunSpecifiedBenchmarks(&rates);
  std::printf("%-28s %8s %10s %10s %8s   %s\n", "median of repetitions", "pending", "M ev/s",
              "plain", "ratio", "bar");
  for (const char* pending : {"1000", "100000"}) {
    rates.ratio("PHOLD, queue", "heap_phold", "plain_phold", pending, 1.2);
    rates.ratio("PHOLD, whole loop", "loop_phold", "plain_phold", pending, 0);
    rates.ratio("one reschedule per event", "heap_reschedules", "plain_reschedules", pending, 1.7);
  }
}
