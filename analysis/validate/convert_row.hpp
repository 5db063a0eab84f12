#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/validate/convert.hpp"
#include "sim/io/csv.hpp"

namespace mw::analysis {

/// Builds a points file row by row; columns are those that some row filled, in a fixed order.
class PointsWriter {
 public:
  using Row = std::map<std::string, std::string>;
  void add(Row row) { rows_.push_back(std::move(row)); }
  /// Counts a row that was left out.
  void leave_out(const std::string& why) { ++left_out_[why]; }
  Converted finish() const;

 private:
  std::vector<Row> rows_;
  std::map<std::string, int> left_out_;
};

/// A field of a table by the name of its column, empty where there is none.
class NamedFields {
 public:
  explicit NamedFields(const std::string& path) : table_(std::filesystem::path(path)) {}
  bool next() { return table_.next(); }
  bool has(std::string_view column) const { return table_.find_column(column).has_value(); }
  std::string operator()(std::string_view column) const {
    const auto at = table_.find_column(column);
    return at ? std::string(table_.text(*at)) : std::string();
  }
  double number(std::string_view column) const {
    const auto at = table_.find_column(column);
    return at && !table_.text(*at).empty() ? table_.number(*at) : 0;
  }
  void require(std::initializer_list<const char*> columns) const {
    for (const char* c : columns) (void)table_.column(c);
  }
  int line() const { return table_.line(); }

 private:
  sim::CsvReader table_;
};

Converted convert_mlenergy_v3(const std::vector<std::string>& files);
Converted convert_mlenergy_v2(const std::vector<std::string>& files);
Converted convert_aic_silicon(const std::vector<std::string>& files);
Converted convert_wall(const std::vector<std::string>& files);
Converted convert_training(const std::vector<std::string>& files);
Converted convert_zeus(const std::vector<std::string>& files);
Converted convert_server_log(const std::vector<std::string>& files);

}  // namespace mw::analysis
