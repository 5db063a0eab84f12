#include "analysis/validate/validate.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <mutex>

#include <fmt/format.h>

#include "analysis/interrupt.hpp"
#include "analysis/progress.hpp"
#include "analysis/validate/convert.hpp"
#include "analysis/validate/predict_cap.hpp"
#include "analysis/validate/predict_items.hpp"
#include "analysis/validate/predict_training.hpp"
#include "analysis/validate/public_tables.hpp"
#include "analysis/validate/report.hpp"
#include "analysis/validate/statistics.hpp"
#include "analysis/write_file.hpp"
#include "scenarios/problems.hpp"
#include "sim/output_error.hpp"

namespace mw::analysis {
namespace {

/// How many rows are done, and how long the rest may take.
class RowProgress {
 public:
  RowProgress(std::size_t rows, bool quiet) : rows_(rows), line_(quiet) {}

  void one_more() {
    const std::scoped_lock lock(mutex_);
    ++done_;
    if (!line_.due()) return;
    const double left = line_.elapsed() * double(rows_ - done_) / double(done_);
    line_.say(fmt::format("{} of {} rows ({:.0f} %), {} left", done_, rows_,
                          100.0 * double(done_) / double(rows_), clock_text(left)));
  }

 private:
  std::size_t rows_, done_ = 0;
  ProgressLine line_;
  std::mutex mutex_;
};

void print_columns() {
  fmt::print("{:<24} {:<70} {}\n", "column", "what it says", "where blank");
  for (const auto& about : point_columns())
    fmt::print("{:<24} {:<70} {}\n", about.name, about.text, about.fallback);
  for (const auto& f : figure_abouts)
    fmt::print("{:<24} {:<70} predicted only\n", "measured_" + std::string(f.name),
               fmt::format("{} [{}]", f.text, f.unit));
}

void take(Comparison& all, PointFile file, const std::string& name) {
  for (auto& point : file.points) {
    all.points.push_back(std::move(point));
    all.files.push_back(name);
  }
  all.rows += file.rows;
  for (auto& text : file.warnings) all.warnings.push_back(name + ": " + text);
  for (const auto& problem : file.problems) all.problems.emplace_back(problem.what());
  for (auto& text : file.defaults)
    if (std::find(all.defaults.begin(), all.defaults.end(), text) == all.defaults.end())
      all.defaults.push_back(std::move(text));
}

void predict_all(Comparison& all, const scenarios::Catalog& catalog,
                 const ValidateOptions& options) {
  Entries entries(catalog);
  entries.read(all.points);
  const InterruptGuard interrupt;
  RowProgress progress(all.points.size(), options.quiet);
  all.predictions = predict_serving(
      all.points, entries, options.threads, [&] { progress.one_more(); },
      InterruptGuard::requested);
  predict_training(all.points, entries, all.predictions, catalog, [&] { progress.one_more(); });
  predict_cap(all.points, entries, all.predictions, [&] { progress.one_more(); });
  predict_items(all.points, all.predictions, catalog, !options.all, [&] { progress.one_more(); });
  for (std::size_t i = 0; i < all.points.size(); ++i) {
    auto& prediction = all.predictions[i];
    if (!prediction.problem && !prediction.predicted.any()) prediction.problem = "not reached";
    if (prediction.problem)
      all.problems.push_back(sim::InputError::text(all.files[i], all.points[i].line, 0,
                                                   *prediction.problem,
                                                   prediction.advice.value_or("")));
  }
}

/// Puts `text` between the page's two marks.
void update_page(const std::string& path, const std::string& text) {
  std::ifstream in(path, std::ios::binary);
  std::string page{std::istreambuf_iterator<char>(in), {}};
  const auto from = page.find(generated_begin);
  const auto to = page.find(generated_end, from == std::string::npos ? 0 : from);
  if (!in || from == std::string::npos || to == std::string::npos)
    throw sim::InputError(
        path, 0, 0, "holds no generated section",
        fmt::format("put the lines {} and {} into it", generated_begin, generated_end));
  const auto begin = from + std::string(generated_begin).size();
  write_file(path, page.substr(0, begin) + "\n" + text + page.substr(to));
}

int convert_files(const ValidateOptions& options) {
  const Converted converted = convert(options.convert, options.files);
  fmt::print("{}", converted.csv);
  for (const auto& note : converted.notes) fmt::print(stderr, "{}\n", note);
  return 0;
}

}  // namespace

int validate(const ValidateOptions& options) {
  if (options.columns) {
    print_columns();
    return 0;
  }
  if (!options.convert.empty()) return convert_files(options);
  std::vector<Bar> bars;
  for (const auto& text : options.bars) bars.push_back(bar_of(text));

  const scenarios::Catalog catalog;
  const scenarios::Names names(catalog);
  Comparison all;
  if (options.all) {
    for (const auto& table : public_tables()) {
      const Converted converted = convert(table.converter, table.files);
      take(all, read_points_text(table.name, converted.csv, catalog, names), table.name);
    }
  }
  for (const auto& file : options.files) take(all, read_points(file, catalog, names), file);
  for (const auto& text : all.warnings) fmt::print(stderr, "{}\n", text);

  predict_all(all, catalog, options);
  if (options.intervals) {
    fmt::print("{}", residuals_yaml(residuals_of(all.points, all.predictions)));
    return 0;
  }
  const Intervals intervals(catalog);
  if (!options.json.empty()) write_file(options.json, comparison_json(all, intervals));
  if (!options.csv.empty()) write_file(options.csv, comparison_csv(all, intervals));
  if (!options.update.empty()) {
    update_page(options.update, accuracy_markdown(all));
    return 0;
  }
  fmt::print("{}", options.markdown ? accuracy_markdown(all)
                                    : comparison_text(all, intervals, options.worst));
  std::fflush(stdout);
  // The public tables hold models that the catalog does not: those are counted, not told one by
  // one.
  if (!options.all) {
    for (const auto& text : all.problems) fmt::print(stderr, "{}\n", text);
    if (!all.problems.empty()) return 2;
  }
  const auto missed = missed_bars(group_errors(all.points, all.predictions), bars);
  for (const auto& text : missed) fmt::print(stderr, "{}\n", text);
  return missed.empty() ? 0 : 3;
}

}  // namespace mw::analysis
