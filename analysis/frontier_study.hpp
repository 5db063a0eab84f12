#pragma once
#include <optional>
#include <string>
#include <vector>

#include "models/training/overlapped_pipeline.hpp"
#include "sim/describe.hpp"

// What `millwright plan --study` reads: published pipelines, what was saved on them, and what must
// hold of the twin.
namespace mw::analysis {

/// What may be expected of a case. Shares, but for `fastest_time` (s) and `fastest_energy` (J).
enum class StudyFigure {
  saved_at_equal_time,   // energy against every op at full speed, in the same time
  saved_with_straggler,  // the same at the longest of `stragglers`
  fastest_time,
  fastest_energy,
  energy_against_perseus,  // energy saved at the time of Perseus' fastest plan
  time_against_perseus,    // time saved at the energy of Perseus' fastest plan
  speed_against_perseus    // time saved, fastest plan against fastest plan
};
inline std::span<const char* const> enum_names(StudyFigure) {
  static constexpr const char* names[] = {
      "saved_at_equal_time",    "saved_with_straggler", "fastest_time",         "fastest_energy",
      "energy_against_perseus", "time_against_perseus", "speed_against_perseus"};
  return names;
}

struct StudyExpectation {
  StudyFigure figure{};
  models::OverlapMethod method = models::OverlapMethod::sequential;
  std::optional<double> published;
  std::string source;
  double at_least = -1e300;
  double at_most = 1e300;
};
template <sim::Describes<StudyExpectation> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("figure", self.figure, About{.text = "What is expected", .required = true});
  visit("method", self.method, About{.text = "Of which method"});
  visit("published", self.published, About{.text = "What was published"});
  visit("source", self.source, About{.text = "Where, and how sure that is"});
  visit("at_least", self.at_least, About{.text = "The twin must give this or more"});
  visit("at_most", self.at_most, About{.text = "The twin must give this or less"});
}

struct StudyCase {
  std::string name;
  std::string text;
  sim::Entry<models::GpuParameters> gpu;
  sim::Entry<models::LlmParameters> model;
  models::OverlappedJob job;
  sim::Frequency lowest_clock{900e6};
  sim::Frequency clock_step{15e6};
  sim::Power blocking_power{};
  std::vector<models::OverlapMethod> methods = {models::OverlapMethod::sequential};
  std::vector<double> stragglers;
  std::string rows;
  std::vector<StudyExpectation> expect;
};
template <sim::Describes<StudyCase> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("name", self.name, About{.text = "Name of the case", .required = true});
  visit("text", self.text, About{.text = "What it is, in one line"});
  visit("gpu", self.gpu, About{.text = "The GPU", .required = true});
  visit("model", self.model, About{.text = "The model, dense", .required = true});
  visit("job", self.job, About{.text = "Layout and batches", .required = true});
  visit("lowest_clock", self.lowest_clock,
        About{.text = "Lowest clock that a plan may use", .min = 1e6});
  visit("clock_step", self.clock_step, About{.text = "Clocks lie this far apart", .min = 1e6});
  visit("blocking_power", self.blocking_power,
        About{.text = "Power of a GPU that waits", .min = 0, .required = true});
  visit("methods", self.methods, About{.text = "How ops are run"});
  visit("stragglers", self.stragglers,
        About{.text =
                  "Iterations this many times as long as the fastest, as a straggler makes them"});
  visit("rows", self.rows,
        About{.text = "Rows of the study's table to compare with: model/config"});
  visit("expect", self.expect, About{.text = "What was published, and what must hold"});
}

void check(const StudyCase& one, sim::Problems& problems);

struct FrontierStudy {
  std::string text;
  std::string table;
  models::OverlapParameters overlap;
  std::vector<StudyCase> cases;
};
template <sim::Describes<FrontierStudy> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("text", self.text, About{.text = "What the study is, in one line"});
  visit("table", self.table,
        About{.text = "Published plans to compare with (CSV: method, model, config, iter_time_s, "
                      "total_energy_J), beside the study or below MILLWRIGHT_DATA"});
  visit("overlap", self.overlap, About{.text = "How kernels and collectives run"});
  visit("cases", self.cases, About{.text = "The pipelines", .required = true});
}

/// A frontier of one method, reduced to what is told of it.
struct StudyMethod {
  models::OverlapMethod method{};
  models::PipelineFrontier frontier;
  models::ClockPlan all_fast, planned;         // at the same time
  std::vector<double> saved_with_straggler;    // one for each of `stragglers`
  std::vector<double> saved_with_straggler_j;  // the same in joules
};

/// Published plans of one method against the twin's frontier. Times and energies are relative to
/// the fastest plan of each, so that the shape is compared and not the level.
struct RowComparison {
  models::OverlapMethod method{};
  int rows = 0;
  double time_error = 0, energy_error = 0;  // of the fastest plan, share
  double iso_time = 0, iso_energy = 0;      // mean absolute error over rows, shares
  double published_saved_energy = 0, published_saved_time = 0;  // against Perseus' fastest
};

struct StudyResult {
  std::vector<StudyMethod> methods;
  std::vector<RowComparison> comparisons;
  std::vector<double> figures;  // of each expectation
  std::vector<bool> holds;
};

StudyResult study_case(const FrontierStudy& study, const StudyCase& one, const std::string& table);

/// `plan --study`: 0, or 3 where an expectation does not hold.
int plan_study(const std::string& file, const std::vector<std::string>& sets, bool json);

}  // namespace mw::analysis
