#include "analysis/compare/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include "analysis/table_text.hpp"

namespace mw::analysis {
namespace {

/// So many significant digits, as people write them: `0.0123`, `12,345,678`; `-` for what is not
/// there.
std::string number(double v, int digits, const char* sign = "") {
  if (std::isnan(v)) return "-";
  const double size = std::fabs(v);
  if (size < 1e-9) return "0";  // sums of parts leave such dust
  if (v < 0) sign = "-";
  if (size < 1e-4 || size >= 1e15) return fmt::format("{}{:.{}e}", sign, size, digits - 1);
  const int decimals = digits - 1 - static_cast<int>(std::floor(std::log10(size)));
  std::string text = fmt::format("{:.{}f}", size, std::max(0, decimals));
  for (auto at = std::min(text.find('.'), text.size()); at > 3 && size >= 1e4;) {
    at -= 3;
    text.insert(at, ",");
  }
  return sign + text;
}
std::string number(double v) {
  return number(v, 6);
}
std::string with_sign(double v) {
  return number(v, 4, "+");
}

/// What is shown if nothing is asked for: of the site, then of each service.
constexpr const char* headline[] = {"tokens_per_s_per_mw",
                                    "j_per_token",
                                    "usd_per_mtok",
                                    "revenue_usd_per_mw_h",
                                    "tokens_out_per_s",
                                    "good_token_share",
                                    "trained_tokens_per_s",
                                    "mean_power_mw",
                                    "peak_power_mw",
                                    "time_above_limit",
                                    "pue",
                                    "wue_l_per_kwh",
                                    "hottest_junction_degc"};
constexpr const char* of_a_service[] = {"completed_per_s", "ttft_p50", "ttft_p99",
                                        "tpot_p50",        "tpot_p99", "good_request_share"};

bool in_headline(const std::string& name) {
  const auto dot = name.find('.');
  if (dot == std::string::npos)
    return std::find(std::begin(headline), std::end(headline), name) != std::end(headline);
  return std::find(std::begin(of_a_service), std::end(of_a_service), name.substr(dot + 1)) !=
         std::end(of_a_service);
}

std::string short_text(const std::string& text) {
  constexpr std::size_t most = 40;
  if (text.empty()) return "-";
  return text.size() <= most ? text : text.substr(0, most - 3) + "...";
}

std::string inputs_text(const CasePair& pair) {
  constexpr std::size_t most = 24;
  if (pair.inputs.empty()) return "\nThe inputs do not differ.\n";
  std::vector<std::vector<std::string>> rows = {{"input", pair.from.name, pair.to.name}};
  for (std::size_t i = 0; i < std::min(most, pair.inputs.size()); ++i) {
    const auto& d = pair.inputs[i];
    rows.push_back({d.path, short_text(d.from), short_text(d.to)});
  }
  std::string out = "\n" + table_text(rows, 3);
  if (pair.inputs.size() > most)
    out += fmt::format("  and {} more values; --json has them all\n", pair.inputs.size() - most);
  return out;
}

std::string figures_text(const CasePair& pair, const std::vector<std::string>& show, bool all) {
  std::vector<std::vector<std::string>> rows = {{"figure", pair.from.name, pair.to.name,
                                                 pair.to.name + " - " + pair.from.name, "95 %",
                                                 "change"}};
  const auto shown = [&](const FigureDifference& d) {
    if (!show.empty()) return std::find(show.begin(), show.end(), d.figure.name) != show.end();
    return all ? d.difference != 0 : in_headline(d.figure.name);
  };
  for (const auto& d : pair.figures) {
    if (!shown(d)) continue;
    const double relative = d.from != 0 ? d.difference / std::fabs(d.from) : std::nan("");
    const std::string unit = d.figure.unit == "1" ? "" : ", " + d.figure.unit;
    rows.push_back({d.figure.name + unit, number(d.from), number(d.to), with_sign(d.difference),
                    std::isnan(d.half_width) ? "" : "± " + number(d.half_width, 2),
                    std::isnan(relative) ? "" : fmt::format("{:+.1f} %", 100 * relative)});
  }
  return "\n" + table_text(rows, 1);
}

nlohmann::ordered_json json_of(double v) {
  if (std::isfinite(v)) return v;
  return nullptr;
}

}  // namespace

CasePair pair_of(const Case& from, const Case& to) {
  CasePair pair{
      from, to, input_differences(from.resolved, to.resolved), figure_differences(from, to), {}};
  pair.waterfalls = waterfalls(pair.figures);
  return pair;
}

std::string waterfall_text(const Waterfall& w, const std::string& from, const std::string& to) {
  auto parts = w.parts;
  std::stable_sort(parts.begin(), parts.end(), [](const auto& a, const auto& b) {
    return std::fabs(a.to - a.from) > std::fabs(b.to - b.from);
  });
  std::vector<std::vector<std::string>> rows = {{"", from, to, to + " - " + from}};
  for (const auto& p : parts)
    rows.push_back({p.name, number(p.from), number(p.to), with_sign(p.to - p.from)});
  rows.push_back({"in all", number(w.from), number(w.to), with_sign(w.to - w.from)});
  return fmt::format("\n  {}, {}\n", w.meaning, w.unit) + table_text(rows, 1);
}

std::string pair_text(const CasePair& pair, const std::vector<std::string>& show, bool all) {
  std::string out = inputs_text(pair) + figures_text(pair, show, all);
  for (const auto& w : pair.waterfalls) out += waterfall_text(w, pair.from.name, pair.to.name);
  return out;
}

nlohmann::ordered_json pair_json(const CasePair& pair) {
  nlohmann::ordered_json j{{"from", pair.from.name}, {"to", pair.to.name}};
  j["inputs"] = nlohmann::ordered_json::array();
  for (const auto& d : pair.inputs)
    j["inputs"].push_back({{"path", d.path}, {"from", d.from}, {"to", d.to}});
  for (const auto& d : pair.figures)
    j["figures"][d.figure.name] = {{"unit", d.figure.unit},
                                   {"from", json_of(d.from)},
                                   {"to", json_of(d.to)},
                                   {"difference", json_of(d.difference)},
                                   {"half_width_95", json_of(d.half_width)}};
  for (const auto& w : pair.waterfalls) {
    auto& at = j["waterfalls"][w.name];
    at = {{"unit", w.unit}, {"meaning", w.meaning}, {"from", w.from}, {"to", w.to}};
    for (const auto& p : w.parts) at["parts"][p.name] = {{"from", p.from}, {"to", p.to}};
  }
  return j;
}

}  // namespace mw::analysis
