// Fleets of pods on one core and on a CUDA device, the same requests: requests per second, the time
// of an epoch, and whether both went through the same history. Without a device, or with
// --emulate, flat memory is stepped on the host: slow, but the same bits.
//   bench_device [--pods N] [--epochs N] [--emulate] [--json FILE]
#include <chrono>
#include <cstdio>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "gpu/backend.hpp"
#include "gpu/space.hpp"
#include "models/inference/flat_pods.hpp"
#include "models/inference/front.hpp"
#include "models/inference/pod.hpp"
#include "scenarios/reader.hpp"

namespace {

using namespace mw;

/// As in jump_bench.cpp: eight H100 each, at about 60 % of what a replica completes.
struct Row {
  const char *title, *llm, *profile;
  models::Precision weights;
  int sequences;
  double rate;  // requests per second and replica
  int replicas;
};
const Row rows[] = {
    {"chat", "llama_3_1_70b", "azure_conversation", models::Precision::fp8, 256, 8.3, 1},
    {"chat", "llama_3_1_70b", "azure_conversation", models::Precision::fp8, 256, 8.3, 64},
    {"reasoning", "gpt_oss_120b", "reasoning", models::Precision::mxfp4, 1024, 0.93, 1},
};

class Fleet {
 public:
  Fleet(const Row& row, int replicas, gpu::Space* space) {
    const scenarios::Catalog catalog;
    const auto gpu = scenarios::read_entry<models::GpuParameters>(catalog, "h100_sxm");
    const auto llm = scenarios::read_entry<models::LlmParameters>(catalog, row.llm);
    const auto stack = scenarios::read_entry<models::StackParameters>(catalog, "vllm_0_11");
    models::ReplicaShape shape;
    shape.gpus = shape.tp = 8;
    shape.ep = llm.experts > 0 ? 8 : 1;
    shape.weights = row.weights;
    models::PodParameters p;
    p.engine.max_num_seqs = row.sequences;
    p.table = std::make_shared<models::StepTable>(
        models::build_step_table(gpu, llm, stack, shape, row.sequences, 8192, 1));
    p.slo = {sim::Seconds{2.0}, sim::Seconds{0.05}};
    p.replicas = row.replicas;
    const int pods = std::max(1, replicas / row.replicas);
    front_.lengths = scenarios::read_entry<models::TrafficProfile>(catalog, row.profile).lengths;
    front_.arrivals.rate = sim::Rate{row.rate * pods * row.replicas};
    front_.pod_ends.clear();
    for (int i = 0; i < pods; ++i) {
      front_.pod_ends.push_back((i + 1) * row.replicas);
      p.partition = static_cast<std::uint32_t>(i);
      parameters_.push_back(p);
      pods_.push_back(models::initial_pod(p));
    }
    source_ = models::initial_front(front_);
    epochs_.resize(pods_.size());
    if (!space) return;
    std::vector<const models::PodParameters*> all;
    for (const auto& one : parameters_) all.push_back(&one);
    flat_ = std::make_unique<models::FlatPods>(*space, std::move(all));
  }

  void step() {
    const auto clock = [] { return std::chrono::steady_clock::now(); };
    const auto start = clock();
    const sim::Time until = now_ + sim::second;
    const models::ArrivalsByPod& arrivals = models::generate(generation_, source_, front_, until);
    std::vector<std::span<const models::Arrival>> each;
    for (std::size_t i = 0; i < pods_.size(); ++i) {
      each.push_back(arrivals[i]);
      epochs_[i].latencies = &latencies_;
      models::begin_epoch(epochs_[i], parameters_[i].replicas, now_, until, 100 * sim::millisecond);
    }
    const auto made = clock();
    if (flat_) {
      flat_->advance(pods_, each, until, epochs_);
    } else {
      for (std::size_t i = 0; i < pods_.size(); ++i)
        models::advance(pods_[i], parameters_[i], each[i], until, epochs_[i]);
    }
    making_s += std::chrono::duration<double>(made - start).count();
    advancing_s += std::chrono::duration<double>(clock() - made).count();
    for (const auto& epoch : epochs_) completed += epoch.counts.completed;
    now_ = until;
  }
  void measure(int epochs) {
    for (int k = 0; k < epochs; ++k) step();  // to a steady state
    making_s = advancing_s = 0;
    completed = 0;
    for (int k = 0; k < epochs; ++k) step();
  }
  std::uint64_t hash() const {
    std::vector<sim::TraceHash> all;
    for (const auto& pod : pods_) all.push_back(models::trace_hash(pod));
    return sim::combine(all).value;
  }
  std::size_t pods() const { return pods_.size(); }
  const models::Latencies& latencies() const { return latencies_; }
  std::string notice() const { return flat_ ? flat_->notice() : std::string(); }

  double making_s = 0, advancing_s = 0;
  std::int64_t completed = 0;

 private:
  models::FrontParameters front_;
  models::FrontState source_;
  models::Generation generation_;
  std::vector<models::PodParameters> parameters_;
  std::vector<models::PodState> pods_;
  std::vector<models::PodEpoch> epochs_;
  models::Latencies latencies_;
  std::unique_ptr<models::FlatPods> flat_;
  sim::Time now_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  int replicas = 50'000, epochs = 30;
  bool emulate = !gpu::has_backend(gpu::Backend::cuda);
  std::string path;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const bool more = i + 1 < argc;
    if (word == "--emulate") {
      emulate = true;
    } else if (word == "--pods" && more) {
      replicas = std::stoi(argv[++i]);
    } else if (word == "--epochs" && more) {
      epochs = std::stoi(argv[++i]);
    } else if (word == "--json" && more) {
      path = argv[++i];
    } else {
      std::fprintf(stderr, "bench_device [--pods N] [--epochs N] [--emulate] [--json FILE]\n");
      return 2;
    }
  }
  const auto space = emulate ? gpu::host_space() : gpu::cuda_space();
  nlohmann::json out{
      {"device", space->name()}, {"emulated", emulate}, {"rows", nlohmann::json::array()}};
  bool same = true;
  std::printf("%-26s %14s %14s %8s %s\n", "on one core and on", "core, M req/s", "device", "ratio",
              "same bits");
  for (const Row& row : rows) {
    Fleet core(row, replicas, nullptr), device(row, replicas, space.get());
    core.measure(epochs);
    device.measure(epochs);
    const bool equal = core.hash() == device.hash() && core.latencies() == device.latencies();
    same = same && equal;
    const auto rate = [](const Fleet& f) {
      return static_cast<double>(f.completed) / f.advancing_s;
    };
    const std::string title = std::string(row.title) + " " + std::to_string(core.pods()) + "x" +
                              std::to_string(row.replicas);
    std::printf("%-26s %14.3f %14.3f %8.2f %s\n", title.c_str(), rate(core) / 1e6,
                rate(device) / 1e6, rate(device) / rate(core), equal ? "yes" : "NO");
    std::fprintf(stderr, "  %s\n", device.notice().c_str());
    out["rows"].push_back({{"row", title},
                           {"same_bits", equal},
                           {"requests", device.completed},
                           {"core_requests_per_s", rate(core)},
                           {"device_requests_per_s", rate(device)},
                           {"ratio", rate(device) / rate(core)},
                           {"device_s_per_epoch", device.advancing_s / epochs},
                           {"making_requests_s_per_epoch", device.making_s / epochs}});
  }
  if (!path.empty()) std::ofstream(path) << out.dump(2) << '\n';
  return same ? 0 : 1;
}
