#pragma once
#include <optional>
#include <string>
#include <vector>

#include "sim/describe.hpp"

// What `millwright sweep` and its kin read: a base scenario, what varies, and what is asked of the
// results.
namespace mw::analysis {

/// Several values that change together, under one name.
struct FactorChoice {
  std::string name;
  std::vector<std::string> set;
};
template <sim::Describes<FactorChoice> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("name", self.name, About{.text = "What tables call it", .required = true});
  visit("set", self.set, About{.text = "What it sets: `path=value`, as after --set"});
}

enum class Spacing { linear, log };
inline std::span<const char* const> enum_names(Spacing) {
  static constexpr const char* names[] = {"linear", "log"};
  return names;
}

/// One thing that varies.
struct Factor {
  std::string name, path;
  std::vector<std::string> also, values;
  std::string from, to;
  std::optional<int> steps;
  Spacing spacing = Spacing::linear;
  bool whole = false;
  std::vector<FactorChoice> choices;
  std::string usual, when;
};
template <sim::Describes<Factor> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("name", self.name, About{.text = "What tables and expressions call it", .required = true});
  visit("path", self.path, About{.text = "The value it sets, as a path of --set"});
  visit("also", self.also, About{.text = "Further paths that are set to the same value"});
  visit("values", self.values,
        About{.text = "Its levels, each as it would be written in the scenario; blocks and lists "
                      "in quotes"});
  visit("from", self.from, About{.text = "Low end of a range, with its unit"});
  visit("to", self.to, About{.text = "High end of a range, in the same unit"});
  visit("steps", self.steps,
        About{.text = "Levels of a range in designs that need levels; both ends are levels",
              .min = 2,
              .max = 1e6});
  visit("spacing", self.spacing, About{.text = "How a range is divided: linear, or log"});
  visit("whole", self.whole, About{.text = "Values of the range are rounded to whole numbers"});
  visit("choices", self.choices, About{.text = "Named levels that set several values each"});
  visit("usual", self.usual,
        About{.text = "The level at which it rests while others move; otherwise its first"});
  visit("when", self.when,
        About{.text = "Left as the base has it unless this expression of factors named before it "
                      "holds"});
}

enum class DesignKind { full, random, latin_hypercube, sobol, one_at_a_time, table };
inline std::span<const char* const> enum_names(DesignKind) {
  static constexpr const char* names[] = {"full",  "random",        "latin_hypercube",
                                          "sobol", "one_at_a_time", "table"};
  return names;
}

struct Design {
  DesignKind kind = DesignKind::full;
  int points = 64;
  std::uint64_t seed = 1;
  std::string table;
};
template <sim::Describes<Design> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("kind", self.kind,
        About{.text = "Which combinations run: all (full), drawn ones (random, latin_hypercube, "
                      "sobol), one factor moved at a time, or the rows of a table"});
  visit("points", self.points, About{.text = "How many are drawn", .min = 1, .max = 1e7});
  visit("seed", self.seed, About{.text = "Seed of the draw"});
  visit("table", self.table,
        About{.text = "CSV file beside the study: a column for each factor, a row for each point"});
}

struct Derived {
  std::string name, value, unit = "1", text;
};
template <sim::Describes<Derived> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("name", self.name, About{.text = "Its name", .required = true});
  visit("value", self.value,
        About{.text = "An expression of figures, factors and metrics defined before it",
              .required = true});
  visit("unit", self.unit, About{.text = "Its unit"});
  visit("text", self.text, About{.text = "What it means"});
}

/// What a search is after: one of the two.
struct Objective {
  std::string maximise, minimise;
  const std::string& value() const { return maximise.empty() ? minimise : maximise; }
};
template <sim::Describes<Objective> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("maximise", self.maximise, About{.text = "A figure, a metric, or an expression of them"});
  visit("minimise", self.minimise, About{.text = "The same, to be made small"});
}

/// What `millwright optimize` does.
struct Search {
  std::vector<Objective> objectives;
  int population = 24;
  int runs = 400;
  std::uint64_t seed = 1;
};
template <sim::Describes<Search> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("objectives", self.objectives,
        About{.text = "What is sought; with several, all points that no other beats in each of "
                      "them (the Pareto front)",
              .required = true});
  visit("population", self.population,
        About{.text = "Points in a generation", .min = 4, .max = 1e4});
  visit("runs", self.runs,
        About{.text = "Most runs of the simulator, replicates counted", .min = 4, .max = 1e7});
  visit("seed", self.seed, About{.text = "Seed of the search"});
}

struct Study {
  std::string name, text, base;
  std::vector<std::string> set;
  std::vector<Factor> factors;
  Design design;
  int replicates = 1;
  std::vector<Derived> metrics;
  std::vector<std::string> constraints, show;
  std::optional<Search> optimize;
};
template <sim::Describes<Study> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("name", self.name, About{.text = "Name of the study, and of its file", .required = true});
  visit("text", self.text, About{.text = "What it asks, in a sentence"});
  visit("base", self.base,
        About{.text = "The scenario it varies, beside the study", .required = true});
  visit("set", self.set, About{.text = "Changes to the base in all points: `path=value`"});
  visit("factors", self.factors, About{.text = "What varies"});
  visit("design", self.design, About{.text = "Which combinations run"});
  visit("replicates", self.replicates,
        About{.text = "Runs of each combination, the r-th with the base's seed + r: all "
                      "combinations share them (common random numbers)",
              .min = 1,
              .max = 1e4});
  visit("metrics", self.metrics, About{.text = "Figures computed from those of each point"});
  visit("constraints", self.constraints,
        About{.text = "Expressions that hold in points that count as feasible"});
  visit("show", self.show,
        About{.text = "Figures that the report shows; the file has all of them"});
  visit("optimize", self.optimize, About{.text = "What `millwright optimize` looks for"});
}
void check(const Study& study, sim::Problems& problems);

}  // namespace mw::analysis
