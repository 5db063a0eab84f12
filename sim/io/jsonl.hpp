#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "sim/io/line_reader.hpp"
#include "sim/io/number.hpp"

namespace mw::sim {

/// JSON lines: one object a line, blank lines skipped. A key that stands twice in a record is an
/// InputError, as is anything that is not one JSON object. Typed getters say which line, and where
/// in it, is wrong; a key whose value is null counts as absent.
class JsonlReader {
 public:
  explicit JsonlReader(const std::filesystem::path& path,
                       std::size_t limit = LineReader::default_limit);
  JsonlReader(std::string name, std::string_view text,
              std::size_t limit = LineReader::default_limit);

  /// Moves to the next record; false at the end.
  bool next();
  int line() const { return lines_.number(); }
  const nlohmann::json& record() const { return record_; }

  bool has(const std::string& key) const;
  double number(const std::string& key) const;
  std::int64_t integer(const std::string& key) const;
  const std::string& text(const std::string& key) const;
  TimeStamp time_stamp(const std::string& key) const;
  std::vector<std::int64_t> integers(const std::string& key) const;
  /// Says that a value (already read) does not fit: limits, names, order.
  [[noreturn]] void fail(const std::string& key, const std::string& problem,
                         std::string advice) const;

 private:
  const nlohmann::json& get(const std::string& key) const;

  LineReader lines_;
  nlohmann::json record_;
};

}  // namespace mw::sim
