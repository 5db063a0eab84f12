// The plain engine: requests per second on one core, Azure-like lengths at 60 % of what the replica
// can carry. It is the oracle, not the fast path; the figure tells what a faster engine gains.
#include <benchmark/benchmark.h>

#include "models/inference/front.hpp"
#include "models/inference/pod.hpp"
#include "scenarios/reader.hpp"

namespace {

using namespace mw;

models::PodParameters replica_of_70b() {
  const scenarios::Catalog catalog;
  const auto gpu = scenarios::read_entry<models::GpuParameters>(catalog, "h100_sxm");
  const auto llm = scenarios::read_entry<models::LlmParameters>(catalog, "llama_3_1_70b");
  const auto stack = scenarios::read_entry<models::StackParameters>(catalog, "vllm_0_11");
  models::ReplicaShape shape;
  shape.gpus = shape.tp = 8;
  shape.weights = models::Precision::fp8;
  models::PodParameters p;
  p.table = std::make_shared<models::StepTable>(
      models::build_step_table(gpu, llm, stack, shape, 256, 8192, 1));
  return p;
}

models::FrontParameters chat(double requests_per_s) {
  const auto profile =
      scenarios::read_entry<models::TrafficProfile>(scenarios::Catalog(), "azure_conversation");
  models::FrontParameters p;
  p.arrivals.rate = sim::Rate{requests_per_s};
  p.lengths = profile.lengths;
  return p;
}

std::vector<models::Arrival> requests_until(double requests_per_s, sim::Time end) {
  const models::FrontParameters p = chat(requests_per_s);
  models::FrontState front = models::initial_front(p);
  models::Generation generation;
  return models::generate(generation, front, p, end).all;
}

/// Requests per second that the replica completes when far more wait than it can carry.
double capacity(const models::PodParameters& p) {
  constexpr sim::Time end = 200 * sim::second;
  const auto arrivals = requests_until(300, end);
  models::PodState pod = models::initial_pod(p);
  models::PodEpoch epoch;
  models::begin_epoch(epoch, 1, 0, end, sim::second);
  models::advance(pod, p, arrivals, end, epoch);
  return static_cast<double>(epoch.counts.completed) / sim::to_seconds(end);
}

void plain_engine_azure(benchmark::State& state) {
  const models::PodParameters p = replica_of_70b();
  const double rate = 0.6 * capacity(p);
  constexpr sim::Time end = 600 * sim::second;
  const auto arrivals = requests_until(rate, end);
  std::int64_t requests = 0, iterations = 0;
  for (auto _ : state) {
    models::PodState pod = models::initial_pod(p);
    models::PodEpoch epoch;
    models::begin_epoch(epoch, 1, 0, end, 100 * sim::millisecond);
    models::advance(pod, p, arrivals, end, epoch);
    requests += epoch.counts.completed;
    iterations += epoch.counts.iterations;
  }
  state.SetItemsProcessed(requests);
  state.counters["load_req_per_s"] = rate;
  state.counters["iterations_per_request"] =
      static_cast<double>(iterations) / static_cast<double>(requests);
}
BENCHMARK(plain_engine_azure)->Unit(benchmark::kMillisecond);

void traffic_copies(benchmark::State& state) {
  models::FrontParameters p = chat(5.53);
  p.arrivals.cv = 1.045;
  p.copies = state.range(0);
  std::int64_t requests = 0;
  models::Generation generation;
  models::FrontState front = models::initial_front(p);
  for (auto _ : state) {
    const sim::Time until = front.now + 60 * sim::second;
    requests += static_cast<std::int64_t>(models::generate(generation, front, p, until).all.size());
  }
  state.SetItemsProcessed(requests);
}
BENCHMARK(traffic_copies)->Arg(1)->Arg(200)->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
