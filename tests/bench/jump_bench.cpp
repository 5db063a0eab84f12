// The jump engine against the plain one, in one process: simulated requests per second on one core,
// histograms and energy on. Loads are shares of what the replica completes when far more wait.
// The figures behind docs/performance.md.
#include <benchmark/benchmark.h>
#include <malloc.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <tuple>

#include "gpu/launch.hpp"
#include "models/inference/front.hpp"
#include "models/inference/pod.hpp"
#include "scenarios/reader.hpp"
#include "sim/archive.hpp"
#include "sim/thread_pool.hpp"

namespace {

using namespace mw;
using models::Stepping;

const scenarios::Catalog& catalog() {
  static const scenarios::Catalog the;
  return the;
}

/// Eight H100 with Llama 70B (chat), or with gpt-oss 120B, whose small cache holds long chains of
/// thought of 1,024 requests (reasoning).
models::PodParameters replica_of(const char* llm_name, models::Precision weights, int sequences) {
  const auto gpu = scenarios::read_entry<models::GpuParameters>(catalog(), "h100_sxm");
  const auto llm = scenarios::read_entry<models::LlmParameters>(catalog(), llm_name);
  const auto stack = scenarios::read_entry<models::StackParameters>(catalog(), "vllm_0_11");
  models::ReplicaShape shape;
  shape.gpus = shape.tp = 8;
  shape.ep = llm.experts > 0 ? 8 : 1;
  shape.weights = weights;
  models::PodParameters p;
  p.engine.max_num_seqs = sequences;
  p.table = std::make_shared<models::StepTable>(
      models::build_step_table(gpu, llm, stack, shape, sequences, 8192, 1));
  p.slo = {sim::Seconds{2.0}, sim::Seconds{0.05}};
  return p;
}

models::FrontParameters traffic(const char* profile_name, double requests_per_s) {
  models::FrontParameters p;
  p.lengths = scenarios::read_entry<models::TrafficProfile>(catalog(), profile_name).lengths;
  p.arrivals.rate = sim::Rate{requests_per_s};
  return p;
}

std::vector<models::Arrival> requests_until(const char* profile, double rate, sim::Time end) {
  const models::FrontParameters p = traffic(profile, rate);
  models::FrontState front = models::initial_front(p);
  models::Generation generation;
  return models::generate(generation, front, p, end).all;
}

struct Work {
  models::PodParameters pod;
  std::vector<models::Arrival> arrivals;
  sim::Time end = 0, epoch = 0;
};

models::PodCounts run(const Work& work, Stepping stepping, std::size_t* state_bytes = nullptr) {
  models::PodParameters p = work.pod;
  p.engine.stepping = stepping;
  models::PodState pod = models::initial_pod(p);
  models::PodEpoch epoch;
  models::Latencies latencies;
  epoch.latencies = &latencies;
  models::PodCounts sum;
  std::size_t next = 0;
  for (sim::Time t = 0; t < work.end; t += work.epoch) {
    const sim::Time until = std::min(work.end, t + work.epoch);
    const std::size_t first = next;
    while (next < work.arrivals.size() && work.arrivals[next].t < until) ++next;
    models::begin_epoch(epoch, p.replicas, t, until, 100 * sim::millisecond);
    models::advance(pod, p, {work.arrivals.data() + first, next - first}, until, epoch);
    sum.completed += epoch.counts.completed;
    sum.iterations += epoch.counts.iterations;
    sum.preemptions += epoch.counts.preemptions;
  }
  benchmark::DoNotOptimize(latencies.e2e.total);
  if (state_bytes) *state_bytes = sim::save(pod).size();
  return sum;
}

/// Requests per second that the replica completes when far more wait.
double capacity(const models::PodParameters& p, const char* profile, sim::Time end, double rate) {
  Work work{p, requests_until(profile, rate, end), end, end};
  const double half = static_cast<double>(run(work, Stepping::jump).completed);
  work.end = work.epoch = end / 2;
  std::erase_if(work.arrivals, [&](const models::Arrival& a) { return a.t >= end / 2; });
  return (half - static_cast<double>(run(work, Stepping::jump).completed)) /
         sim::to_seconds(end / 2);
}

struct Row {
  std::string title;
  const char* llm;
  models::Precision weights;
  const char* profile;
  int sequences;
  double load;
  double seconds;          // simulated
  std::int64_t kv_blocks;  // 0: what the memory holds
  sim::Time epoch;
  double bar;  // million requests per second
};

const Row rows[] = {
    {"azure/256/30", "llama_3_1_70b", models::Precision::fp8, "azure_conversation", 256, .3, 3000,
     0, sim::second, 3},
    {"azure/256/60", "llama_3_1_70b", models::Precision::fp8, "azure_conversation", 256, .6, 1500,
     0, sim::second, 3},
    {"azure/256/95", "llama_3_1_70b", models::Precision::fp8, "azure_conversation", 256, .95, 1500,
     0, sim::second, 3},
    {"azure/256/60/long", "llama_3_1_70b", models::Precision::fp8, "azure_conversation", 256, .6,
     15000, 0, sim::second, 3},
    {"azure/256/60/hour", "llama_3_1_70b", models::Precision::fp8, "azure_conversation", 256, .6,
     1500, 0, sim::hour, 3},
    {"reasoning/1024/60", "gpt_oss_120b", models::Precision::mxfp4, "reasoning", 1024, .6, 8000, 0,
     sim::second, 2},
    {"reasoning/1024/95", "gpt_oss_120b", models::Precision::mxfp4, "reasoning", 1024, .95, 8000, 0,
     sim::second, 2},
    {"reasoning/1024/60/hour", "gpt_oss_120b", models::Precision::mxfp4, "reasoning", 1024, .6,
     8000, 0, sim::hour, 2},
    {"storm/1024/130", "gpt_oss_120b", models::Precision::mxfp4, "reasoning", 1024, 1.3, 20000,
     160'000, sim::second, .15},
};

Work work_of(const Row& row) {
  Work work;
  work.pod = replica_of(row.llm, row.weights, row.sequences);
  if (row.kv_blocks > 0) work.pod.engine.kv_blocks = row.kv_blocks;
  const double most =
      capacity(work.pod, row.profile, sim::from_seconds(2000), row.sequences > 256 ? 30 : 200);
  work.end = sim::from_seconds(row.seconds);
  work.epoch = row.epoch;
  work.arrivals = requests_until(row.profile, row.load * most, work.end);
  return work;
}

void engine(benchmark::State& state, const Row& row, Stepping stepping) {
  static std::map<std::string, Work> made;  // the same work for both engines
  if (!made.contains(row.title)) made[row.title] = work_of(row);
  const Work& work = made[row.title];
  models::PodCounts sum;
  for (auto _ : state) {
    const models::PodCounts one = run(work, stepping);
    sum.completed += one.completed;
    sum.iterations += one.iterations;
    sum.preemptions += one.preemptions;
  }
  state.SetItemsProcessed(sum.completed);
  const auto completed = static_cast<double>(sum.completed);
  state.counters["iterations_per_request"] = static_cast<double>(sum.iterations) / completed;
  state.counters["preemptions_per_request"] = static_cast<double>(sum.preemptions) / completed;
  std::size_t bytes = 0;
  run(work, stepping, &bytes);
  state.counters["state_bytes"] = static_cast<double>(bytes);
  state.counters["rate"] = static_cast<double>(work.arrivals.size()) / sim::to_seconds(work.end);
}

/// Pods in epochs of one second, with the front that makes and splits the requests.
struct Fleet {
  int pods, replicas;
  int threads = 1;
  bool unequal = false;  // every tenth pod has ten times the requests of the others
  int all() const { return pods * replicas; }
};
class RunningFleet {
 public:
  RunningFleet(Fleet size, Stepping stepping) : pool_(size.threads) {
    static const models::PodParameters one =
        replica_of("llama_3_1_70b", models::Precision::fp8, 256);
    static const double most = capacity(one, "azure_conversation", 2000 * sim::second, 200);
    models::PodParameters p = one;
    p.replicas = size.replicas;
    p.engine.stepping = stepping;
    const double share = size.unequal ? .19 : 1;  // of the pods' capacity, the dearest at .6
    front_ = traffic("azure_conversation", .6 * most * share * size.all());
    front_.pod_ends.clear();
    const std::size_t before = mallinfo2().uordblks;
    for (int pod = 0, sum = 0; pod < size.pods; ++pod) {
      sum += size.unequal && pod % 10 != 0 ? 1 : size.unequal ? 10 : size.replicas;
      front_.pod_ends.push_back(sum);
      p.partition = static_cast<std::uint32_t>(pod);
      parameters_.push_back(p);
      pods_.push_back(models::initial_pod(p));
    }
    source_ = models::initial_front(front_);
    epochs_.resize(pods_.size());
    cost_.resize(pods_.size());
    latencies_.resize(static_cast<std::size_t>(pool_.threads()));
    for (int warm = 0; warm < 30; ++warm) step();
    resident_ = static_cast<double>(mallinfo2().uordblks - before) / size.all();
    archived_ = static_cast<double>(sim::save(pods_).size()) / size.all();
  }
  /// Bytes a replica: in memory with all that belongs to the fleet, and in a checkpoint.
  double resident() const { return resident_; }
  double archived() const { return archived_; }
  /// One second of all pods; how many requests it completed.
  std::int64_t step() {
    const sim::Time until = now_ + sim::second;
    generation_.begin(source_, front_, until);
    pool_.for_each(generation_.parts(), [&](std::size_t part) { generation_.draw(part); });
    generation_.split();
    const models::ArrivalsByPod& arrivals = generation_.arrivals();
    for (std::size_t i = 0; i < pods_.size(); ++i)
      cost_[i] = models::expected_work(parameters_[i], epochs_[i].counts, arrivals[i].size());
    const auto advance_pod = [&](models::PodState& pod, std::size_t i, std::size_t thread) {
      generation_.sort(i);
      epochs_[i].latencies = &latencies_[thread];
      models::begin_epoch(epochs_[i], parameters_[i].replicas, now_, until, 100 * sim::millisecond);
      models::advance(pod, parameters_[i], arrivals[i], until, epochs_[i]);
    };
    gpu::launch_by_cost(pool_, std::span(pods_), std::span<const std::int64_t>(cost_), advance_pod);
    std::int64_t completed = 0;
    for (const models::PodEpoch& epoch : epochs_) completed += epoch.counts.completed;
    now_ = until;
    return completed;
  }

 private:
  models::FrontParameters front_;
  models::FrontState source_;
  std::vector<models::PodParameters> parameters_;
  std::vector<models::PodState> pods_;
  std::vector<models::PodEpoch> epochs_;
  std::vector<models::Latencies> latencies_;  // by thread
  std::vector<std::int64_t> cost_;
  sim::ThreadPool pool_;
  double resident_ = 0, archived_ = 0;
  models::Generation generation_;
  sim::Time now_ = 0;
};
void fleet(benchmark::State& state, Fleet size, Stepping stepping) {
  // Warmed up once, then it goes on from call to call.
  static std::map<std::tuple<int, int, bool, Stepping>, std::unique_ptr<RunningFleet>> running;
  auto& mine = running[{size.pods, size.threads, size.unequal, stepping}];
  if (!mine) mine = std::make_unique<RunningFleet>(size, stepping);
  std::int64_t completed = 0;
  for (auto _ : state) completed += mine->step();
  state.SetItemsProcessed(completed);
  state.counters["resident_bytes"] = mine->resident();
  state.counters["archived_bytes"] = mine->archived();
}

/// Keeps every repetition's rate, for medians and ratios.
class Rates : public benchmark::ConsoleReporter {
 public:
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      if (run.run_type != Run::RT_Iteration || run.error_occurred) continue;
      rates_[run.run_name.function_name].push_back(run.counters.at("items_per_second"));
    }
    benchmark::ConsoleReporter::ReportRuns(runs);
  }
  void row(const std::string& title, double bar) {
    const double jump = median("jump/" + title), plain = median("plain/" + title);
    if (jump == 0 || plain == 0) return;
    std::printf("%-28s %10.3f %10.4f %8.1f   >= %.2f %s\n", title.c_str(), jump / 1e6, plain / 1e6,
                jump / plain, bar, jump >= bar * 1e6 ? "met" : "MISSED");
  }

 private:
  double median(const std::string& name) {
    std::vector<double>& r = rates_[name];
    if (r.empty()) return 0;
    std::sort(r.begin(), r.end());
    return (r[(r.size() - 1) / 2] + r[r.size() / 2]) / 2;
  }
  std::map<std::string, std::vector<double>> rates_;
};

}  // namespace

int main(int argc, char** argv) {
  // Both engines in random turns, so that a busy moment hits both alike.
  std::string defaults[] = {"--benchmark_repetitions=5",
                            "--benchmark_enable_random_interleaving=true",
                            "--benchmark_min_time=0.05"};
  std::vector<char*> arguments{argv[0]};
  for (std::string& d : defaults) arguments.push_back(d.data());
  arguments.insert(arguments.end(), argv + 1, argv + argc);
  int count = static_cast<int>(arguments.size());

  const Fleet fleets[] = {{10'000, 1}, {157, 64}, {10, 64}, {1000, 1, 1, true}, {1000, 1, 2, true}};
  const auto name_of = [](Fleet f) {
    return "fleet/" + std::to_string(f.pods) + "x" + std::to_string(f.replicas) +
           (f.unequal ? "/unequal" : "") + (f.threads > 1 ? "/2_threads" : "");
  };
  for (const auto& [word, stepping] :
       {std::pair{"jump/", Stepping::jump}, std::pair{"plain/", Stepping::plain}}) {
    for (const Row& row : rows) {
      benchmark::RegisterBenchmark((word + row.title).c_str(), [&row, stepping = stepping](
                                                                   benchmark::State& state) {
        engine(state, row, stepping);
      })->Unit(benchmark::kMillisecond);
    }
    for (const Fleet f : fleets) {
      auto* row = benchmark::RegisterBenchmark(
          (word + name_of(f)).c_str(),
          [f, stepping = stepping](benchmark::State& state) { fleet(state, f, stepping); });
      row->Unit(benchmark::kMillisecond);
      if (f.unequal) row->UseRealTime();  // what several threads are for
    }
  }
  benchmark::Initialize(&count, arguments.data());
  if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) return 2;

  Rates rates;
  benchmark::RunSpecifiedBenchmarks(&rates);
  std::printf("%-28s %10s %10s %8s   %s\n", "medians", "M req/s", "plain", "ratio", "bar, M req/s");
  for (const Row& row : rows) rates.row(row.title, row.bar);
  for (const Fleet f : fleets) rates.row(name_of(f), 1);
}
