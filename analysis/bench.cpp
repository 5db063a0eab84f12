#include "analysis/bench.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "analysis/run.hpp"
#include "models/site/epoch.hpp"
#include "scenarios/build.hpp"
#include "scenarios/read.hpp"
#include "sim/input_error.hpp"
#include "sim/thread_pool.hpp"

namespace mw::analysis {
namespace {

using namespace mw::models;

/// As Linux names it; empty where it does not.
std::string processor() {
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line);)
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  return "";
}

struct Measured {
  double wall_s = 0, core_s = 0;
};

double median(std::vector<Measured> all, double Measured::*of) {
  std::sort(all.begin(), all.end(),
            [&](const Measured& a, const Measured& b) { return a.*of < b.*of; });
  return all[all.size() / 2].*of;
}

/// What happened in a span, over all services; followers of a cohort count as what they stand for.
struct Work {
  double requests = 0;   // that arrived
  double events = 0;     // arrivals, admissions, ends, refusals and preemptions
  double simulated = 0;  // requests that were really made
};

double count_made(const SiteState& state) {
  double made = 0;
  for (const auto& front : state.fronts) made += static_cast<double>(front.made);
  for (const auto& pod : state.pods) made += static_cast<double>(pod.users.asked);
  return made;
}

Work work_between(const SiteState& from, const SiteState& to) {
  Work w;
  for (std::size_t s = 0; s < to.counts.size(); ++s) {
    const PodCounts &a = from.counts[s], &b = to.counts[s];
    w.requests += static_cast<double>(b.arrivals - a.arrivals);
    w.events +=
        static_cast<double>(b.arrivals - a.arrivals + b.admitted - a.admitted + b.completed -
                            a.completed + b.refused - a.refused + b.preemptions - a.preemptions);
  }
  w.simulated = count_made(to) - count_made(from);
  return w;
}

}  // namespace

int bench(const BenchOptions& options) {
  const scenarios::Catalog catalog;
  const auto document =
      scenarios::read_document<scenarios::Scenario>(options.scenario, {options.sets}, catalog);
  const SiteParameters site =
      scenarios::build_site(document, std::filesystem::path(options.scenario).parent_path());
  const sim::Time warm = sim::from_seconds(options.warm_up_s);

  SiteEpoch epoch;
  SiteState start = initial_site(site);
  {
    sim::ThreadPool pool(options.threads);
    while (start.now < std::min(warm, site.duration)) step_epoch(start, site, pool, epoch);
  }
  // Steps may be long: the measured span begins where the warm-up really ended.
  const sim::Time end = start.now + sim::from_seconds(options.measured_s);
  if (end > site.duration)
    throw sim::InputError(options.scenario, 0, 0,
                          fmt::format("lasts {:g} s, but warm-up and measurement take {:g} s",
                                      sim::to_seconds(site.duration), sim::to_seconds(end)),
                          "lower --warm-up and --seconds, or lengthen it: --set 'duration=...'");
  const int cores = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  std::vector<int> threads{1};
  if (const int most = options.threads > 0 ? options.threads : cores; most > 1)
    threads.push_back(most);

  nlohmann::ordered_json j;
  j["scenario"] = site.name;
  j["version"] = version;
  j["processor"] = processor();
  j["cores"] = cores;
  j["backend"] = "cpu";
  j["fidelity"] = fidelity_text(site);
  j["repeats"] = options.repeats;
  std::string table = fmt::format(
      "{}: {} cores, {}\n  {}\n  medians of {} x {:g} s after {:g} s; backend cpu\n\n"
      "  {:>7} {:>8} {:>8} {:>12} {:>14} {:>14} {:>12}\n",
      site.name, cores, processor(), fidelity_text(site), options.repeats,
      sim::to_seconds(end - start.now), sim::to_seconds(start.now), "threads", "wall s", "core s",
      "events/s", "requests/s", "made/core s", "pod s/s");
  for (const int n : threads) {
    sim::ThreadPool pool(n);
    std::vector<Measured> all;
    Work work;
    double simulated = 0;
    for (int i = 0; i < options.repeats; ++i) {
      SiteState state = start;
      const auto wall = std::chrono::steady_clock::now();
      const std::clock_t core = std::clock();  // processor time of all threads
      while (state.now < end) step_epoch(state, site, pool, epoch);
      const std::chrono::duration<double> took = std::chrono::steady_clock::now() - wall;
      all.push_back({took.count(), static_cast<double>(std::clock() - core) / CLOCKS_PER_SEC});
      work = work_between(start, state);
      simulated = sim::to_seconds(state.now - start.now);
    }
    const double wall = median(all, &Measured::wall_s), core = median(all, &Measured::core_s);
    const double pod_seconds = static_cast<double>(site.pods.size()) * simulated / wall;
    table += fmt::format("  {:>7} {:>8.3f} {:>8.3f} {:>12.4g} {:>14.4g} {:>14.4g} {:>12.4g}\n", n,
                         wall, core, work.events / wall, work.requests / wall,
                         work.simulated / core, pod_seconds);
    j["runs"].push_back({{"threads", n},
                         {"simulated_s", simulated},
                         {"wall_s", wall},
                         {"core_s", core},
                         {"events_per_s", work.events / wall},
                         {"requests_per_s", work.requests / wall},
                         {"made_requests_per_core_s", work.simulated / core},
                         {"pod_seconds_per_s", pod_seconds}});
  }
  fmt::print("{}", options.json ? j.dump(2) + "\n" : table);
  return 0;
}

}  // namespace mw::analysis
