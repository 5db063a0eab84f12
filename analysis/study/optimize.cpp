#include "analysis/study/optimize.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "analysis/common_options.hpp"
#include "analysis/study/evolution.hpp"
#include "analysis/study/runner.hpp"
#include "analysis/study/study_file.hpp"
#include "analysis/table_text.hpp"
#include "analysis/write_file.hpp"
#include "sim/input_error.hpp"

namespace mw::analysis {
namespace {

constexpr std::size_t rows_shown = 24;
// Generations without one new point: what there is to find with these factors has been found.
constexpr int most_idle = 5;

/// The study with its objectives as its last metrics, so that they stand in the table.
StudyFile with_objectives(StudyFile file) {
  Study& study = file.document.value;
  for (const Objective& o : study.optimize->objectives)
    study.metrics.push_back({(o.maximise.empty() ? "minimise " : "maximise ") + o.value(),
                             o.value(), "1", "Objective of the search"});
  return file;
}

/// What the runs of one combination came to: means over its replicates.
Individual individual_of(const Study& study, Genome genome, const std::vector<StudyRow>& rows) {
  const auto& objectives = study.optimize->objectives;
  const std::size_t first = study.metrics.size() - objectives.size();
  Individual out{std::move(genome), std::vector<double>(objectives.size(), 0), 0};
  for (const StudyRow& row : rows) {
    out.violation += row.violated;
    for (std::size_t o = 0; o < objectives.size(); ++o) {
      const double value = row.derived[first + o];
      if (std::isnan(value)) out.violation += static_cast<double>(study.constraints.size()) + 1;
      out.objectives[o] +=
          (objectives[o].maximise.empty() ? value : -value) / static_cast<double>(rows.size());
    }
  }
  return out;
}

double shown_value(const Study& study, const Individual& one, std::size_t o) {
  const double v = one.objectives[o];
  return study.optimize->objectives[o].maximise.empty() ? v : -v;
}

/// All that the search has looked at, each combination once.
struct Searched {
  StudyPlan plan;
  std::vector<Individual> individuals;  // by combination
  std::set<std::string> seen;
};

std::string text_of(const DesignPoint& point) {
  std::string out;
  for (const Level& level : point.levels) out += level.text + '\x1f';
  return out;
}

std::vector<std::size_t> best_of(const Searched& search) {
  auto front = first_front(search.individuals);
  std::erase_if(front, [&](std::size_t i) { return search.individuals[i].violation > 0; });
  std::stable_sort(front.begin(), front.end(), [&](std::size_t a, std::size_t b) {
    return search.individuals[a].objectives < search.individuals[b].objectives;
  });
  return front;
}

std::string front_text(const Study& study, const Searched& search,
                       const std::vector<std::size_t>& front) {
  std::vector<std::vector<std::string>> table(1);
  for (const Factor& f : study.factors) table[0].push_back(f.name);
  for (const Objective& o : study.optimize->objectives)
    table[0].push_back((o.maximise.empty() ? "min " : "max ") + o.value());
  const std::size_t every = front.size() <= rows_shown ? 1 : (front.size() - 1) / (rows_shown - 1);
  for (std::size_t k = 0; k < front.size(); k += every) {
    auto& line = table.emplace_back();
    for (const Level& level : search.plan.design[front[k]].levels)
      line.push_back(level.text.empty() ? "-" : level.text);
    for (std::size_t o = 0; o < study.optimize->objectives.size(); ++o)
      line.push_back(fmt::format("{:.6g}", shown_value(study, search.individuals[front[k]], o)));
  }
  return table_text(table, 0);
}

std::string front_json(const Study& study, const Searched& search,
                       const std::vector<std::size_t>& front) {
  nlohmann::ordered_json j{{"study", study.name}, {"runs", search.plan.points.size()}};
  for (const Objective& o : study.optimize->objectives)
    j["objectives"].push_back(
        {{"value", o.value()}, {"sense", o.maximise.empty() ? "minimise" : "maximise"}});
  j["points"] = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < search.individuals.size(); ++i) {
    const Individual& one = search.individuals[i];
    nlohmann::ordered_json point;
    for (std::size_t f = 0; f < study.factors.size(); ++f)
      point["levels"][study.factors[f].name] = search.plan.design[i].levels[f].text;
    for (std::size_t o = 0; o < one.objectives.size(); ++o) {
      const double v = shown_value(study, one, o);
      point["objectives"].push_back(std::isfinite(v) ? nlohmann::ordered_json(v) : nullptr);
    }
    point["feasible"] = one.violation == 0;
    point["best"] = std::find(front.begin(), front.end(), i) != front.end();
    j["points"].push_back(std::move(point));
  }
  return j.dump(1) + "\n";
}

}  // namespace

void add_optimize(CLI::App& app, OptimizeOptions& options) {
  auto& c = *app.add_subcommand(
      "optimize",
      "Search a study's factors for the best points; with several objectives, the front");
  c.footer(
      "The study says what is sought: optimize: {objectives: [{maximise: FIGURE}]} "
      "(docs/optimize.md). Runs are kept as a sweep's are: a second call goes on where the "
      "first was stopped.");
  c.add_option("STUDY", options.study, "Study file (YAML)")->required();
  add_settings(c, "--set", options.sets, "Set a value of the study; may be repeated");
  c.add_option("-o,--output", options.output,
               "File of all points looked at (HDF5); otherwise NAME.h5 in this folder")
      ->type_name("FILE");
  c.add_option("--json", options.json, "Write points, objectives and the best as JSON")
      ->type_name("FILE");
  add_threads(c, options.threads, "Runs at a time; 0 takes all cores. Results do not depend on it");
  add_quiet(c, options.quiet);
}

int optimize(const OptimizeOptions& options) {
  StudyFile read = read_study(options.study, options.sets);
  if (!read.study().optimize)
    throw read.error("optimize", "is missing",
                     "say what is sought: `optimize: {objectives: [{maximise: FIGURE}]}`");
  if (read.study().factors.empty()) throw read.error("factors", "is empty", "name what may vary");
  const StudyFile file = with_objectives(std::move(read));
  const Study& study = file.study();
  const auto replicates = static_cast<std::size_t>(study.replicates);

  EvolutionOptions how{
      static_cast<std::size_t>(study.optimize->population), study.optimize->seed, {}};
  for (std::size_t f = 0; f < study.factors.size(); ++f)
    how.levels.push_back(has_order(study.factors[f]) ? 0 : levels_of(file, f).size());
  Evolution evolution(how);

  const std::filesystem::path output = options.output.empty() ? study.name + ".h5" : options.output;
  const auto folder = std::filesystem::path(output).replace_extension(".points");
  auto [results, damaged] = read_store(folder);
  if (!options.quiet)
    for (const auto& line : damaged)
      fmt::print(stderr, "millwright: {} is damaged or cut short; its point runs again\n", line);
  StoreWriter writer(folder, "all");
  sim::ThreadPool pool(options.threads);

  Searched search{{&file, {}, {}}, {}, {}};
  RunnerReport whole;
  int generation = 0, idle = 0;
  while (idle < most_idle &&
         search.plan.points.size() < static_cast<std::size_t>(study.optimize->runs)) {
    const auto genomes = evolution.ask();
    std::vector<DesignPoint> design;
    for (const Genome& genome : genomes) design.push_back(point_at(file, genome));
    std::vector<std::vector<sim::InputError>> problems;
    const StudyPlan plan = plan_points(file, design, pool, problems);
    if (generation == 0 && std::none_of(problems.begin(), problems.end(),
                                        [](const auto& list) { return list.empty(); }))
      throw scenarios::InputProblems(problems.front());
    std::vector<std::size_t> all;
    for (const std::size_t i : points_of(plan, Shard{})) all.push_back(i);
    const RunnerReport report = run_points(plan, all, writer, results, pool, options.quiet);
    whole.run += report.run;
    whole.cpu_s += report.cpu_s;
    whole.wall_s += report.wall_s;
    if ((whole.stopped = report.stopped)) break;

    const auto rows = study_rows(plan, results);
    std::vector<Individual> told;
    bool is_new = false;
    for (std::size_t c = 0; c < genomes.size(); ++c) {
      const std::vector<StudyRow> runs(
          rows.begin() + static_cast<std::ptrdiff_t>(c * replicates),
          rows.begin() + static_cast<std::ptrdiff_t>((c + 1) * replicates));
      told.push_back(individual_of(study, genomes[c], runs));
      if (!search.seen.insert(text_of(plan.design[c])).second) continue;
      is_new = true;
      search.individuals.push_back(told.back());
      search.plan.design.push_back(plan.design[c]);
      for (std::size_t r = 0; r < replicates; ++r) {
        search.plan.points.push_back(plan.points[c * replicates + r]);
        search.plan.points.back().combination = search.plan.design.size() - 1;
      }
    }
    evolution.tell(std::move(told));
    idle = is_new ? 0 : idle + 1;
    ++generation;
    if (!options.quiet) {
      const auto front = best_of(search);
      fmt::print(stderr, "millwright: generation {}: {} points, {} the best so far\n", generation,
                 search.individuals.size(), front.size());
    }
  }

  const auto front = best_of(search);
  fmt::print(
      "{}: {} points in {} generations, {} runs now in {:.1f} s ({:.2f} s of processor time "
      "each){}\n",
      study.name, search.individuals.size(), generation, whole.run, whole.wall_s,
      whole.run > 0 ? whole.cpu_s / static_cast<double>(whole.run) : 0,
      whole.stopped ? " (INTERRUPTED; run it again to go on)" : "");
  write_study_file(output, search.plan, study_rows(search.plan, results), true);
  if (!options.json.empty()) write_file(options.json, front_json(study, search, front));
  if (front.empty()) {
    fmt::print("  no point meets every constraint\n");
    return 1;
  }
  if (study.optimize->objectives.size() > 1)
    fmt::print("  the front: {} points that no other beats in every objective\n", front.size());
  fmt::print("{}\n  wrote    {}\n", front_text(study, search, front), output.string());
  return whole.stopped ? 1 : 0;
}

}  // namespace mw::analysis
