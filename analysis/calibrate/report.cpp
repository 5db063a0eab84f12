#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "analysis/calibrate/calibrate.hpp"
#include "analysis/validate/statistics.hpp"

namespace mw::analysis {
namespace {

using nlohmann::ordered_json;

constexpr double strong_correlation = 0.9;
constexpr double hardly_known = 0.5;  // sigma of the logarithm: a factor of 1.6 either way

const char* name_of_figure(FittedFigure f) {
  return enum_names(f)[static_cast<std::size_t>(f)];
}
double relative(double log_error) {
  return std::exp(log_error) - 1;
}

std::vector<FittedFigure> figures_in(const StudyRows& rows) {
  std::vector<FittedFigure> out;
  for (const FittedFigure f : {FittedFigure::tok_s, FittedFigure::itl_ms, FittedFigure::tpot_ms,
                               FittedFigure::gpu_w, FittedFigure::j_per_token})
    if (std::any_of(rows.figures.begin(), rows.figures.end(),
                    [f](const MeasuredFigure& m) { return m.figure == f; }))
      out.push_back(f);
  return out;
}

/// Errors of one figure in rows of which `in` is true.
template <class In>
ErrorSummary errors_of(const StudyRows& rows, const std::vector<double>& logs, FittedFigure figure,
                       const In& in) {
  std::vector<double> errors;
  for (std::size_t i = 0; i < rows.figures.size() && !logs.empty(); ++i)
    if (rows.figures[i].figure == figure && in(rows.figures[i].point))
      errors.push_back(relative(logs[i]));
  return summarise(errors);
}

std::string notes_of(const FitEstimate& e) {
  std::string notes;
  if (e.at_bound) notes += "  at its bound";
  if (!e.at_bound && e.sigma > hardly_known) notes += "  hardly known";
  return notes;
}

std::string parameter_table(const Calibration& c) {
  std::size_t width = 9;
  for (const auto& f : c.fitted) width = std::max(width, f.fit.name.size());
  std::string out = fmt::format("{:<{}}  {:>14}  {:>14}  sigma of log\n", "parameter", width,
                                "catalog", "fitted");
  for (std::size_t k = 0; k < c.fitted.size(); ++k) {
    const FitEstimate& e = c.fit.fit.estimates[c.fit.column[k]];
    out += fmt::format("{:<{}}  {:>14}  {:>14}  {:>12}{}\n", c.fitted[k].fit.name, width,
                       fitted_text(c.fitted[k], c.fitted[k].fit.start),
                       fitted_text(c.fitted[k], e.value),
                       e.at_bound ? "-" : fmt::format("{:.3f}", e.sigma), notes_of(e));
  }
  return out;
}

/// Rows that were not fitted are those kept back from the start.
std::string error_table(const Calibration& c) {
  std::string out =
      fmt::format("\nError: mean (median) of |predicted / measured - 1|, %\n{:<34}", "rows");
  const auto figures = figures_in(c.rows);
  for (const FittedFigure f : figures) out += fmt::format("  {:>30}", name_of_figure(f));
  out += '\n';
  const auto line = [&](const std::string& name, const auto& in) {
    std::string text;
    std::size_t rows = 0;
    for (const FittedFigure f : figures) {
      const ErrorSummary a = errors_of(c.rows, c.before, f, in);
      const ErrorSummary b = errors_of(c.rows, c.after, f, in);
      rows = std::max(rows, b.rows);
      text += b.rows == 0
                  ? fmt::format("  {:>30}", "")
                  : fmt::format("  {:>30}",
                                fmt::format("{:.1f} ({:.1f}) -> {:.1f} ({:.1f})", 100 * a.mape,
                                            100 * a.median, 100 * b.mape, 100 * b.median));
    }
    if (rows > 0) out += fmt::format("{:<26} {:>7}{}\n", name, rows, text);
  };
  std::map<std::string, int> groups;
  for (const Point& p : c.rows.points) groups[p.gpu + " " + p.stack] = 1;
  for (const bool fitted : {true, false}) {
    for (const auto& [group, one] : groups)
      line((fitted ? "" : "kept back: ") + group, [&](std::size_t i) {
        return c.rows.fitted[i] == fitted &&
               c.rows.points[i].gpu + " " + c.rows.points[i].stack == group;
      });
  }
  return out;
}

std::string left_out_table(const Calibration& c) {
  const auto by = enum_names(LeaveOut{})[static_cast<std::size_t>(c.by)];
  std::string out = fmt::format(
      "\nEach {} left out in turn and predicted: mean (median) error, %; fitted with the others\n"
      "{:<34}",
      by, "left out");
  const auto figures = figures_in(c.rows);
  for (const FittedFigure f : figures) out += fmt::format("  {:>30}", name_of_figure(f));
  out += '\n';
  std::map<std::pair<std::string, FittedFigure>, std::vector<double>> pooled;  // by GPU
  for (const LeftOut& one : c.left_out) {
    std::string text;
    std::size_t rows = 0;
    const auto in = [&](std::size_t i) {
      return c.rows.fitted[i] && left_out_key(c.rows.points[i], c.by) == one.name;
    };
    for (const FittedFigure f : figures) {
      const ErrorSummary a = errors_of(c.rows, one.errors, f, in);
      const ErrorSummary b = errors_of(c.rows, c.after, f, in);
      rows = std::max(rows, a.rows);
      text += a.rows == 0 ? fmt::format("  {:>30}", "")
                          : fmt::format("  {:>30}", fmt::format("{:.1f} ({:.1f}); {:.1f} ({:.1f})",
                                                                100 * a.mape, 100 * a.median,
                                                                100 * b.mape, 100 * b.median));
    }
    std::string note = one.fit.told.empty() ? "  nothing else is left to fit" : "";
    for (const Unidentified& group : one.fit.fit.unidentified) note += "  " + group.text();
    for (std::size_t k = 0; k < c.fitted.size() && !one.fit.told.empty(); ++k)
      if (!one.fit.told[k])
        note += fmt::format("  {}: {}", c.fitted[k].fit.name,
                            fitted_text(c.fitted[k], one.fit.values[k]));
    out += fmt::format("{:<26} {:>7}{}{}\n", one.name, rows, text, note);
    for (std::size_t i = 0; i < c.rows.figures.size() && !one.errors.empty(); ++i)
      if (in(c.rows.figures[i].point))
        pooled[{c.rows.points[c.rows.figures[i].point].gpu, c.rows.figures[i].figure}].push_back(
            relative(one.errors[i]));
  }
  out += "All rows when left out, by GPU:\n";
  for (const auto& [key, errors] : pooled) {
    const ErrorSummary s = summarise(errors);
    out += fmt::format(
        "  {:<16} {:<12} {:>5} rows  mean {:>5.1f} %  median {:>5.1f} %  P90 {:>5.1f} %"
        "  bias {:>+6.1f} %\n",
        key.first, name_of_figure(key.second), s.rows, 100 * s.mape, 100 * s.median, 100 * s.p90,
        100 * s.bias);
  }
  return out;
}

/// Delete-one-group jackknife: what the choice of families does to a value, against sigma, which
/// takes rows as independent (Efron and Stein, Ann. Statist. 9 (1981) 586).
double jackknife_sigma(const Calibration& c, std::size_t figure) {
  std::vector<double> logs;
  for (const LeftOut& one : c.left_out)
    if (!one.fit.values.empty() && one.fit.told[figure])
      logs.push_back(std::log(one.fit.values[figure]));
  if (logs.size() < 2) return 0;
  const double n = static_cast<double>(logs.size());
  double mean = 0, sum = 0;
  for (const double x : logs) mean += x / n;
  for (const double x : logs) sum += (x - mean) * (x - mean);
  return std::sqrt((n - 1) / n * sum);
}

}  // namespace

std::string calibration_report(const Calibration& c) {
  std::size_t used = 0;
  for (const bool one : c.rows.fitted) used += one;
  std::string out = fmt::format("{} rows fitted, {} kept back", used, c.rows.points.size() - used);
  for (const std::string& aside : c.rows.left_aside) out += "; left aside: " + aside;
  out += fmt::format(". Scatter of log(predicted / measured) {:.3f}\n\n", c.fit.fit.scatter);
  out += parameter_table(c);

  std::string correlated;
  for (std::size_t a = 0; a < c.fitted.size(); ++a)
    for (std::size_t b = a + 1; b < c.fitted.size(); ++b)
      if (const double r = c.fit.fit.correlation[c.fit.column[a]][c.fit.column[b]];
          std::fabs(r) > strong_correlation)
        correlated +=
            fmt::format("  {:+.2f}  {} and {}\n", r, c.fitted[a].fit.name, c.fitted[b].fit.name);
  if (!correlated.empty())
    out +=
        "\nHard to tell apart (correlation above 0.9): a change of one makes up for the other\n" +
        correlated;
  out += error_table(c);
  if (c.by != LeaveOut::none) {
    out += left_out_table(c);
    out += "\nScatter of the values over the fits with one left out (jackknife sigma of log)\n";
    for (std::size_t k = 0; k < c.fitted.size(); ++k)
      out += fmt::format("  {:<44} {:.3f}\n", c.fitted[k].fit.name, jackknife_sigma(c, k));
  }
  return out;
}

std::string calibration_json(const Calibration& c) {
  ordered_json out;
  out["scatter"] = c.fit.fit.scatter;
  for (std::size_t k = 0; k < c.fitted.size(); ++k) {
    const FitEstimate& e = c.fit.fit.estimates[c.fit.column[k]];
    ordered_json one = {{"name", c.fitted[k].fit.name},
                        {"catalog", c.fitted[k].fit.start},
                        {"fitted", e.value},
                        {"sigma", e.sigma},
                        {"at_bound", e.at_bound}};
    if (c.by != LeaveOut::none) one["jackknife_sigma"] = jackknife_sigma(c, k);
    out["parameters"].push_back(one);
  }
  out["correlation"] = c.fit.fit.correlation;
  for (std::size_t i = 0; i < c.rows.figures.size(); ++i) {
    const Point& p = c.rows.points[c.rows.figures[i].point];
    ordered_json row = {{"id", p.id},
                        {"model", p.model},
                        {"family", p.family},
                        {"gpu", p.gpu},
                        {"stack", p.stack},
                        {"figure", name_of_figure(c.rows.figures[i].figure)},
                        {"fitted", static_cast<bool>(c.rows.fitted[c.rows.figures[i].point])},
                        {"error_before", relative(c.before[i])},
                        {"error_after", relative(c.after[i])}};
    for (const LeftOut& one : c.left_out)
      if (one.name == left_out_key(p, c.by) && !one.errors.empty())
        row["error_left_out"] = relative(one.errors[i]);
    out["rows"].push_back(row);
  }
  return out.dump(2);
}

}  // namespace mw::analysis
