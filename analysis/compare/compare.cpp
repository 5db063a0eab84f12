#include "analysis/compare/compare.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <mutex>
#include <nlohmann/json.hpp>

#include "analysis/common_options.hpp"
#include "analysis/compare/report.hpp"
#include "analysis/interrupt.hpp"
#include "analysis/progress.hpp"
#include "analysis/write_file.hpp"
#include "sim/input_error.hpp"
#include "sim/thread_pool.hpp"

namespace mw::analysis {
namespace {

namespace fs = std::filesystem;

/// A case before it has run: a document for each seed.
struct Planned {
  Case c;
  fs::path base;
  std::vector<ScenarioDocument> documents;
};

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

Planned plan_case(std::string name, const std::string& scenario,
                  const std::vector<std::string>& sets, const std::vector<std::string>& changes,
                  int replicates, std::uint64_t& seed, bool first) {
  Planned planned;
  planned.c.name = std::move(name);
  planned.c.title = scenario + (changes.empty() ? "" : " with " + joined(changes));
  planned.base = fs::path(scenario).parent_path();
  const scenarios::Catalog catalog;
  scenarios::ManyReader<scenarios::Scenario> reader(scenario, catalog);
  auto all = sets;
  all.insert(all.end(), changes.begin(), changes.end());
  auto document = reader.read(all);
  planned.c.resolved = scenarios::write_resolved(document.value);
  if (first) seed = document.value.seed;
  for (int r = 0; r < replicates; ++r) {
    document.value.seed = seed + static_cast<std::uint64_t>(r);
    planned.documents.push_back(document);
  }
  return planned;
}

/// All runs of all cases, a thread each, long ones first. False: interrupted.
bool run_cases(std::vector<Planned>& cases, int replicates, const CompareOptions& options) {
  struct Job {
    std::size_t of, replicate;
    double cost;
  };
  std::vector<Job> jobs;
  for (std::size_t c = 0; c < cases.size(); ++c) {
    cases[c].c.results.resize(static_cast<std::size_t>(replicates));
    for (std::size_t r = 0; r < cases[c].documents.size(); ++r)
      jobs.push_back({c, r, guessed_cost(cases[c].documents[r].value)});
  }
  std::stable_sort(jobs.begin(), jobs.end(),
                   [](const Job& a, const Job& b) { return a.cost > b.cost; });
  InterruptGuard interrupts;
  ProgressLine line(options.quiet);
  std::mutex mutex;
  std::size_t done = 0;
  sim::ThreadPool pool(options.threads);
  pool.for_each(jobs.size(), [&](std::size_t j) {
    if (InterruptGuard::requested()) return;
    Planned& planned = cases[jobs[j].of];
    planned.c.results[jobs[j].replicate] =
        run_point(planned.documents[jobs[j].replicate], planned.base, 1);
    const std::lock_guard lock(mutex);
    ++done;
    if (line.due())
      line.say(fmt::format("compare: {} of {} runs, {} so far", done, jobs.size(),
                           clock_text(line.elapsed())));
  });
  return !InterruptGuard::requested();
}

}  // namespace

void add_compare(CLI::App& app, CompareOptions& options) {
  auto& c = *app.add_subcommand(
      "compare", "Run scenarios with the same seeds; say what differs, and where it went");
  c.footer(
      "Two files, or one and what changes in it:\n"
      "  millwright compare a.yaml b.yaml\n"
      "  millwright compare a.yaml --change 'control.policy=static'\n"
      "The first is compared with each other one. Intervals are of the mean difference over "
      "seeds.");
  c.add_option("SCENARIO", options.scenarios, "Scenario files (YAML)")->required();
  add_settings(c, "--set", options.sets, "Set a value in all of them; may be repeated");
  add_settings(c, "--change", options.changes,
               "One more case: the first scenario with this value changed; repeated, all the "
               "changes together");
  c.add_option("-r,--replicates", options.replicates,
               "Runs of each, with the first scenario's seed, the next, ...")
      ->check(CLI::Range(1, 10000))
      ->capture_default_str()
      ->type_name("N");
  add_shown(c, options.shown);
  add_threads(c, options.threads, "Runs at a time; 0 takes all cores. Results do not depend on it");
  add_quiet(c, options.quiet);
}

int compare(const CompareOptions& options) {
  if (options.scenarios.size() + !options.changes.empty() < 2)
    throw sim::InputError("compare", 0, 0, "there is one scenario, and nothing to compare it with",
                          "name a second file, or say what changes: --change PATH=VALUE");
  if (options.scenarios.size() > 25)
    throw sim::InputError("compare", 0, 0, "there are too many scenarios",
                          "compare at most 25, or make it a study (docs/sweep.md)");
  std::uint64_t seed = 0;
  std::vector<Planned> cases;
  const auto add = [&](const std::string& scenario, const std::vector<std::string>& changes) {
    cases.push_back(plan_case(std::string(1, static_cast<char>('A' + cases.size())), scenario,
                              options.sets, changes, options.replicates, seed, cases.empty()));
  };
  for (const auto& scenario : options.scenarios) add(scenario, {});
  if (!options.changes.empty()) add(options.scenarios[0], options.changes);

  if (!run_cases(cases, options.replicates, options)) {
    fmt::print(stderr, "millwright: interrupted; nothing was compared\n");
    return 1;
  }
  for (const auto& planned : cases)
    for (const auto& result : planned.c.results)
      if (!result.error.empty()) throw std::runtime_error(planned.c.title + ": " + result.error);
  for (const auto& name : options.shown.show) {
    const auto known = [&](const Planned& planned) {
      const auto& figures = planned.c.results[0].figures;
      return std::any_of(figures.begin(), figures.end(),
                         [&](const ResultFigure& f) { return f.name == name; });
    };
    if (std::none_of(cases.begin(), cases.end(), known))
      throw sim::InputError("--show", 0, 0, "no case has a figure `" + name + "`",
                            "--all shows those that differ; docs/metrics.md lists all");
  }

  const std::string seeds =
      options.replicates > 1
          ? fmt::format("seeds {} to {}, paired", seed,
                        seed + static_cast<std::uint64_t>(options.replicates) - 1)
          : fmt::format("seed {}", seed);
  std::string text = fmt::format(
      "compare: {} runs, {}\n", cases.size() * static_cast<std::size_t>(options.replicates), seeds);
  nlohmann::ordered_json json{{"seed", seed}, {"replicates", options.replicates}};
  for (const auto& planned : cases) {
    text += fmt::format("  {}  {}\n", planned.c.name, planned.c.title);
    json["cases"][planned.c.name] = planned.c.title;
  }
  for (std::size_t i = 1; i < cases.size(); ++i) {
    const CasePair pair = pair_of(cases[0].c, cases[i].c);
    text += pair_text(pair, options.shown.show, options.shown.all);
    json["pairs"].push_back(pair_json(pair));
  }
  if (options.shown.json == "-") {
    fmt::print("{}\n", json.dump(1));
    return 0;
  }
  fmt::print("{}", text);
  if (!options.shown.json.empty()) {
    write_file(options.shown.json, json.dump(1) + "\n");
    fmt::print("\n  wrote    {}\n", options.shown.json);
  }
  return 0;
}

}  // namespace mw::analysis
