#include "analysis/study/design.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "sim/io/csv.hpp"
#include "sim/io/number.hpp"
#include "sim/units.hpp"

namespace mw::analysis {
namespace {

using scenarios::in_quotes;

constexpr double most_points = 1e7;

/// `45 degC` in two; without a number at its front, nothing.
struct Split {
  bool is_number = false;
  double number = 0;
  std::string unit;
};
Split split(const std::string& text) {
  const std::size_t blank = text.find(' ');
  const auto number = sim::parse_number(text.substr(0, blank));
  if (!number) return {};
  const std::string unit = blank == std::string::npos ? "" : text.substr(blank + 1);
  if (!unit.empty() && std::holds_alternative<sim::TextProblem>(sim::parse_unit(unit))) return {};
  return {true, number.value, unit};
}

struct Range {
  double from = 0, to = 0;
  std::string unit;
};
Range range_of(const Factor& f) {
  const Split a = split(f.from), b = split(f.to);
  return {a.number, b.number, a.unit};
}

Level level_in_range(const StudyFile& file, std::size_t i, double u) {
  const Factor& f = file.study().factors[i];
  const Range r = range_of(f);
  double x = u <= 0                      ? r.from
             : u >= 1                    ? r.to
             : f.spacing == Spacing::log ? r.from * std::pow(r.to / r.from, u)
                                         : r.from + (r.to - r.from) * u;
  // Twelve digits: what a person could write, and the same on machines whose pow() differs.
  x = sim::parse_number(fmt::format("{:.12g}", x)).value;
  if (f.whole) x = std::round(x);
  return {sim::format_number(x) + (r.unit.empty() ? "" : " " + r.unit),
          file.place(fmt::format("factors[{}].from", i))};
}

bool is_range(const Factor& f) {
  return !f.from.empty() || !f.to.empty();
}

void check_expression(const std::string& text, const std::string& at, sim::Problems& problems,
                      const std::set<std::string>* known = nullptr) {
  try {
    const auto e = Expression::parse(text);
    if (!known) return;
    for (const auto& name : e.names())
      if (!known->contains(name))
        problems.add(at, in_quotes(name) + " is not a factor named before this one",
                     "conditions read earlier factors only; words stand in 'quotes'");
  } catch (const ExpressionError& e) {
    problems.add(at, fmt::format("{} (column {} of the expression)", e.what(), e.column), e.advice);
  }
}

void check_factor(const Factor& f, const std::string& at, const Design& design, bool searched,
                  sim::Problems& problems) {
  const int kinds = !f.values.empty() + is_range(f) + !f.choices.empty();
  if (kinds > 1)
    problems.add(at, "has more than one of values, from/to and choices", "keep one of them");
  if (kinds == 0 && design.kind != DesignKind::table)
    problems.add(at, "has no levels", "give `values`, `from` and `to`, or `choices`");
  if (f.choices.empty() && f.path.empty())
    problems.add(at, "does not say what it sets", "add `path:`, as after --set, or `choices:`");
  if (!f.choices.empty() && (!f.path.empty() || !f.also.empty()))
    problems.add(at + ".path", "does not go with choices, which name paths of their own",
                 "remove it");
  for (std::size_t c = 0; c < f.choices.size(); ++c)
    if (std::any_of(f.choices.begin(), f.choices.begin() + static_cast<std::ptrdiff_t>(c),
                    [&](const FactorChoice& o) { return o.name == f.choices[c].name; }))
      problems.add(fmt::format("{}.choices[{}]", at, c), "repeats a name", "name it otherwise");
  if (!is_range(f)) {
    if (f.whole) problems.add(at + ".whole", "goes with from and to only", "remove it");
    return;
  }
  if (f.from.empty() || f.to.empty())
    return problems.add(at, "has only one end of its range", "give both `from` and `to`");
  const Split a = split(f.from), b = split(f.to);
  if (!a.is_number || !b.is_number)
    return problems.add(at + (a.is_number ? ".to" : ".from"), "is not a number with its unit",
                        "write it as in `20 degC` or `0.5`");
  if (a.unit != b.unit)
    problems.add(at + ".to", "has another unit than `from`", "write both in the same unit");
  if (!(a.number < b.number))
    problems.add(at + ".to", "is not above `from`", "put the smaller one first");
  if (f.spacing == Spacing::log && !(a.number > 0))
    problems.add(at + ".from", "is not above zero, as log spacing needs",
                 "take linear spacing, or begin above zero");
  const bool needs_levels =
      !searched && (design.kind == DesignKind::full || design.kind == DesignKind::one_at_a_time);
  if (needs_levels && !f.steps)
    problems.add(at, "has a range without steps, and this design needs levels",
                 "add `steps: 5`, or draw the design");
}

void check_search(const Search& search, sim::Problems& problems) {
  if (search.objectives.empty())
    problems.add("optimize.objectives", "is empty", "add `- {maximise: tokens_per_s_per_mw}`");
  for (std::size_t i = 0; i < search.objectives.size(); ++i) {
    const Objective& o = search.objectives[i];
    const std::string at = fmt::format("optimize.objectives[{}]", i);
    if (o.maximise.empty() == o.minimise.empty())
      problems.add(at, "is to be made large or small, one of the two",
                   "write `maximise: FIGURE` or `minimise: FIGURE`");
    else
      check_expression(o.value(), at, problems);
  }
}

const Level* find_level(const std::vector<Level>& levels, const std::string& text) {
  for (const Level& level : levels)
    if (level.text == text) return &level;
  return nullptr;
}

std::string key_of(const DesignPoint& point) {
  std::string key;
  for (const Level& level : point.levels) key += level.text + '\x1f';
  return key;
}

std::vector<DesignPoint> full(const StudyFile& file, const std::vector<std::vector<Level>>& all) {
  double count = 1;
  for (const auto& levels : all) count *= static_cast<double>(levels.size());
  if (count > most_points)
    throw file.error("factors", fmt::format("make {:.3g} combinations", count),
                     fmt::format("stay below {:g}, or draw the design", most_points));
  std::vector<DesignPoint> out;
  std::vector<std::size_t> at(all.size(), 0);
  while (true) {  // the last factor moves fastest
    DesignPoint point;
    for (std::size_t i = 0; i < all.size(); ++i) point.levels.push_back(all[i][at[i]]);
    out.push_back(std::move(point));
    std::size_t i = all.size();
    while (i > 0 && ++at[i - 1] == all[i - 1].size()) at[--i] = 0;
    if (i == 0) return out;
  }
}

std::vector<DesignPoint> one_at_a_time(const StudyFile& file,
                                       const std::vector<std::vector<Level>>& all) {
  DesignPoint rest;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Factor& f = file.study().factors[i];
    if (f.usual.empty())
      rest.levels.push_back(all[i].front());
    else if (const Level* usual = find_level(all[i], f.usual))
      rest.levels.push_back(*usual);
    else if (f.choices.empty())
      rest.levels.push_back({f.usual, file.place(fmt::format("factors[{}].usual", i))});
    else
      throw file.error(fmt::format("factors[{}].usual", i),
                       in_quotes(f.usual) + " is not one of the choices", "name one of them");
  }
  std::vector<DesignPoint> out{rest};
  for (std::size_t i = 0; i < all.size(); ++i)
    for (const Level& level : all[i]) {
      out.push_back(rest);
      out.back().levels[i] = level;
    }
  return out;
}

std::vector<DesignPoint> from_table(const StudyFile& file) {
  const Study& study = file.study();
  if (study.design.table.empty())
    throw file.error("design", "`table` is missing", "name a CSV file beside the study");
  const auto path = file.path.parent_path() / study.design.table;
  if (!std::filesystem::is_regular_file(path))
    throw file.error("design.table", "there is no file " + in_quotes(path.string()),
                     "check the path; it is taken from the folder of the study");
  sim::CsvReader csv(path);
  std::vector<std::size_t> columns;
  for (const Factor& f : study.factors) columns.push_back(csv.column(f.name));
  std::vector<DesignPoint> out;
  const auto name = std::make_shared<const std::string>(path.string());
  while (csv.next()) {
    DesignPoint point;
    for (std::size_t i = 0; i < columns.size(); ++i)
      point.levels.push_back(
          {std::string(csv.text(columns[i])), scenarios::Place{name, csv.line(), 1}});
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const auto& choices = study.factors[i].choices;
      const std::string& text = point.levels[i].text;
      if (!choices.empty() && !text.empty() &&
          std::none_of(choices.begin(), choices.end(),
                       [&](const FactorChoice& c) { return c.name == text; }))
        throw sim::InputError(
            path.string(), csv.line(), 0,
            in_quotes(text) + " is not a choice of the factor " + in_quotes(study.factors[i].name),
            "write one of its names, or leave it empty");
    }
    out.push_back(std::move(point));
    if (static_cast<double>(out.size()) > most_points)
      throw file.error("design.table", "has too many rows",
                       fmt::format("give at most {:g}", most_points));
  }
  return out;
}

}  // namespace

Value Level::value() const {
  const Split s = split(text);
  return s.is_number ? Value(s.number) : Value(text);
}
std::string Level::unit() const {
  return split(text).unit;
}

void check(const Study& study, sim::Problems& problems) {
  std::set<std::string> before;
  for (std::size_t i = 0; i < study.factors.size(); ++i) {
    const Factor& f = study.factors[i];
    const std::string at = fmt::format("factors[{}]", i);
    check_factor(f, at, study.design, study.optimize.has_value(), problems);
    if (!f.when.empty()) check_expression(f.when, at + ".when", problems, &before);
    before.insert(f.name);
  }
  for (std::size_t i = 0; i < study.metrics.size(); ++i) {
    check_expression(study.metrics[i].value, fmt::format("metrics[{}].value", i), problems);
    if (!before.insert(study.metrics[i].name).second)
      problems.add(fmt::format("metrics[{}].name", i), "is the name of a factor",
                   "name it otherwise");
  }
  for (std::size_t i = 0; i < study.constraints.size(); ++i)
    check_expression(study.constraints[i], fmt::format("constraints[{}]", i), problems);
  if (study.optimize) check_search(*study.optimize, problems);
  for (std::size_t i = 0; i < study.set.size(); ++i)
    if (study.set[i].find('=') == std::string::npos)
      problems.add(fmt::format("set[{}]", i), "is not an override", "write path=value");
  if (study.factors.empty() && study.design.kind != DesignKind::full)
    problems.add("factors", "is empty", "name what varies");
}

scenarios::Place StudyFile::place(const std::string& part) const {
  std::string at = part;
  while (!at.empty()) {
    const auto found = document.origins.find(at);
    if (found != document.origins.end()) return found->second;
    const std::size_t end = at.find_last_of(".[");
    at = end == std::string::npos ? "" : at.substr(0, end);
  }
  return {std::make_shared<const std::string>(path.string()), 0, 0};
}

sim::InputError StudyFile::error(const std::string& part, const std::string& problem,
                                 const std::string& advice) const {
  const auto at = place(part);
  return {*at.file, at.line, at.column, "`" + part + "` " + problem, advice};
}

std::filesystem::path StudyFile::base() const {
  const std::filesystem::path name = study().base;
  return name.is_absolute() ? name : path.parent_path() / name;
}

StudyFile read_study(const std::filesystem::path& path, const std::vector<std::string>& sets) {
  StudyFile file{path,
                 scenarios::read_document<Study>(path.string(), {sets}, scenarios::Catalog())};
  if (!std::filesystem::is_regular_file(file.base()))
    throw file.error("base", "names a file that is not there: " + in_quotes(file.base().string()),
                     "check the path; it is taken from the folder of the study");
  return file;
}

std::vector<Level> levels_of(const StudyFile& file, std::size_t i) {
  const Factor& f = file.study().factors[i];
  std::vector<Level> out;
  if (is_range(f)) {
    const int steps = f.steps.value_or(2);
    for (int k = 0; k < steps; ++k) {
      Level level = level_in_range(file, i, static_cast<double>(k) / (steps - 1));
      if (!find_level(out, level.text)) out.push_back(std::move(level));
    }
    return out;
  }
  for (std::size_t k = 0; k < f.values.size(); ++k)
    out.push_back({f.values[k], file.place(fmt::format("factors[{}].values[{}]", i, k))});
  for (std::size_t k = 0; k < f.choices.size(); ++k)
    out.push_back({f.choices[k].name, file.place(fmt::format("factors[{}].choices[{}]", i, k))});
  return out;
}

namespace {

/// The level of a factor at u of (0, 1): within its range, or one of its `levels`.
Level level_at(const StudyFile& file, std::size_t i, const std::vector<Level>& levels, double u) {
  const Factor& f = file.study().factors[i];
  if (is_range(f) && f.whole && f.spacing == Spacing::linear) {
    // Each whole number has the same chance, the ends included.
    const Range r = range_of(f);
    const double n = std::floor(r.to) - std::ceil(r.from) + 1;
    const double x = std::ceil(r.from) + std::min(std::floor(u * n), n - 1);
    return {sim::format_number(x) + (r.unit.empty() ? "" : " " + r.unit),
            file.place(fmt::format("factors[{}].from", i))};
  }
  if (is_range(f)) return level_in_range(file, i, u);
  const auto n = static_cast<double>(levels.size());
  return levels[static_cast<std::size_t>(std::min(std::floor(u * n), n - 1))];
}

/// Levels of factors whose condition does not hold are left out.
class Conditions {
 public:
  explicit Conditions(const Study& study) : study_(study) {
    for (std::size_t i = 0; i < study.factors.size(); ++i)
      if (!study.factors[i].when.empty())
        when_.emplace_back(i, Expression::parse(study.factors[i].when));
  }
  void apply(DesignPoint& point) const {
    for (const auto& [i, when] : when_)
      if (!(when.evaluate(factor_lookup(study_, point)) == 1)) point.levels[i].text.clear();
  }

 private:
  const Study& study_;
  std::vector<std::pair<std::size_t, Expression>> when_;
};

}  // namespace

DesignPoint point_at(const StudyFile& file, const std::vector<double>& u) {
  DesignPoint point;
  for (std::size_t i = 0; i < u.size(); ++i)
    // A search that looks closer would run what differs in nothing that anybody could build.
    point.levels.push_back(level_at(file, i, levels_of(file, i), std::round(u[i] * 1000) / 1000));
  Conditions(file.study()).apply(point);
  return point;
}

bool has_order(const Factor& factor) {
  return is_range(factor);
}

std::vector<DesignPoint> make_design(const StudyFile& file) {
  const Study& study = file.study();
  const Design& design = study.design;
  const std::size_t n = study.factors.size();
  std::vector<std::vector<Level>> all;
  for (std::size_t i = 0; i < n; ++i) all.push_back(levels_of(file, i));
  std::vector<DesignPoint> points;
  switch (design.kind) {
    case DesignKind::table:
      points = from_table(file);
      break;
    case DesignKind::full:
      points = full(file, all);
      break;
    case DesignKind::one_at_a_time:
      points = one_at_a_time(file, all);
      break;
    default: {
      const auto count = static_cast<std::size_t>(design.points);
      if (design.kind == DesignKind::sobol && n > most_sobol_dimensions)
        throw file.error("factors", "are more than the table of direction numbers has",
                         fmt::format("take at most {}", most_sobol_dimensions));
      const UnitPoints unit =
          design.kind == DesignKind::random            ? random_points(count, n, design.seed)
          : design.kind == DesignKind::latin_hypercube ? latin_hypercube(count, n, design.seed)
                                                       : sobol_points(count, n, design.seed);
      for (const auto& u : unit) {
        DesignPoint point;
        for (std::size_t i = 0; i < n; ++i) point.levels.push_back(level_at(file, i, all[i], u[i]));
        points.push_back(std::move(point));
      }
    }
  }
  std::vector<DesignPoint> out;
  const Conditions conditions(study);
  std::set<std::string> seen;
  for (DesignPoint& point : points) {
    conditions.apply(point);
    if (seen.insert(key_of(point)).second) out.push_back(std::move(point));
  }
  return out;
}

std::vector<Setting> settings_of(const StudyFile& file, const DesignPoint& point) {
  const Study& study = file.study();
  std::vector<Setting> out;
  for (std::size_t i = 0; i < study.set.size(); ++i)
    out.push_back({study.set[i], file.place(fmt::format("set[{}]", i))});
  for (std::size_t i = 0; i < study.factors.size(); ++i) {
    const Factor& f = study.factors[i];
    const Level& level = point.levels[i];
    if (level.text.empty()) continue;
    if (f.choices.empty()) {
      out.push_back({f.path + "=" + level.text, level.at});
      for (const auto& path : f.also) out.push_back({path + "=" + level.text, level.at});
      continue;
    }
    for (const FactorChoice& choice : f.choices)
      if (choice.name == level.text)
        for (const auto& text : choice.set) out.push_back({text, level.at});
  }
  return out;
}

Expression::Lookup factor_lookup(const Study& study, const DesignPoint& point) {
  return [&study, &point](const std::string& name) -> std::optional<Value> {
    for (std::size_t i = 0; i < study.factors.size(); ++i)
      if (study.factors[i].name == name)
        return point.levels[i].text.empty() ? std::nullopt : std::optional(point.levels[i].value());
    return std::nullopt;
  };
}

}  // namespace mw::analysis
