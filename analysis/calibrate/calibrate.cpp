#include "analysis/calibrate/calibrate.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <set>

#include "analysis/interrupt.hpp"
#include "analysis/validate/statistics.hpp"
#include "sim/output_error.hpp"
#include "sim/thread_pool.hpp"

namespace mw::analysis {
namespace {

/// Says on a terminal how far the fits are.
class FitProgress {
 public:
  FitProgress(std::size_t fits, bool quiet) : fits_(fits), quiet_(quiet || !isatty(2)) {}
  ~FitProgress() {
    if (!quiet_) fmt::print(stderr, "\r\033[K");
  }
  /// After each evaluation, from any thread; true when the user wants to stop.
  bool evaluated() {
    const std::size_t n = ++evaluations_;
    if (!quiet_ && n % 20 == 0) {
      const std::lock_guard lock(mutex_);
      fmt::print(stderr, "\r\033[K{} of {} fits done, {} evaluations", done_.load(), fits_, n);
    }
    return InterruptGuard::requested();
  }
  void done() { ++done_; }

 private:
  std::size_t fits_;
  bool quiet_;
  std::mutex mutex_;
  std::atomic<std::size_t> evaluations_{0}, done_{0};
};

void refuse_unidentified(const std::vector<Unidentified>& groups,
                         const scenarios::Document<CalibrationStudy>& study) {
  std::vector<sim::InputError> problems;
  for (const Unidentified& group : groups) {
    scenarios::Place at;
    for (std::size_t i = 0; i < study.value.parameters.size(); ++i) {
      const auto found = study.origins.find(fmt::format("parameters[{}].figure", i));
      if (study.value.parameters[i].figure == group.names[0] && found != study.origins.end())
        at = found->second;
    }
    problems.emplace_back(at.file ? *at.file : "", at.line, at.column, group.text(),
                          group.names.size() == 1
                              ? "leave it out, or add points that depend on it"
                              : "fit all but one of them, give one a prior (`sigma`), or add "
                                "points in which they differ");
  }
  throw scenarios::InputProblems(problems);
}

std::vector<std::string> groups_of(const StudyRows& rows, LeaveOut by) {
  std::set<std::string> names;
  for (std::size_t i = 0; i < rows.points.size(); ++i)
    if (rows.fitted[i]) names.insert(left_out_key(rows.points[i], by));
  return {names.begin(), names.end()};
}

std::string source_of(const CalibrateOptions& options, const Calibration& c, std::size_t figure) {
  const FitEstimate& e = c.fit.fit.estimates[c.fit.column[figure]];
  std::size_t used = 0;
  for (const bool one : c.rows.fitted) used += one;
  return fmt::format(
      "millwright calibrate {}: fit of {} figures to {} points{}; one standard deviation of the "
      "logarithm {:.2g}{}",
      std::filesystem::path(options.study).filename().string(), c.fit.fit.estimates.size(), used,
      c.study.text.empty() ? "" : " (" + c.study.text + ")", e.sigma,
      e.at_bound ? "; at its bound" : "");
}

void print_check(const Calibration& c, const Entries& before, const Entries& after, int threads) {
  const auto never = [] { return InterruptGuard::requested(); };
  const auto errors = [&](const Entries& entries) {
    const auto predictions = predict_serving(
        c.rows.points, entries, threads, [] {}, never);
    std::map<Figure, std::vector<double>> out;
    for (std::size_t i = 0; i < predictions.size(); ++i)
      for (const Figure f : {Figure::tok_s, Figure::itl_ms, Figure::tpot_ms, Figure::ttft_ms,
                             Figure::gpu_w, Figure::j_per_token})
        if (const auto e = error_of(c.rows.points[i], predictions[i], f)) out[f].push_back(*e);
    return out;
  };
  auto old = errors(before);
  const auto now = errors(after);
  fmt::print("\nSimulated engine, all rows: mean absolute error before and after\n");
  for (const auto& [figure, list] : now)
    fmt::print("  {:<12} {:>5} rows  {:>6.1f} % -> {:>6.1f} %\n", name_of(figure), list.size(),
               100 * summarise(old[figure]).mape, 100 * summarise(list).mape);
}

}  // namespace

const std::string& left_out_key(const Point& point, LeaveOut by) {
  return by == LeaveOut::gpu ? point.gpu : by == LeaveOut::stack ? point.stack : point.family;
}

StudyFit fit_study(const CalibrationStudy& study, const std::vector<FittedValue>& fitted,
                   const StudyRows& rows, const std::vector<bool>& use, bool drop_untold,
                   Entries& entries, const std::function<bool()>& stop) {
  std::vector<Point> points;
  std::vector<std::size_t> new_index(rows.points.size());
  for (std::size_t i = 0; i < rows.points.size(); ++i) {
    new_index[i] = points.size();
    if (use[i]) points.push_back(rows.points[i]);
  }
  std::vector<MeasuredFigure> figures;
  for (MeasuredFigure f : rows.figures) {
    if (!use[f.point]) continue;
    f.point = new_index[f.point];
    figures.push_back(f);
  }
  const SteadyPredictor predictor(points, entries);

  StudyFit out;
  out.told.assign(fitted.size(), true);
  while (true) {
    std::vector<FittedValue> now;
    out.column.assign(fitted.size(), 0);
    for (std::size_t k = 0; k < fitted.size(); ++k) {
      out.column[k] = now.size();
      if (out.told[k]) now.push_back(fitted[k]);
    }
    FitProblem problem;
    for (const FittedValue& value : now) problem.parameters.push_back(value.fit);
    problem.residuals = figures.size();
    problem.loss = study.loss;
    problem.scatter = study.scatter;
    problem.stop = stop;
    problem.evaluate = [&](std::span<const double> values, std::span<double> residuals) {
      set_fitted(now, values, entries);
      for (std::size_t k = 0; k < fitted.size(); ++k)
        if (!out.told[k]) set_to_fallback(fitted[k], entries);
      log_errors(figures, predictor.predict(), residuals);
    };
    out.fit = fit(problem);

    // Rows left out may have been the only ones that tell of a figure.
    bool again = false;
    if (drop_untold) {
      for (const Unidentified& group : out.fit.unidentified) {
        if (group.names.size() != 1) continue;
        for (std::size_t k = 0; k < fitted.size(); ++k) {
          if (out.told[k] && fitted[k].fit.name == group.names[0]) {
            out.told[k] = false;
            again = true;
          }
        }
      }
    }
    if (again) continue;

    std::vector<double> values;
    for (std::size_t i = 0; i < now.size(); ++i)
      values.push_back(out.fit.estimates.empty() ? now[i].fit.start : out.fit.estimates[i].value);
    set_fitted(now, values, entries);
    for (std::size_t k = 0; k < fitted.size(); ++k) {
      if (!out.told[k]) set_to_fallback(fitted[k], entries);
      out.values.push_back(fitted_value(fitted[k], entries));
    }
    return out;
  }
}

std::vector<double> study_errors(const StudyRows& rows, const Entries& entries) {
  std::vector<double> out(rows.figures.size());
  log_errors(rows.figures, SteadyPredictor(rows.points, entries).predict(), out);
  return out;
}

int calibrate(const CalibrateOptions& options) {
  const scenarios::Catalog catalog;
  const auto document =
      scenarios::read_document<CalibrationStudy>(options.study, {options.sets}, catalog);
  Entries entries(catalog);
  Calibration c;
  c.study = document.value;
  c.by = options.leave_out;
  c.rows = read_rows(c.study, std::filesystem::path(options.study).parent_path(), options.points,
                     catalog, entries);
  c.fitted = find_fitted(document, catalog, entries);
  for (const auto& problem : c.rows.problems) fmt::print(stderr, "{}\n", problem.what());
  if (std::none_of(c.rows.fitted.begin(), c.rows.fitted.end(), [](bool b) { return b; }))
    throw sim::InputError(options.study, 0, 0, "no row is left to fit",
                          "name files of measured points under `points`, or with --points");

  const Entries before = entries;
  c.before = study_errors(c.rows, before);
  const auto groups = c.by == LeaveOut::none ? std::vector<std::string>{} : groups_of(c.rows, c.by);
  const InterruptGuard interrupts;
  {
    FitProgress progress(1 + groups.size(), options.quiet);
    const auto stop = [&] { return progress.evaluated(); };
    c.fit = fit_study(c.study, c.fitted, c.rows, c.rows.fitted, false, entries, stop);
    if (!c.fit.fit.unidentified.empty()) refuse_unidentified(c.fit.fit.unidentified, document);
    progress.done();
    c.after = study_errors(c.rows, entries);
    c.left_out.resize(groups.size());
    sim::ThreadPool pool(options.threads);
    pool.for_each(groups.size(), [&](std::size_t g) {
      std::vector<bool> use = c.rows.fitted;
      for (std::size_t i = 0; i < use.size(); ++i)
        if (left_out_key(c.rows.points[i], c.by) == groups[g]) use[i] = false;
      Entries without = before;
      LeftOut& one = c.left_out[g];
      one.name = groups[g];
      if (std::none_of(use.begin(), use.end(), [](bool b) { return b; })) return;
      one.fit = fit_study(c.study, c.fitted, c.rows, use, true, without, stop);
      one.errors = study_errors(c.rows, without);
      progress.done();
    });
  }
  if (InterruptGuard::requested()) {
    fmt::print(stderr, "millwright: stopped before the fit was done; nothing was written\n");
    return 1;
  }

  fmt::print("{}", calibration_report(c));
  if (options.check) print_check(c, before, entries, options.threads);
  if (!options.json.empty()) {
    std::ofstream out(options.json);
    out << calibration_json(c) << '\n';
    out.close();
    if (!out)
      throw sim::OutputError(options.json, "cannot be written", "name another file with --json");
  }
  if (!options.output.empty()) {
    std::vector<std::string> sources;
    for (std::size_t k = 0; k < c.fitted.size(); ++k) sources.push_back(source_of(options, c, k));
    fmt::print("\nWritten, for MILLWRIGHT_CATALOG={}:\n", options.output);
    for (const auto& path : write_overlay(options.output, c.fitted, c.fit.values, sources, entries))
      fmt::print("  {}\n", path);
  }
  return c.rows.problems.empty() ? 0 : 2;
}

}  // namespace mw::analysis
