#include "analysis/validate/convert.hpp"

#include <stdexcept>

#include <fmt/format.h>

#include "analysis/validate/convert_row.hpp"
#include "analysis/validate/figures.hpp"
#include "analysis/validate/point.hpp"
#include "analysis/validate/report.hpp"

namespace mw::analysis {
namespace {

using Function = Converted (*)(const std::vector<std::string>&);
struct Known {
  const char* name;
  Function function;
};
constexpr Known known[] = {
    {"mlenergy_v3", convert_mlenergy_v3}, {"mlenergy_v2", convert_mlenergy_v2},
    {"aic_silicon", convert_aic_silicon}, {"wall", convert_wall},
    {"training", convert_training},       {"zeus", convert_zeus},
    {"server_log", convert_server_log}};

}  // namespace

const std::vector<std::string>& converters() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const auto& k : known) all.emplace_back(k.name);
    return all;
  }();
  return names;
}

Converted convert(const std::string& converter, const std::vector<std::string>& files) {
  for (const auto& k : known)
    if (converter == k.name) return k.function(files);
  throw std::invalid_argument("no converter `" + converter + "`");
}

Converted PointsWriter::finish() const {
  std::vector<std::string> columns;
  const auto take = [&](const std::string& name) {
    for (const auto& row : rows_)
      if (const auto at = row.find(name); at != row.end() && !at->second.empty()) {
        columns.push_back(name);
        return;
      }
  };
  for (const auto& about : point_columns()) take(std::string(about.name));
  for (const auto& figure : figure_abouts) take("measured_" + std::string(figure.name));
  Converted out;
  for (std::size_t c = 0; c < columns.size(); ++c) out.csv += (c ? "," : "") + columns[c];
  out.csv += '\n';
  for (const auto& row : rows_) {
    for (std::size_t c = 0; c < columns.size(); ++c) {
      const auto at = row.find(columns[c]);
      if (c) out.csv += ',';
      if (at != row.end()) out.csv += csv_field(at->second);
    }
    out.csv += '\n';
  }
  for (const auto& [why, count] : left_out_)
    out.notes.push_back(fmt::format("{} rows left out: {}", count, why));
  return out;
}

}  // namespace mw::analysis
