#include "analysis/frontier_study.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "analysis/enum_word.hpp"
#include "analysis/frontier.hpp"
#include "scenarios/reader.hpp"
#include "sim/input_error.hpp"
#include "sim/io/csv.hpp"
#include "sim/io/data_folder.hpp"

namespace mw::analysis {
namespace {

using namespace mw::models;
using nlohmann::ordered_json;

struct Row {
  double time, energy;
};

/// Frontier rows of one model and configuration, fastest first. The file's chosen plans stand among
/// them once more and are left out.
std::vector<Row> rows_of(const std::string& file, const std::string& rows, OverlapMethod method) {
  sim::CsvReader table{std::filesystem::path(file)};
  const auto what = table.column("method"), model = table.column("model"),
             config = table.column("config"), kind = table.column("kind"),
             time = table.column("iter_time_s"), energy = table.column("total_energy_J");
  std::vector<Row> found;
  while (table.next()) {
    const auto name = std::string(table.text(model)) + "/" + std::string(table.text(config));
    if (name == rows && table.text(what) == name_of(method) && table.text(kind) == "frontier")
      found.push_back({table.number(time), table.number(energy)});
  }
  std::sort(found.begin(), found.end(), [](const Row& a, const Row& b) { return a.time < b.time; });
  return found;
}

/// Energy of a piecewise-linear frontier at a time within it; flat beyond.
double energy_at_time(const std::vector<Row>& rows, double time) {
  if (time <= rows.front().time) return rows.front().energy;
  for (std::size_t i = 1; i < rows.size(); ++i)
    if (time <= rows[i].time)
      return rows[i - 1].energy + (rows[i].energy - rows[i - 1].energy) *
                                      (time - rows[i - 1].time) / (rows[i].time - rows[i - 1].time);
  return rows.back().energy;
}

/// The fastest time at which rows need no more than an energy; the time of the least energy where
/// none does.
double time_at_energy(const std::vector<Row>& rows, double energy) {
  double best = rows.front().time, least = rows.front().energy;
  if (least <= energy) return best;
  for (std::size_t i = 1; i < rows.size(); ++i) {
    if (rows[i].energy <= energy)
      return rows[i - 1].time + (rows[i].time - rows[i - 1].time) * (energy - rows[i - 1].energy) /
                                    (rows[i].energy - rows[i - 1].energy);
    if (rows[i].energy < least) {
      least = rows[i].energy;
      best = rows[i].time;
    }
  }
  return best;
}

std::vector<Row> rows_of(const PipelineFrontier& f) {
  std::vector<Row> rows;
  for (const FrontierCorner& c : f.frontier.corners)
    rows.push_back({static_cast<double>(c.time) * f.step, energy_at(f, c.time)});
  std::reverse(rows.begin(), rows.end());
  return rows;
}

struct Saved {
  double energy, time;
};
/// What one frontier saves against another's fastest plan: energy at its time, time at its energy.
Saved saved_against(const std::vector<Row>& rows, const Row& other) {
  return {1 - energy_at_time(rows, other.time) / other.energy,
          1 - time_at_energy(rows, other.energy) / other.time};
}

RowComparison compare(const std::vector<Row>& published, const std::vector<Row>& twin,
                      const std::vector<Row>& published_perseus, OverlapMethod method) {
  RowComparison out{.method = method, .rows = static_cast<int>(published.size())};
  const Row &theirs = published.front(), &ours = twin.front();
  out.time_error = ours.time / theirs.time - 1;
  out.energy_error = ours.energy / theirs.energy - 1;
  for (const Row& r : published) {
    const double time = r.time / theirs.time, energy = r.energy / theirs.energy;
    out.iso_time +=
        std::abs(energy_at_time(twin, time * ours.time) / ours.energy / energy - 1) / out.rows;
    out.iso_energy += std::abs(time_at_energy(twin, energy * ours.energy) / ours.time /
                                   (time_at_energy(published, r.energy) / theirs.time) -
                               1) /
                      out.rows;
  }
  if (!published_perseus.empty()) {
    const Saved s = saved_against(published, published_perseus.front());
    out.published_saved_energy = s.energy;
    out.published_saved_time = s.time;
  }
  return out;
}

std::vector<double> clocks_of(const StudyCase& one) {
  std::vector<double> clocks;
  const double highest = one.gpu.value.max_clock.value.value;
  for (double c = highest; c >= one.lowest_clock.value * (1 - 1e-12); c -= one.clock_step.value)
    clocks.push_back(c);
  std::reverse(clocks.begin(), clocks.end());
  return clocks;
}

const StudyMethod* method_of(const StudyResult& r, OverlapMethod method) {
  for (const StudyMethod& m : r.methods)
    if (m.method == method) return &m;
  return nullptr;
}

double figure_of(const StudyResult& r, const StudyExpectation& e) {
  const StudyMethod* m = method_of(r, e.method);
  const StudyMethod* perseus = method_of(r, OverlapMethod::sequential);
  if (!m) return std::nan("");
  switch (e.figure) {
    case StudyFigure::saved_at_equal_time:
      return 1 - m->planned.energy() / m->all_fast.energy();
    case StudyFigure::saved_with_straggler:
      return m->saved_with_straggler.empty() ? std::nan("") : m->saved_with_straggler.back();
    case StudyFigure::fastest_time:
      return m->frontier.shortest();
    case StudyFigure::fastest_energy:
      return energy_at(m->frontier, m->frontier.frontier.shortest());
    default:
      break;
  }
  if (!perseus) return std::nan("");
  const auto theirs = rows_of(perseus->frontier), ours = rows_of(m->frontier);
  const Saved s = saved_against(ours, theirs.front());
  if (e.figure == StudyFigure::energy_against_perseus) return s.energy;
  if (e.figure == StudyFigure::time_against_perseus) return s.time;
  return 1 - ours.front().time / theirs.front().time;
}

}  // namespace

void check(const StudyCase& one, sim::Problems& problems) {
  const PipelineParameters& p = one.job.pipeline;
  if (p.schedule == Schedule::zb_h1 || p.schedule == Schedule::zb_h2 ||
      p.schedule == Schedule::dualpipe)
    problems.add("job", "studies do not split backwards or overlap pairs",
                 "take the schedule gpipe, 1f1b or interleaved, or plan from a profile");
  if (one.model.value.moe_layers > 0 || one.model.value.dense_inter <= 0)
    problems.add("model", "is not dense", "name a model without experts");
  if (p.stages > one.model.value.layers)
    problems.add("job", "has more stages than the model has layers",
                 fmt::format("take at most {} stages", one.model.value.layers));
  if (2.0 * p.stages * p.microbatches * p.chunks > most_pipeline_ops)
    problems.add("job", fmt::format("has more than {:g} ops", most_pipeline_ops),
                 "take fewer microbatches: the steady part repeats");
  if (one.lowest_clock.value > one.gpu.value.max_clock.value.value)
    problems.add("lowest_clock", "is above the GPU's highest clock",
                 fmt::format("give at most {:g} MHz", one.gpu.value.max_clock.value.value / 1e6));
  for (const double s : one.stragglers)
    if (!(s >= 1 && s <= 100))
      problems.add("stragglers", fmt::format("{:g} is not within 1 and 100", s),
                   "give the period as a multiple of the fastest iteration");
  if (one.methods.empty())
    problems.add("methods", "is empty", "name perseus, nanobatch_perseus or kareus");
}

StudyResult study_case(const FrontierStudy& study, const StudyCase& one, const std::string& table) {
  StudyResult out;
  for (const OverlapMethod method : one.methods) {
    const PipelineCosts costs =
        overlapped_pipeline(one.gpu.value, study.overlap, one.model.value, one.job, clocks_of(one),
                            one.blocking_power.value, method);
    StudyMethod& m = out.methods.emplace_back(StudyMethod{.method = method,
                                                          .frontier = *pipeline_frontier(costs),
                                                          .all_fast = {},
                                                          .planned = {},
                                                          .saved_with_straggler = {},
                                                          .saved_with_straggler_j = {}});
    const double waiting = m.frontier.blocking_power * m.frontier.stages;
    m.all_fast = fastest_plan(m.frontier);
    // Within a step: the solver rounds durations up.
    m.planned = plan_for_period(m.frontier, std::max(m.all_fast.time, m.frontier.shortest()));
    for (const double times : one.stragglers) {
      const double period = times * m.all_fast.time;
      const double idle = m.all_fast.energy() + waiting * (period - m.all_fast.time);
      const double planned = plan_for_period(m.frontier, period).energy();
      m.saved_with_straggler.push_back(1 - planned / idle);
      m.saved_with_straggler_j.push_back(idle - planned);
    }
  }
  if (!table.empty() && !one.rows.empty()) {
    const auto perseus = rows_of(table, one.rows, OverlapMethod::sequential);
    for (const StudyMethod& m : out.methods) {
      const auto published = rows_of(table, one.rows, m.method);
      if (!published.empty())
        out.comparisons.push_back(compare(published, rows_of(m.frontier), perseus, m.method));
    }
  }
  for (const StudyExpectation& e : one.expect) {
    const double value = figure_of(out, e);
    out.figures.push_back(value);
    out.holds.push_back(value >= e.at_least && value <= e.at_most);
  }
  return out;
}

namespace {

std::string as_text(StudyFigure figure, double value) {
  if (figure == StudyFigure::fastest_time) return fmt::format("{:.3f} s", value);
  if (figure == StudyFigure::fastest_energy) return fmt::format("{:.0f} J", value);
  return fmt::format("{:.1f} %", 100 * value);
}

std::string case_text(const StudyCase& one, const StudyResult& r) {
  std::string out = fmt::format("\n{}{}\n", one.name, one.text.empty() ? "" : ": " + one.text);
  for (const StudyMethod& m : r.methods) {
    out += fmt::format(
        "  {:<18} {:.3f} to {:.3f} s, {:.0f} to {:.0f} J; at full speed {:.3f} s, {:.0f} J\n",
        name_of(m.method), m.frontier.shortest(), m.frontier.longest(),
        energy_at(m.frontier, m.frontier.frontier.shortest()),
        energy_at(m.frontier, m.frontier.frontier.longest()), m.all_fast.time, m.all_fast.energy());
    for (std::size_t i = 0; i < one.stragglers.size(); ++i)
      out += fmt::format("    straggler x {:<5g} saves {:.1f} %\n", one.stragglers[i],
                         100 * m.saved_with_straggler[i]);
  }
  for (const RowComparison& c : r.comparisons)
    out += fmt::format(
        "  {:<18} {} published plans: fastest time {:+.1f} %, energy {:+.1f} %; along the "
        "frontier energy at equal time {:.1f} %, time at equal energy {:.1f} %\n",
        name_of(c.method), c.rows, 100 * c.time_error, 100 * c.energy_error, 100 * c.iso_time,
        100 * c.iso_energy);
  for (std::size_t i = 0; i < one.expect.size(); ++i) {
    const StudyExpectation& e = one.expect[i];
    out += fmt::format("  {:<24} {:<18} {:>10}", name_of(e.figure), name_of(e.method),
                       as_text(e.figure, r.figures[i]));
    if (e.published) out += fmt::format(", published {}", as_text(e.figure, *e.published));
    out += r.holds[i] ? "\n"
                      : fmt::format("; must be {} to {}: DOES NOT HOLD\n",
                                    as_text(e.figure, e.at_least), as_text(e.figure, e.at_most));
  }
  return out;
}

ordered_json case_json(const StudyCase& one, const StudyResult& r) {
  ordered_json j{{"name", one.name}};
  for (const StudyMethod& m : r.methods)
    j["methods"][name_of(m.method)] = {
        {"fastest_s", m.frontier.shortest()},
        {"fastest_j", energy_at(m.frontier, m.frontier.frontier.shortest())},
        {"slowest_s", m.frontier.longest()},
        {"slowest_j", energy_at(m.frontier, m.frontier.frontier.longest())},
        {"full_speed_s", m.all_fast.time},
        {"full_speed_j", m.all_fast.energy()},
        {"saved_with_straggler", m.saved_with_straggler},
        {"saved_with_straggler_j", m.saved_with_straggler_j}};
  j["comparisons"] = ordered_json::array();
  for (const RowComparison& c : r.comparisons)
    j["comparisons"].push_back({{"method", name_of(c.method)},
                                {"rows", c.rows},
                                {"time_error", c.time_error},
                                {"energy_error", c.energy_error},
                                {"iso_time_energy_error", c.iso_time},
                                {"iso_energy_time_error", c.iso_energy},
                                {"published_energy_against_perseus", c.published_saved_energy},
                                {"published_time_against_perseus", c.published_saved_time}});
  j["expect"] = ordered_json::array();
  for (std::size_t i = 0; i < one.expect.size(); ++i)
    j["expect"].push_back(
        {{"figure", name_of(one.expect[i].figure)},
         {"method", name_of(one.expect[i].method)},
         {"value", r.figures[i]},
         {"published",
          one.expect[i].published ? ordered_json(*one.expect[i].published) : ordered_json()},
         {"holds", static_cast<bool>(r.holds[i])}});
  return j;
}

}  // namespace

int plan_study(const std::string& file, const std::vector<std::string>& sets, bool json) {
  const scenarios::Catalog catalog;
  const auto study = scenarios::read_file<FrontierStudy>(file, {sets}, catalog);
  std::string table;
  if (!study.table.empty()) {
    const auto found = sim::find_input(study.table, std::filesystem::path(file).parent_path());
    if (found)
      table = found->string();
    else
      fmt::print(
          stderr,
          "millwright: {} is not here, so nothing is compared with it; set MILLWRIGHT_DATA\n",
          study.table);
  }
  ordered_json all = ordered_json::array();
  std::string text = study.text + "\n";
  bool holds = true;
  RowComparison mean;
  int compared = 0;
  for (const StudyCase& one : study.cases) {
    const StudyResult r = study_case(study, one, table);
    text += case_text(one, r);
    all.push_back(case_json(one, r));
    for (const bool h : r.holds) holds = holds && h;
    for (const RowComparison& c : r.comparisons) {
      ++compared;
      mean.rows += c.rows;
      mean.time_error += std::abs(c.time_error);
      mean.energy_error += std::abs(c.energy_error);
      mean.iso_time += c.rows * c.iso_time;
      mean.iso_energy += c.rows * c.iso_energy;
    }
  }
  if (compared > 0)
    text += fmt::format(
        "\n{} published plans of {} frontiers, mean absolute differences: fastest time {:.1f} %, "
        "fastest energy {:.1f} %;\n  along the frontiers energy at equal time {:.1f} %, time at "
        "equal energy {:.1f} %\n",
        mean.rows, compared, 100 * mean.time_error / compared, 100 * mean.energy_error / compared,
        100 * mean.iso_time / mean.rows, 100 * mean.iso_energy / mean.rows);
  if (json)
    fmt::print("{}\n", all.dump(2));
  else
    fmt::print("{}", text);
  return holds ? 0 : 3;
}

}  // namespace mw::analysis
