// The electrical tree of 5,500 racks on a sub-grid of ten steps, against the racks' own laws for
// the same steps: the tree must cost well under what it sums. Both in one process, in turns.
#include <benchmark/benchmark.h>

#include <vector>

#include "models/power/distribution_flow.hpp"
#include "models/power/rack.hpp"

namespace {
using namespace mw;
using namespace mw::models;

constexpr int racks = 5500, bins = 10;

ConverterParameters curve() {
  ConverterParameters c;
  c.efficiency = {{0.25, 0.96}, {0.5, 0.97}, {0.75, 0.97}, {1, 0.965}};
  return c;
}

RackLaw rack_law() {
  RackParameters rack;
  rack.trays = 18;
  rack.gpus_per_tray = 4;
  rack.host_idle.value = {450};
  rack.host_load.value = {450};
  rack.link_switches.value = {7200};
  rack.fan.value = {4000};
  rack.busbar.value = {1e-4};
  rack.shelf.modules = 48;
  rack.shelf.rating.value = {5500};
  rack.shelf.loss.efficiency = {{0.1, 0.94}, {0.3, 0.975}, {0.6, 0.975}, {1, 0.965}};
  rack.design_power.value = {132e3};
  rack.liquid_fraction.value = 0.87;
  return make_rack_law(rack);
}

double gpu_w(int rack, int bin) {
  return 40e3 + 10.0 * (rack % 97) + 100.0 * bin;
}

void rack_laws(benchmark::State& state) {
  const RackLaw law = rack_law();
  for (auto _ : state) {
    double sum = 0;
    for (int r = 0; r < racks; ++r)
      for (int b = 0; b < bins; ++b)
        sum += rack_step(law, {.gpu_w = gpu_w(r, b), .host_load = 0.5}).input;
    benchmark::DoNotOptimize(sum);
  }
}
BENCHMARK(rack_laws)->Unit(benchmark::kMillisecond);

void tree(benchmark::State& state) {
  ElectricalParameters e;
  const auto stage = [&](const char* name, Feeds feeds, int per_unit) -> ElectricalStage& {
    ElectricalStage s;
    s.name = name;
    s.feeds = feeds;
    s.racks_per_unit = per_unit;
    s.loss.resistive = 0.005;
    e.stages.push_back(s);
    return e.stages.back();
  };
  stage("hv", Feeds::all, 500).redundancy = Redundancy::two_n;
  stage("mv", Feeds::all, 20).redundancy = Redundancy::two_n;
  ElectricalStage& ups = stage("ups", Feeds::it, 20);
  ups.redundancy = Redundancy::two_n;
  ups.loss = curve();
  ups.battery.emplace();
  ElectricalStage& busway = stage("busway", Feeds::it, 10);
  busway.redundancy = Redundancy::two_n;
  busway.breaker.emplace();
  const Distribution law =
      make_distribution(e, std::vector<FedRacks>{{"racks", racks, 132e3}}, {1e7});
  auto states = initial_feeds(law);
  Feeding feeding;
  DistributionFlow flow;
  std::vector<double> input(static_cast<std::size_t>(racks) * bins, 80e3);
  for (auto _ : state) {
    feed(law, states, {1}, {}, 0, e, feeding);
    flow.begin(law, bins);
    double sum = 0;
    add_racks(law, feeding, flow, bins, input);
    for (int b = 0; b < bins; ++b) {
      sum += flow_it(law, states, feeding, flow, b, 0.1);
      flow_rest(law, states, feeding, flow, b, 5e6, 0.1);
      watch(law, states, feeding, flow, b, 0.1 * b, 100 * sim::millisecond);
      sum += flow.meter[static_cast<std::size_t>(b)];
    }
    benchmark::DoNotOptimize(sum);
  }
  state.counters["nodes"] = static_cast<double>(law.nodes.size());
}
BENCHMARK(tree)->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
