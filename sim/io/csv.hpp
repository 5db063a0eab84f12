#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/io/line_reader.hpp"
#include "sim/io/number.hpp"

namespace mw::sim {

struct CsvOptions {
  char separator = ',';
  bool header = true;  // the first line names the columns
  int skip_lines = 0;  // lines before it that are no table (weather files have such)
  std::size_t record_limit = LineReader::default_limit;
};

/// A table in CSV (RFC 4180), one record at a time. Quoted fields may hold separators, doubled
/// quotes and ends of line (which arrive as LF). Blank lines are skipped; a record with more or
/// fewer fields than the first line is an InputError. Typed getters say where a field is wrong.
///
///   CsvReader table(path);
///   const auto prompt = table.column("ContextTokens");
///   while (table.next()) use(table.integer(prompt));
class CsvReader {
 public:
  explicit CsvReader(const std::filesystem::path& path, CsvOptions options = {});
  CsvReader(std::string name, std::string_view text, CsvOptions options = {});

  const std::vector<std::string>& header() const { return header_; }
  /// The position of a named column; an InputError that lists what there is if it is missing.
  std::size_t column(std::string_view name) const;
  std::optional<std::size_t> find_column(std::string_view name) const;

  /// Moves to the next record; false at the end.
  bool next();
  std::size_t size() const { return fields_.size(); }
  int line() const { return record_line_; }

  /// Getters of the present record; views are valid until the next call of next().
  std::string_view text(std::size_t column) const;
  double number(std::size_t column, NonFinite non_finite = NonFinite::refuse) const;
  std::int64_t integer(std::size_t column) const;
  TimeStamp time_stamp(std::size_t column) const;
  /// Says that a field (already read) does not fit: limits, names, order.
  [[noreturn]] void fail(std::size_t column, const std::string& problem, std::string advice) const;

 private:
  struct Field {
    std::size_t begin, length;  // in record_
    int line, column;           // where it starts in the file
  };
  void read_header(const CsvOptions& options);
  bool next_record();
  void split_plain();
  void split_quoted();
  std::size_t quoted_field(std::string_view& line, std::size_t at, Field& field);
  template <class T>
  T checked(std::size_t column, const Parsed<T>& parsed, const char* advice) const;

  LineReader lines_;
  char separator_;
  std::vector<std::string> header_;
  std::size_t width_ = 0;  // fields in a record; 0 until known
  std::vector<Field> fields_;
  std::string_view record_;  // what fields_ point into: the line itself, or unquoted_
  std::string unquoted_;
  int record_line_ = 0;
};

}  // namespace mw::sim
