#include "analysis/compare/differences.hpp"

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <limits>
#include <map>

namespace mw::analysis {
namespace {

constexpr double none = std::numeric_limits<double>::quiet_NaN();

double mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double v : values) sum += v;
  return sum / static_cast<double>(values.size());
}

/// Half of Student's 95 % interval of a mean.
double student_half_width(const std::vector<double>& values) {
  const auto n = static_cast<double>(values.size());
  const double m = mean(values);
  double squares = 0;
  for (const double v : values) squares += (v - m) * (v - m);
  const double quantile = boost::math::quantile(boost::math::students_t(n - 1), 0.975);
  return quantile * std::sqrt(squares / (n - 1) / n);
}

std::vector<double> values_of(const Case& c, const std::string& name) {
  std::vector<double> out;
  for (const auto& result : c.results) out.push_back(result.value(name));
  return out;
}

const std::string half_width_suffix = "_half_width";

/// Parts of a total are the figures whose names begin alike.
struct Known {
  const char *name, *unit, *meaning;
  const char *total, *parts;
};
constexpr Known known[] = {
    {"power", "MW", "Mean power at the meter", "mean_power_mw", "mean_power_mw_"},
    {"energy_per_token", "J", "Energy of an output token", "j_per_token", "j_per_token_"},
    {"cost", "USD/Mtok", "Cost of a million output tokens", "usd_per_mtok", "usd_per_mtok_"},
    {"tokens", "1/s", "Output tokens asked for", "tokens_asked_per_s", "tokens_asked_per_s_"},
};

}  // namespace

std::vector<FigureDifference> figure_differences(const Case& from, const Case& to) {
  std::vector<FigureDifference> out;
  std::map<std::string, bool> seen;
  const auto add = [&](const ResultFigure& figure) {
    if (figure.name.ends_with(half_width_suffix) || !seen.emplace(figure.name, true).second) return;
    FigureDifference d{figure, none, none, none, none};
    const auto a = values_of(from, figure.name), b = values_of(to, figure.name);
    d.from = mean(a);
    d.to = mean(b);
    std::vector<double> differences;
    for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i)
      differences.push_back(b[i] - a[i]);
    d.difference = mean(differences);
    if (differences.size() > 1) {
      d.half_width = student_half_width(differences);
    } else {
      const double of_a = from.results[0].value(figure.name + half_width_suffix),
                   of_b = to.results[0].value(figure.name + half_width_suffix);
      if (!std::isnan(of_a) || !std::isnan(of_b))
        d.half_width = std::hypot(std::isnan(of_a) ? 0 : of_a, std::isnan(of_b) ? 0 : of_b);
    }
    out.push_back(std::move(d));
  };
  for (const Case* c : {&from, &to})
    for (const auto& figure : c->results[0].figures) add(figure);
  return out;
}

std::vector<Waterfall> waterfalls(const std::vector<FigureDifference>& differences) {
  std::vector<Waterfall> out;
  for (const Known& k : known) {
    Waterfall w{k.name, k.unit, k.meaning, none, none, {}};
    for (const auto& d : differences) {
      if (d.figure.name == k.total) {
        w.from = d.from;
        w.to = d.to;
      } else if (d.figure.name.starts_with(k.parts)) {
        const double a = std::isnan(d.from) ? 0 : d.from, b = std::isnan(d.to) ? 0 : d.to;
        if (a != 0 || b != 0)
          w.parts.push_back({d.figure.name.substr(std::string(k.parts).size()), a, b});
      }
    }
    if (!w.parts.empty() && !std::isnan(w.from) && !std::isnan(w.to)) out.push_back(std::move(w));
  }
  return out;
}

}  // namespace mw::analysis
