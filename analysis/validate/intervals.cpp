#include "analysis/validate/intervals.hpp"

#include <cmath>
#include <filesystem>
#include <map>
#include <set>
#include <tuple>

#include <fmt/format.h>

#include "analysis/validate/statistics.hpp"
#include "scenarios/reader.hpp"

namespace mw::analysis {
namespace {

constexpr const char* any = "any";
// Fewer rows than this show no tails.
constexpr std::int64_t least_rows = 12;
// Residuals of other GPUs, and of other software, widened in the logarithm. Assumed: an error on
// hardware that no constant has seen is about half again as large (B200 from constants of H100:
// docs/accuracy.md), on other software twice.
constexpr double other_gpu = 1.5, other_stack = 2;

const char* kind_name(PointKind kind) {
  return enum_names(kind)[static_cast<std::size_t>(kind)];
}

/// Images and videos have no serving software.
std::string stack_name(const Point& point) {
  return point.stack.empty() ? any : point.stack;
}

}  // namespace

Intervals::Intervals(const scenarios::Catalog& catalog) {
  const auto beside = std::filesystem::path(catalog.folders().back()).parent_path();
  residuals_ = scenarios::read_file<Residuals>((beside / "residuals.yaml").string(), {}, catalog);
}

const Residual* Intervals::find(const std::string& kind, const std::string& gpu,
                                const std::string& stack, bool weak,
                                std::string_view figure) const {
  for (const auto& r : residuals_.residuals)
    if (r.kind == kind && r.gpu == gpu && r.stack == stack && r.weak == weak &&
        r.figure == figure && r.rows >= least_rows)
      return &r;
  return nullptr;
}

std::optional<Interval> Intervals::of(const Point& point, const Prediction& prediction,
                                      Figure figure) const {
  const auto& value = prediction.predicted[figure];
  if (!value) return std::nullopt;
  const std::string kind = kind_name(point.kind);
  const bool weak = !prediction.weak.empty();
  const auto name = name_of(figure);
  const std::string stack = stack_name(point);
  struct Try {
    const char *gpu, *stack;
    double widen;
  };
  for (const Try& t : {Try{point.gpu.c_str(), stack.c_str(), 1}, Try{any, stack.c_str(), other_gpu},
                       Try{any, any, other_stack}}) {
    for (const bool as_weak : {weak, true, false}) {
      const Residual* r = find(kind, t.gpu, t.stack, as_weak, name);
      if (!r) continue;
      // A weak row judged by rows that are not: wider too.
      const double widen = t.widen * (weak && !as_weak ? 2 : 1);
      return Interval{*value * std::pow(r->low, widen), *value * std::pow(r->high, widen),
                      t.widen > 1};
    }
  }
  return std::nullopt;
}

std::vector<Residual> residuals_of(const std::vector<Point>& points,
                                   const std::vector<Prediction>& predictions) {
  std::map<std::tuple<std::string, std::string, std::string, bool, std::size_t>,
           std::vector<double>>
      groups;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const Point& p = points[i];
    for (std::size_t f = 0; f < figure_count; ++f) {
      const auto error = error_of(p, predictions[i], static_cast<Figure>(f));
      if (!error || !(*error > -1)) continue;
      const double ratio = 1 / (1 + *error);
      const bool weak = !predictions[i].weak.empty();
      const std::string kind = kind_name(p.kind);
      const std::string stack = stack_name(p);
      const std::set<std::pair<std::string, std::string>> wheres = {
          {p.gpu, stack}, {any, stack}, {any, any}};
      for (const auto& [gpu, software] : wheres)
        groups[{kind, gpu, software, weak, f}].push_back(ratio);
    }
  }
  std::vector<Residual> out;
  for (const auto& [key, ratios] : groups) {
    const auto& [kind, gpu, stack, weak, figure] = key;
    if (static_cast<std::int64_t>(ratios.size()) < least_rows) continue;
    // Twentieths from inside: of few rows the extremes count.
    const double low = std::min(1.0, quantile_of(ratios, 0.05));
    const double high = std::max(1.0, quantile_of(ratios, 0.95));
    out.push_back({kind, gpu, stack, weak, std::string(figure_abouts[figure].name),
                   static_cast<std::int64_t>(ratios.size()), low, high});
  }
  return out;
}

std::string residuals_yaml(const std::vector<Residual>& residuals) {
  std::string out =
      "# How measured values lie about predicted ones, for the intervals of `millwright "
      "validate`.\n"
      "# Written by: MILLWRIGHT_DATA=... millwright validate --all --intervals\n"
      "# low, high: one measured value in twenty is below low x predicted, one above high x "
      "predicted.\n"
      "source: \"the measured tables named in docs/validate.md, against the catalog of this "
      "version\"\n"
      "residuals:\n";
  for (const auto& r : residuals)
    out += fmt::format(
        "  - {{kind: {}, gpu: {}, stack: {}{}, figure: {},\n     rows: {}, low: {:.3f}, high: "
        "{:.3f}}}\n",
        r.kind, r.gpu, r.stack, r.weak ? ", weak: true" : "", r.figure, r.rows, r.low, r.high);
  return out;
}

}  // namespace mw::analysis
