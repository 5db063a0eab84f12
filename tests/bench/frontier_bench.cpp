// Twenty-four hours of a machine of Frontier's size by node: 9,472 power series, one for each node,
// every 15 s, through the nodes' own conversion losses and the whole cooling plant, on one core.
// Prints processor time, peak memory and what came out. `bench_frontier [hours]`.
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "models/site/epoch.hpp"
#include "scenarios/build.hpp"
#include "sim/random.hpp"
#include "sim/thread_pool.hpp"

namespace {

using namespace mw;

constexpr std::size_t nodes = 9472, nodes_of_job = 128;
constexpr double row = 15;  // s

/// A series for each node: jobs of 128 nodes that change every half hour, and on top of that each
/// node's own ripple from row to row. Drawn when asked for, so that nothing is held: a row stands
/// for its 15 s.
class NodePower : public models::MeasuredPower {
 public:
  explicit NodePower(double start) : start_(start) {}
  std::size_t series() const override { return nodes; }
  void mean(double from, double, std::span<double> watts) const override {
    constexpr double idle = 683.913, full = 2892.671;  // RAPS, of one node
    const auto at = static_cast<std::uint64_t>((from - start_) / row);
    for (std::size_t job = 0; job < nodes / nodes_of_job; ++job) {
      const double level = sim::uniform({7, static_cast<std::uint32_t>(job), 0}, at / 120);
      const double base = idle + 0.9 * level * (full - idle);
      for (std::size_t i = 0; i < nodes_of_job; ++i) {
        const std::size_t node = job * nodes_of_job + i;
        watts[node] = base * (1 + 0.1 * sim::uniform({7, static_cast<std::uint32_t>(node), 1}, at));
      }
    }
  }

 private:
  double start_;
};

// One node as a rack of its own: a tray and its part of the cabinet's rectifiers and switches.
constexpr const char* scenario = R"(millwright: 1
name: frontier-nodes
duration: {} h
site:
  physics_step: 15 s
  climate: {{weather: ashburn, start: 2026-07-01T00:00Z}}
  electrical: ac_n1
  cooling: {{plant: frontier}}
racks:
  - name: node
    type:
      extends: frontier_node
      trays: 1
      tray_converter: {{modules: 1}}
      shelf: {{modules: 1, rating: 3750 W}}
      auxiliary: 62.5 W
      design_power: 2970 W
    count: 9472
    replay: {{file: zero.csv, column: power, unit: W, longest_gap: 2400 h}}
)";

models::SiteParameters build(int hours) {
  const auto folder =
      std::filesystem::temp_directory_path() / fmt::format("millwright-bench-{}", ::getpid());
  std::filesystem::create_directory(folder);
  std::ofstream(folder / "zero.csv") << fmt::format("time,power\n0,0\n{},0\n", 3600 * hours);
  std::ofstream(folder / "s.yaml") << fmt::format(scenario, hours);
  auto site = scenarios::build_site(scenarios::read_document<scenarios::Scenario>(
                                        (folder / "s.yaml").string(), {}, scenarios::Catalog()),
                                    folder);
  std::filesystem::remove_all(folder);
  site.measured = std::make_shared<const NodePower>(static_cast<double>(site.start.unix_ns) * 1e-9);
  for (std::size_t n = 0; n < nodes; ++n)
    site.measured_racks[n] = {static_cast<std::int32_t>(n), 1};
  return site;
}

double seconds(const timeval& t) {
  return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
}

}  // namespace

int main(int argc, char** argv) {
  const int hours = argc > 1 ? std::atoi(argv[1]) : 24;
  if (hours < 1 || hours > 2000) {
    fmt::print(stderr, "usage: bench_frontier [hours], 1 to 2000\n");
    return 2;
  }
  const auto site = build(hours);
  models::SiteState state = models::initial_site(site);
  models::SiteEpoch epoch;
  sim::ThreadPool pool(1);
  int steps = 0;
  double meter = 0;
  for (; state.now < site.duration; ++steps) {
    models::step_epoch(state, site, pool, epoch);
    meter += epoch.meter * epoch.seconds();
  }
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const double cpu = seconds(used.ru_utime) + seconds(used.ru_stime);
  fmt::print("{} h, {} nodes, {} steps of 15 s: {:.2f} s of processor time, {:.0f} MB at most\n",
             hours, site.rack_count(), steps, cpu, static_cast<double>(used.ru_maxrss) * 1.024e-3);
  fmt::print("bars for 24 h: 9 s and 200 MB; {:.1f} ns a node and step\n",
             1e9 * cpu / (static_cast<double>(steps) * nodes));
  fmt::print("mean {:.3f} MW of racks, {:.3f} MW at the meter; ledger off by {:.1e}\n",
             state.totals.it.value() / sim::to_seconds(site.duration) * 1e-6,
             meter / sim::to_seconds(site.duration) * 1e-6,
             state.ledger.meter().value() / meter - 1);
  return 0;
}
