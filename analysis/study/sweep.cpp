#include "analysis/study/sweep.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "analysis/common_options.hpp"
#include "analysis/study/runner.hpp"
#include "analysis/study/study_file.hpp"
#include "analysis/table_text.hpp"

namespace mw::analysis {
namespace {

constexpr std::size_t rows_shown = 24;

/// Points as lines of JSON: what runs, by address.
void print_plan(const StudyPlan& plan, const Results& results, const Shard& shard) {
  auto mine = points_of(plan, shard);
  std::sort(mine.begin(), mine.end());
  const Study& study = plan.file->study();
  for (const std::size_t i : mine) {
    const PlannedPoint& p = plan.points[i];
    nlohmann::ordered_json j{{"point", i},
                             {"key", fmt::format("{:016x}", p.key)},
                             {"seed", p.seed},
                             {"replicate", p.replicate},
                             {"done", results.contains(p.key)}};
    for (std::size_t f = 0; f < study.factors.size(); ++f)
      j["levels"][study.factors[f].name] = plan.levels(p).levels[f].text;
    if (!p.error.empty()) j["error"] = p.error;
    fmt::print("{}\n", j.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  }
}

std::string cell(double v) {
  return std::isnan(v) ? "-" : fmt::format("{:.4g}", v);
}

double figure_of(const Study& study, const StudyRow& row, const std::string& name) {
  for (std::size_t m = 0; m < study.metrics.size(); ++m)
    if (study.metrics[m].name == name) return row.derived[m];
  return row.result ? row.result->value(name) : std::nan("");
}

/// The first points with the figures that the study shows.
void print_rows(const StudyPlan& plan, const std::vector<StudyRow>& rows) {
  const Study& study = plan.file->study();
  auto show = study.show;
  if (show.empty()) {
    show = {"tokens_per_s_per_mw", "j_per_token", "usd_per_mtok", "pue"};
    for (const Derived& d : study.metrics) show.push_back(d.name);
  }
  std::vector<std::vector<std::string>> table(1);
  for (const Factor& f : study.factors) table[0].push_back(f.name);
  if (study.replicates > 1) table[0].push_back("replicate");
  for (const auto& name : show) table[0].push_back(name);
  if (!study.constraints.empty()) table[0].push_back("feasible");
  for (std::size_t i = 0; i < std::min(rows.size(), rows_shown); ++i) {
    auto& line = table.emplace_back();
    for (const Level& level : plan.levels(*rows[i].point).levels)
      line.push_back(level.text.empty() ? "-" : level.text);
    if (study.replicates > 1) line.push_back(fmt::format("{}", rows[i].point->replicate));
    for (const auto& name : show) line.push_back(cell(figure_of(study, rows[i], name)));
    if (!study.constraints.empty()) line.push_back(rows[i].feasible ? "yes" : "no");
  }
  fmt::print("{}", table_text(table, 0));
  if (rows.size() > rows_shown) fmt::print("  and {} more in the file\n", rows.size() - rows_shown);
}

}  // namespace

void add_sweep(CLI::App& app, SweepOptions& options) {
  auto& command = *app.add_subcommand("sweep", "Run all points of a study; write one table");
  command.footer(
      "A second call runs only what is new. A cluster: sweep run STUDY --shard 3/8 on each "
      "machine, "
      "then sweep merge STUDY.");
  command.require_subcommand(0, 1);
  const auto common = [&options](CLI::App& c) {
    c.add_option("STUDY", options.study, "Study file (YAML; docs/sweep.md)")
        ->required(c.get_name() != "sweep");
    add_settings(c, "--set", options.sets, "Set a value of the study; may be repeated");
    c.add_option("-o,--output", options.output,
                 "Study file (HDF5); otherwise NAME.h5 in this folder. Finished points lie beside "
                 "it, in the folder of the same name that ends in .points")
        ->type_name("FILE");
    add_threads(c, options.threads,
                "Points at a time; 0 takes all cores. Results do not depend on it");
    add_quiet(c, options.quiet);
  };
  const auto retry = [&options](CLI::App& c) {
    c.add_flag("--retry-failed", options.retry, "Run points again that failed");
  };
  const auto shard = [&options](CLI::App& c) {
    c.add_option("--shard", options.shard, "Only a part: 3/8 is the third of eight")
        ->type_name("I/N");
  };
  const auto merge_flags = [&options](CLI::App& c) {
    c.add_flag("--no-timing", options.no_timing, "Leave processor times out of the file");
  };
  common(command);
  retry(command);
  merge_flags(command);
  auto& plan = *command.add_subcommand("plan", "Print the points as lines of JSON; run nothing");
  common(plan);
  shard(plan);
  plan.callback([&options] { options.what = SweepOptions::What::plan; });
  auto& run = *command.add_subcommand("run", "Run points, or a part of them; write no table");
  common(run);
  shard(run);
  retry(run);
  run.callback([&options] { options.what = SweepOptions::What::run; });
  auto& merge = *command.add_subcommand("merge", "Write the table from what has been run");
  common(merge);
  merge_flags(merge);
  merge.add_flag("--check-complete", options.check_complete,
                 "Exit with 1, and write nothing, while points are missing");
  merge.callback([&options] { options.what = SweepOptions::What::merge; });
}

int sweep(const SweepOptions& options) {
  using What = SweepOptions::What;
  const StudyFile file = read_study(options.study, options.sets);
  const Shard shard = options.shard.empty() ? Shard{} : parse_shard(options.shard);
  sim::ThreadPool pool(options.threads);
  const StudyPlan plan = plan_study_points(file, pool);
  const Study& study = file.study();

  std::filesystem::path output = options.output.empty() ? study.name + ".h5" : options.output;
  const auto folder = std::filesystem::path(output).replace_extension(".points");
  auto [results, damaged] = read_store(folder);
  if (!options.quiet)
    for (const auto& line : damaged)
      fmt::print(stderr, "millwright: {} is damaged or cut short; its point runs again\n", line);
  if (options.what == What::plan) {
    print_plan(plan, results, shard);
    return 0;
  }
  if (options.retry)
    std::erase_if(results, [](const auto& item) { return !item.second.error.empty(); });

  RunnerReport report;
  if (options.what != What::merge) {
    StoreWriter writer(folder, shard.name());
    report = run_points(plan, points_of(plan, shard), writer, results, pool, options.quiet);
    fmt::print(
        "{}: {} points, {} run now in {:.1f} s ({:.2f} s of processor time each), {} failed{}\n",
        study.name, plan.points.size(), report.run, report.wall_s,
        report.run > 0 ? report.cpu_s / static_cast<double>(report.run) : 0, report.failed,
        report.stopped ? " (INTERRUPTED; run it again to go on)" : "");
    if (options.what == What::run) return report.stopped ? 1 : 0;
  }

  const auto rows = study_rows(plan, results);
  const auto missing = static_cast<std::size_t>(
      std::count_if(rows.begin(), rows.end(), [](const StudyRow& r) { return !r.result; }));
  if (options.check_complete && missing > 0) {
    fmt::print(stderr, "millwright: {} of {} points have not been run; run the missing shards\n",
               missing, rows.size());
    return 1;
  }
  write_study_file(output, plan, rows, !options.no_timing);
  print_rows(plan, rows);
  if (missing > 0) fmt::print("  {} points have not been run\n", missing);
  fmt::print("\n  wrote    {}\n", output.string());
  return report.stopped ? 1 : 0;
}

}  // namespace mw::analysis
