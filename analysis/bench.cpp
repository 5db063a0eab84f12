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
#include "gpu/backend.hpp"
#include "gpu/space.hpp"
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

/// What a state has counted by then.
struct Counted {
  sim::Time now = 0;
  std::vector<PodCounts> services;
  double made = 0;
};

Counted counted(const SiteState& state) {
  Counted c{state.now, state.counts, 0};
  for (const auto& front : state.fronts) c.made += static_cast<double>(front.made);
  for (const auto& pod : state.pods) c.made += static_cast<double>(pod.users.asked);
  return c;
}

Work work_between(const Counted& from, const Counted& to) {
  Work w;
  for (std::size_t s = 0; s < to.services.size(); ++s) {
    const PodCounts &a = from.services[s], &b = to.services[s];
    w.requests += static_cast<double>(b.arrivals - a.arrivals);
    w.events +=
        static_cast<double>(b.arrivals - a.arrivals + b.admitted - a.admitted + b.completed -
                            a.completed + b.refused - a.refused + b.preemptions - a.preemptions);
  }
  w.simulated = to.made - from.made;
  return w;
}

/// One way to step the site: so many threads, or a device for its pods.
struct Way {
  gpu::Backend backend = gpu::Backend::cpu;
  int threads = 1;
  std::string device;  // its name
};

struct Figures {
  Way way;
  double simulated_s = 0;
  Measured took;  // medians
  Work work;
  std::uint64_t trace_hash = 0;
};

/// The span that begins one epoch after `start`: in that epoch threads start and a device is
/// loaded.
Figures measure(const SiteParameters& site, const SiteState& start, const BenchOptions& options,
                const Way& way) {
  Figures f;
  f.way = way;
  sim::ThreadPool pool(way.threads);
  std::vector<Measured> all;
  for (int i = 0; i < options.repeats; ++i) {
    SiteState state = start;
    SiteEpoch epoch;
    if (way.backend == gpu::Backend::cuda) use_device(epoch, site, gpu::cuda_space(), true);
    step_epoch(state, site, pool, epoch);
    const Counted first = counted(state);
    const sim::Time end = state.now + sim::from_seconds(options.measured_s);
    const auto wall = std::chrono::steady_clock::now();
    const std::clock_t core = std::clock();  // processor time of all threads
    while (state.now < end) step_epoch(state, site, pool, epoch);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - wall;
    all.push_back({took.count(), static_cast<double>(std::clock() - core) / CLOCKS_PER_SEC});
    f.work = work_between(first, counted(state));
    f.simulated_s = sim::to_seconds(state.now - first.now);
    f.trace_hash = trace_hash(state).value;
  }
  f.took = {median(all, &Measured::wall_s), median(all, &Measured::core_s)};
  return f;
}

/// The device that would take the site's pods; else why there is none, in words.
struct Device {
  std::string name, why_not;
};
Device device_for(const SiteParameters& site) {
  if (std::string why = gpu::missing(gpu::Backend::cuda); !why.empty()) return {"", std::move(why)};
  SiteEpoch epoch;
  auto space = gpu::cuda_space();
  std::string name = space->name();
  std::string notice = use_device(epoch, site, std::move(space), true);
  return epoch.device ? Device{std::move(name), ""} : Device{"", std::move(notice)};
}

}  // namespace

int bench(const BenchOptions& options) {
  const scenarios::Catalog catalog;
  const auto document =
      scenarios::read_document<scenarios::Scenario>(options.scenario, {options.sets}, catalog);
  const SiteParameters site =
      scenarios::build_site(document, std::filesystem::path(options.scenario).parent_path());
  const sim::Time warm = sim::from_seconds(options.warm_up_s);

  SiteState start = initial_site(site);
  {
    SiteEpoch epoch;
    sim::ThreadPool pool(options.threads);
    while (start.now < std::min(warm, site.duration)) step_epoch(start, site, pool, epoch);
  }
  // Steps may be long: the measured span begins where the next one ends.
  const sim::Time begin = next_boundary(start, site);
  const sim::Time end = begin + sim::from_seconds(options.measured_s);
  if (start.now >= site.duration || end > site.duration)
    throw sim::InputError(
        options.scenario, 0, 0,
        fmt::format("lasts {:g} s, but warm-up, a step and measurement take {:g} s",
                    sim::to_seconds(site.duration), sim::to_seconds(end)),
        "lower --warm-up and --seconds, or lengthen it: --set 'duration=...'");
  const int cores = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  const int most = options.threads > 0 ? options.threads : cores;
  std::vector<Way> ways{{}};
  if (most > 1) ways.push_back({gpu::Backend::cpu, most, ""});
  const Device device = device_for(site);
  if (device.why_not.empty()) ways.push_back({gpu::Backend::cuda, most, device.name});

  nlohmann::ordered_json j;
  j["scenario"] = site.name;
  j["version"] = version;
  j["processor"] = processor();
  j["cores"] = cores;
  j["device"] =
      device.name.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(device.name);
  if (device.name.empty()) j["no_device"] = device.why_not;
  j["fidelity"] = fidelity_text(site);
  j["repeats"] = options.repeats;
  std::string table = fmt::format(
      "{}: {} cores, {}\n  {}\n  medians of {} x {:g} s after {:g} s\n\n"
      "  {:<7} {:>7} {:>8} {:>8} {:>10} {:>12} {:>12} {:>12} {:>11}\n",
      site.name, cores, processor(), fidelity_text(site), options.repeats,
      sim::to_seconds(end - begin), sim::to_seconds(begin), "backend", "threads", "wall s",
      "core s", "events/s", "requests/s", "made/core s", "pod s/s", "x one core");
  Figures one;
  for (const Way& way : ways) {
    const Figures f = measure(site, start, options, way);
    if (way.backend == gpu::Backend::cpu && way.threads == 1) one = f;
    const double wall = f.took.wall_s;
    const double pod_seconds = static_cast<double>(site.pods.size()) * f.simulated_s / wall;
    const double times = one.took.wall_s / wall;
    const char* backend = gpu::enum_names(way.backend)[static_cast<std::size_t>(way.backend)];
    table += fmt::format(
        "  {:<7} {:>7} {:>8.3f} {:>8.3f} {:>10.4g} {:>12.4g} {:>12.4g} {:>12.4g} {:>11.2f}\n",
        backend, way.threads, wall, f.took.core_s, f.work.events / wall, f.work.requests / wall,
        f.work.simulated / f.took.core_s, pod_seconds, times);
    j["runs"].push_back({{"backend", backend},
                         {"threads", way.threads},
                         {"simulated_s", f.simulated_s},
                         {"wall_s", wall},
                         {"core_s", f.took.core_s},
                         {"events_per_s", f.work.events / wall},
                         {"requests_per_s", f.work.requests / wall},
                         {"made_requests_per_s", f.work.simulated / wall},
                         {"made_requests_per_core_s", f.work.simulated / f.took.core_s},
                         {"pod_seconds_per_s", pod_seconds},
                         {"times_one_core", times},
                         {"same_trace_hash", f.trace_hash == one.trace_hash}});
    if (f.trace_hash != one.trace_hash)
      table += "          another trace hash than on one core: please report this\n";
  }
  table += device.name.empty() ? fmt::format("  {:<7} {}\n", "cuda", device.why_not)
                               : fmt::format("  cuda is {}\n", device.name);
  fmt::print("{}", options.json ? j.dump(2) + "\n" : table);
  return 0;
}

}  // namespace mw::analysis
