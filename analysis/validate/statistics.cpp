#include "analysis/validate/statistics.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <tuple>

#include <fmt/format.h>

#include "sim/input_error.hpp"

namespace mw::analysis {

double quantile_of(std::vector<double> values, double q) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const double rank = std::ceil(q * static_cast<double>(values.size()));
  const auto at = static_cast<std::size_t>(std::max(1.0, rank)) - 1;
  return values[std::min(at, values.size() - 1)];
}

ErrorSummary summarise(const std::vector<double>& errors) {
  ErrorSummary out;
  out.rows = errors.size();
  if (errors.empty()) return out;
  std::vector<double> sizes;
  for (const double e : errors) {
    sizes.push_back(std::fabs(e));
    out.mape += std::fabs(e);
    out.bias += e;
  }
  out.mape /= static_cast<double>(errors.size());
  out.bias /= static_cast<double>(errors.size());
  std::vector<double> sorted = sizes;
  std::sort(sorted.begin(), sorted.end());
  const std::size_t half = sorted.size() / 2;
  out.median = sorted.size() % 2 ? sorted[half] : 0.5 * (sorted[half - 1] + sorted[half]);
  out.p90 = quantile_of(std::move(sizes), 0.9);
  return out;
}

std::string group_of(const Point& point) {
  if (!point.group.empty()) return point.group;
  const auto kind = enum_names(PointKind{})[static_cast<std::size_t>(point.kind)];
  return point.stack.empty() ? fmt::format("{} {}", kind, point.gpu)
                             : fmt::format("{} {} {}", kind, point.gpu, point.stack);
}

std::optional<double> error_of(const Point& point, const Prediction& prediction, Figure figure) {
  const auto& measured = point.measured[figure];
  const auto& predicted = prediction.predicted[figure];
  if (!measured || !predicted || !(*measured > 0)) return std::nullopt;
  return *predicted / *measured - 1;
}

std::vector<GroupError> group_errors(const std::vector<Point>& points,
                                     const std::vector<Prediction>& predictions) {
  struct Both {
    std::vector<double> model, baseline;
  };
  // group, figure, family, clean
  std::map<std::tuple<std::string, std::size_t, std::string, bool>, Both> sorted;
  std::map<std::string, bool> has_weak;
  std::map<std::string, std::map<std::string, bool>> families;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const std::string group = group_of(points[i]);
    families[group][points[i].family] = true;
    for (std::size_t f = 0; f < figure_count; ++f) {
      const auto figure = static_cast<Figure>(f);
      const auto error = error_of(points[i], predictions[i], figure);
      if (!error) continue;
      std::optional<double> naive;
      if (const auto& b = predictions[i].baseline[figure])
        naive = *b / *points[i].measured[figure] - 1;
      const bool weak = !predictions[i].weak.empty();
      has_weak[group] = has_weak[group] || weak;
      for (const std::string& family : {std::string(), points[i].family}) {
        for (const bool clean : {false, true}) {
          if (clean && weak) continue;
          Both& both = sorted[{group, f, family, clean}];
          both.model.push_back(*error);
          if (naive) both.baseline.push_back(*naive);
        }
      }
    }
  }
  std::vector<GroupError> out;
  for (const auto& [key, both] : sorted) {
    const auto& [group, figure, family, clean] = key;
    if (clean && !has_weak[group]) continue;
    if (!family.empty() && families[group].size() < 2) continue;
    out.push_back({group, family, clean, static_cast<Figure>(figure), summarise(both.model),
                   summarise(both.baseline)});
  }
  return out;
}

Bar bar_of(const std::string& text) {
  const auto equals = text.find('=');
  const std::string name = text.substr(0, equals);
  for (std::size_t i = 0; i < figure_count && equals != std::string::npos; ++i) {
    if (figure_abouts[i].name != name) continue;
    const std::string number = text.substr(equals + 1);
    double percent = 0;
    const auto [end, error] =
        std::from_chars(number.data(), number.data() + number.size(), percent);
    if (error != std::errc{} || end != number.data() + number.size() || !(percent > 0)) break;
    return {static_cast<Figure>(i), percent};
  }
  throw sim::InputError("--bar " + text, 0, 0, "is no figure and percent",
                        "write it like ttft_ms=25; `millwright validate --columns` lists figures");
}

std::vector<std::string> missed_bars(const std::vector<GroupError>& errors,
                                     const std::vector<Bar>& bars) {
  std::vector<std::string> missed;
  for (const GroupError& error : errors) {
    if (!error.family.empty() || error.model.rows == 0) continue;
    const bool has_clean = std::any_of(errors.begin(), errors.end(), [&](const GroupError& other) {
      return other.clean && other.family.empty() && other.group == error.group &&
             other.figure == error.figure && other.model.rows > 0;
    });
    if (has_clean && !error.clean) continue;
    for (const Bar& bar : bars) {
      if (bar.figure != error.figure || 100 * error.model.median <= bar.percent) continue;
      missed.push_back(
          fmt::format("{}: {} is off by {:.1f} % (median of {}{} rows), above the bar "
                      "of {:g} %",
                      error.group, name_of(error.figure), 100 * error.model.median,
                      error.model.rows, error.clean ? " clean" : "", bar.percent));
    }
  }
  return missed;
}

}  // namespace mw::analysis
