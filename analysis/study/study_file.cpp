#include "analysis/study/study_file.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <unordered_map>

#include "analysis/run.hpp"
#include "sim/io/published_file.hpp"

namespace mw::analysis {
namespace {

namespace h5 = sim::h5;
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// Every figure that some point has, in the order of first mention.
std::vector<ResultFigure> all_figures(const std::vector<StudyRow>& rows) {
  std::vector<ResultFigure> out;
  std::set<std::string> seen;
  for (const auto& row : rows)
    if (row.result)
      for (const ResultFigure& f : row.result->figures)
        if (seen.insert(f.name).second) out.push_back(f);
  return out;
}

/// A factor is a column of numbers where all its levels are numbers in one unit.
struct FactorColumn {
  bool numeric = true;
  std::string unit;
};
FactorColumn column_of(const StudyPlan& plan, std::size_t factor) {
  FactorColumn out;
  bool first = true;
  for (const auto& point : plan.design) {
    const Level& level = point.levels[factor];
    if (level.text.empty()) continue;
    const bool number = std::holds_alternative<double>(level.value());
    if (!number || (!first && level.unit() != out.unit)) return {false, ""};
    out.unit = level.unit();
    first = false;
  }
  return first ? FactorColumn{false, ""} : out;
}

}  // namespace

std::vector<StudyRow> study_rows(const StudyPlan& plan, const Results& results) {
  const Study& study = plan.file->study();
  std::vector<Expression> metrics, constraints;
  for (const Derived& d : study.metrics) metrics.push_back(Expression::parse(d.value));
  for (const auto& text : study.constraints) constraints.push_back(Expression::parse(text));

  std::vector<StudyRow> rows;
  std::set<std::string> known;
  for (const Factor& f : study.factors) known.insert(f.name);
  for (const PlannedPoint& p : plan.points) {
    StudyRow row{&p};
    const auto found = results.find(p.key);
    if (found != results.end()) row.result = &found->second;
    row.derived.assign(metrics.size(), nan);
    row.violated = static_cast<int>(constraints.size()) + 1;
    if (row.result && row.result->error.empty()) {
      const auto factors = factor_lookup(study, plan.levels(p));
      std::unordered_map<std::string, double> figures;
      for (std::size_t i = 0; i < row.result->figures.size(); ++i) {
        figures[row.result->figures[i].name] = row.result->values[i];
        known.insert(row.result->figures[i].name);
      }
      const auto lookup = [&](const std::string& name) -> std::optional<Value> {
        if (auto level = factors(name)) return level;
        const auto figure = figures.find(name);
        return figure == figures.end() ? std::nullopt : std::optional<Value>(figure->second);
      };
      for (std::size_t m = 0; m < metrics.size(); ++m) {
        row.derived[m] = metrics[m].evaluate(lookup);
        figures[study.metrics[m].name] = row.derived[m];
      }
      row.violated = 0;
      for (const auto& c : constraints) row.violated += !(c.evaluate(lookup) == 1);
      row.feasible = row.violated == 0;
    }
    rows.push_back(std::move(row));
  }
  const bool any = !all_figures(rows).empty();
  const auto refuse = [&](const Expression& e, const std::string& at) {
    for (const auto& name : e.names())
      if (any && !known.contains(name))
        throw plan.file->error(at, "reads " + scenarios::in_quotes(name) + ", which no point has",
                               "see the names in the study's file, or `run --json`");
  };
  for (std::size_t m = 0; m < metrics.size(); ++m) {
    refuse(metrics[m], fmt::format("metrics[{}].value", m));
    known.insert(study.metrics[m].name);
  }
  for (std::size_t c = 0; c < constraints.size(); ++c)
    refuse(constraints[c], fmt::format("constraints[{}]", c));
  return rows;
}

void write_study_file(const std::filesystem::path& path, const StudyPlan& plan,
                      const std::vector<StudyRow>& rows, bool timing) {
  const Study& study = plan.file->study();
  const auto figures = all_figures(rows);
  std::map<std::string, std::size_t> position;
  for (std::size_t i = 0; i < figures.size(); ++i) position[figures[i].name] = i;
  for (std::size_t f = 0; f < study.factors.size(); ++f)
    if (position.contains(study.factors[f].name))
      throw plan.file->error(fmt::format("factors[{}].name", f), "is the name of a figure",
                             "name the factor otherwise");
  for (std::size_t m = 0; m < study.metrics.size(); ++m)
    if (position.contains(study.metrics[m].name))
      throw plan.file->error(fmt::format("metrics[{}].name", m), "is the name of a figure",
                             "name the metric otherwise");

  h5::PublishedFile file(path);
  file.root().attribute("title", study.name);
  file.root().attribute("Conventions", "CF-1.10");
  file.root().attribute("source", std::string("Millwright ") + version);
  file.meta().attribute("version", version);
  file.meta().attribute("kind", "study");
  file.meta().attribute("text", study.text);
  file.meta()
      .dataset<std::string>("study_resolved", {"1", "Every value of the study"})
      .write(scenarios::write_resolved(study));

  auto& table = file.table(file.root().group("points"), "point");
  const auto role = [](const char* what) {
    return std::vector<std::pair<std::string, std::string>>{{"role", what}};
  };
  struct FactorCells {
    bool numeric;
    h5::Column<double> number{};
    h5::Column<std::string> text{};
  };
  std::vector<FactorCells> factors;
  for (std::size_t f = 0; f < study.factors.size(); ++f) {
    const FactorColumn c = column_of(plan, f);
    const std::string& name = study.factors[f].name;
    const std::string meaning = "Factor " + study.factors[f].path;
    FactorCells cells{c.numeric};
    if (c.numeric)
      cells.number =
          table.column<double>(name, {c.unit.empty() ? "1" : c.unit, meaning, role("factor")});
    else
      cells.text = table.column<std::string>(name, {"1", meaning, role("factor")});
    factors.push_back(cells);
  }
  const auto replicate = table.column<std::int64_t>("replicate", {"1", "Which of the replicates"});
  const auto seed = table.column<std::int64_t>("seed", {"1", "Seed of the run"});
  const auto key = table.column<std::string>("key", {"1", "Address by content"});
  const auto state =
      table.column<std::string>("state", {"1", "done, failed, or missing (not run yet)"});
  const auto error = table.column<std::string>("error", {"1", "Why the point failed"});
  const auto trace = table.column<std::string>("trace_hash", {"1", "What happened, in one word"});
  const auto feasible =
      table.column<std::int32_t>("feasible", {"1", "1 where every constraint holds"});
  std::vector<h5::Column<double>> values, derived;
  for (const ResultFigure& f : figures)
    values.push_back(table.column<double>(f.name, {f.unit, f.meaning, role("figure")}));
  for (const Derived& d : study.metrics)
    derived.push_back(
        table.column<double>(d.name, {d.unit, d.text.empty() ? d.value : d.text, role("metric")}));
  h5::Table* times = timing ? &file.table(file.root().group("timing"), "point") : nullptr;
  h5::Column<double> cpu{};
  if (times) cpu = times->column<double>("cpu", {"s", "Processor time of the run"});

  for (const StudyRow& row : rows) {
    const auto& levels = plan.levels(*row.point).levels;
    for (std::size_t f = 0; f < factors.size(); ++f) {
      if (factors[f].numeric)
        table.put(factors[f].number,
                  levels[f].text.empty() ? nan : std::get<double>(levels[f].value()));
      else
        table.put(factors[f].text, levels[f].text);
    }
    const bool done = row.result && row.result->error.empty();
    table.put(replicate, static_cast<std::int64_t>(row.point->replicate));
    table.put(seed, static_cast<std::int64_t>(row.point->seed));
    table.put(key, fmt::format("{:016x}", row.point->key));
    table.put(state, std::string(!row.result ? "missing" : done ? "done" : "failed"));
    table.put(error, row.result ? row.result->error : std::string());
    table.put(trace, row.result ? row.result->trace_hash : std::string());
    table.put(feasible, std::int32_t{row.feasible});
    std::vector<double> cells(figures.size(), nan);
    if (row.result)
      for (std::size_t i = 0; i < row.result->values.size(); ++i)
        cells[position.at(row.result->figures[i].name)] = row.result->values[i];
    for (std::size_t i = 0; i < cells.size(); ++i) table.put(values[i], cells[i]);
    for (std::size_t m = 0; m < derived.size(); ++m) table.put(derived[m], row.derived[m]);
    table.end_row();
    if (times) {
      times->put(cpu, row.result ? row.result->cpu_s : nan);
      times->end_row();
    }
  }
  file.finish();
}

}  // namespace mw::analysis
