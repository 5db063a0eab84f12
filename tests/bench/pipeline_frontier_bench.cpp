// The whole time-energy frontier of a 1F1B pipeline on one core: graph, costs and every corner.
// Bars (s): 64 ops at 1 ms 0.5, 512 ops at 10 ms 1, 1,024 ops at 20 ms 2.
#include <benchmark/benchmark.h>

#include "models/training/pipeline_frontier.hpp"

namespace {

using namespace mw::models;

/// An A100-like profile: see tests/models/training/golden_profile.hpp.
std::vector<OpChoice> choices(double base) {
  std::vector<OpChoice> all;
  for (int f = 900; f <= 1410; f += 15) {
    const double t = base * (0.1 + 0.9 * 1410 / f);
    const double v = f <= 1050 ? 0.70 : 0.70 + 0.25 * (f - 1050) / 360;
    all.push_back({f * 1e6, t, t * (80 + 250 * (f / 1410.0) * (v / 0.95) * (v / 0.95))});
  }
  return all;
}

void frontier(benchmark::State& state) {
  const auto stages = static_cast<std::int32_t>(state.range(0));
  PipelineCosts costs{
      .pipeline = {Schedule::one_f_one_b, stages, static_cast<std::int32_t>(state.range(1)), 1},
      .blocking_power = 85,
      .cost = state.range(3) ? CostModel::exponential : CostModel::piecewise_linear,
      .step = static_cast<double>(state.range(2)) * 1e-3};
  for (std::int32_t s = 0; s < stages; ++s) {
    const double share = s == 0 ? 1.05 : s == stages - 1 ? 1.15 : 1.0;
    costs.tables.push_back({s, Instruction::forward, choices(0.10 * share)});
    costs.tables.push_back({s, Instruction::backward, choices(0.20 * share)});
  }
  std::size_t corners = 0;
  for (auto _ : state) corners = pipeline_frontier(costs)->frontier.corners.size();
  state.counters["corners"] = static_cast<double>(corners);
  state.counters["ops"] = static_cast<double>(2 * state.range(0) * state.range(1));
}
BENCHMARK(frontier)
    ->ArgNames({"stages", "microbatches", "step_ms", "exponential"})
    ->Args({4, 8, 1, 0})
    ->Args({4, 8, 1, 1})
    ->Args({8, 32, 10, 0})
    ->Args({8, 32, 10, 1})
    ->Args({8, 64, 20, 0})
    ->Args({8, 64, 20, 1})
    ->Args({8, 64, 1, 0})
    ->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
