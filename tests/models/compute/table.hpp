#pragma once
#include <algorithm>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "sim/io/csv.hpp"

namespace mw::test {

using Row = std::map<std::string, std::string>;

inline std::vector<Row> read_table(const std::string& path, sim::CsvOptions options = {}) {
  std::vector<Row> rows;
  if (!std::filesystem::exists(path)) return rows;
  sim::CsvReader table{std::filesystem::path(path), options};
  const std::vector<std::string> names = table.header();
  while (table.next()) {
    Row row;
    for (std::size_t i = 0; i < names.size(); ++i) row[names[i]] = std::string(table.text(i));
    rows.push_back(row);
  }
  return rows;
}

/// aiconfigurator's kernel tables name their constant columns in a line before the header.
inline std::vector<Row> read_kernel_table(const std::string& path) {
  return read_table(path, {.skip_lines = 1});
}

inline double mean(const std::vector<double>& values) {
  double sum = 0;
  for (double v : values) sum += v;
  return values.empty() ? 0 : sum / static_cast<double>(values.size());
}
inline double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace mw::test
