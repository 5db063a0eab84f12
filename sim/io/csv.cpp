#include "sim/io/csv.hpp"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace mw::sim {
namespace {

/// A field as shown in a message: quoted, and cut where it is long.
std::string shown(std::string_view text) {
  constexpr std::size_t most = 40;
  return text.size() <= most ? fmt::format("\"{}\"", text)
                             : fmt::format("\"{}...\"", text.substr(0, most));
}

bool blank(std::string_view line) {
  return line.find_first_not_of(" \t") == line.npos;
}

}  // namespace

CsvReader::CsvReader(const std::filesystem::path& path, CsvOptions options)
    : lines_(path, options.record_limit), separator_(options.separator) {
  read_header(options);
}

CsvReader::CsvReader(std::string name, std::string_view text, CsvOptions options)
    : lines_(std::move(name), text, options.record_limit), separator_(options.separator) {
  read_header(options);
}

void CsvReader::read_header(const CsvOptions& options) {
  for (int i = 0; i < options.skip_lines; ++i)
    if (!lines_.next())
      throw InputError(lines_.name(), 0, 0, "the file ends within its preamble",
                       fmt::format("expected {} lines before the table", options.skip_lines));
  if (!options.header) return;
  if (!next_record())
    throw InputError(lines_.name(), 0, 0, "the file holds no header line",
                     "start it with the names of its columns");
  for (std::size_t i = 0; i < fields_.size(); ++i) {
    const std::string name(text(i));
    if (!name.empty() && find_column(name))
      fail(i, fmt::format("the column {} stands here twice", shown(name)), "rename or remove one");
    header_.push_back(name);
  }
}

std::optional<std::size_t> CsvReader::find_column(std::string_view name) const {
  const auto found = std::find(header_.begin(), header_.end(), name);
  if (found == header_.end()) return std::nullopt;
  return static_cast<std::size_t>(found - header_.begin());
}

std::size_t CsvReader::column(std::string_view name) const {
  if (const auto found = find_column(name)) return *found;
  constexpr std::size_t most = 20;
  const auto end = header_.begin() + static_cast<long>(std::min(most, header_.size()));
  throw InputError(lines_.name(), 1, 0, fmt::format("there is no column \"{}\"", name),
                   fmt::format("the file has: {}{}", fmt::join(header_.begin(), end, ", "),
                               header_.size() > most ? ", ..." : ""));
}

bool CsvReader::next() {
  return next_record();
}

bool CsvReader::next_record() {
  do {
    if (!lines_.next()) return false;
  } while (blank(lines_.line()));
  record_line_ = lines_.number();
  fields_.clear();
  if (lines_.line().find('"') == std::string_view::npos)
    split_plain();
  else
    split_quoted();
  if (width_ == 0) width_ = fields_.size();
  if (fields_.size() != width_)
    throw InputError(lines_.name(), record_line_, 0,
                     fmt::format("the record has {} field{}, the first line {}", fields_.size(),
                                 fields_.size() == 1 ? "" : "s", width_),
                     "give each record one field per column; quote fields that hold the separator");
  return true;
}

/// The usual line, without quotes: fields are views into it.
void CsvReader::split_plain() {
  record_ = lines_.line();
  std::size_t at = 0;
  while (true) {
    const std::size_t end = std::min(record_.find(separator_, at), record_.size());
    fields_.push_back({at, end - at, record_line_, static_cast<int>(at) + 1});
    if (end == record_.size()) return;
    at = end + 1;
  }
}

/// With quotes: fields are copied, unquoted, one behind the other.
void CsvReader::split_quoted() {
  unquoted_.clear();
  std::string_view line = lines_.line();
  std::size_t at = 0;
  while (true) {
    Field field{unquoted_.size(), 0, lines_.number(), static_cast<int>(at) + 1};
    if (at < line.size() && line[at] == '"') {
      at = quoted_field(line, at + 1, field);
    } else {
      const std::size_t end = std::min(line.find(separator_, at), line.size());
      const std::string_view plain = line.substr(at, end - at);
      if (const auto quote = plain.find('"'); quote != plain.npos)
        lines_.fail(static_cast<int>(at + quote) + 1, "a quote stands inside an unquoted field",
                    "put the whole field in quotes and double the quotes within it");
      unquoted_ += plain;
      at = end;
    }
    field.length = unquoted_.size() - field.begin;
    fields_.push_back(field);
    if (at == line.size()) break;
    ++at;  // the separator
  }
  record_ = unquoted_;
}

/// Reads from behind the opening quote; returns the position behind the closing one, in the line
/// where that stands.
std::size_t CsvReader::quoted_field(std::string_view& line, std::size_t at, Field& field) {
  while (true) {
    const std::size_t quote = std::min(line.find('"', at), line.size());
    unquoted_ += line.substr(at, quote - at);
    if (quote == line.size()) {
      if (!lines_.next())
        throw InputError(lines_.name(), field.line, field.column, "the quote is never closed",
                         "close it, or double it if it is part of the text");
      line = lines_.line();
      unquoted_ += '\n';
      at = 0;
    } else if (quote + 1 < line.size() && line[quote + 1] == '"') {
      unquoted_ += '"';
      at = quote + 2;
    } else {
      at = quote + 1;
      if (at < line.size() && line[at] != separator_)
        lines_.fail(static_cast<int>(at) + 1, "text follows a closing quote",
                    fmt::format("put a '{}' behind the quote, or double it if it is part of the "
                                "text",
                                separator_));
      return at;
    }
    if (unquoted_.size() > lines_.limit())
      throw InputError(lines_.name(), field.line, field.column,
                       fmt::format("the record is longer than {} bytes", lines_.limit()),
                       "check that every quote is closed");
  }
}

std::string_view CsvReader::text(std::size_t column) const {
  const Field& field = fields_[column];
  return record_.substr(field.begin, field.length);
}

void CsvReader::fail(std::size_t column, const std::string& problem, std::string advice) const {
  const Field& field = fields_[column];
  const std::string named = column < header_.size() && !header_[column].empty()
                                ? fmt::format("column \"{}\": {}", header_[column], problem)
                                : problem;
  throw InputError(lines_.name(), field.line, field.column, named, std::move(advice));
}

template <class T>
T CsvReader::checked(std::size_t column, const Parsed<T>& parsed, const char* advice) const {
  if (!parsed) fail(column, fmt::format("{} {}", shown(text(column)), parsed.problem), advice);
  return parsed.value;
}

double CsvReader::number(std::size_t column, NonFinite non_finite) const {
  return checked(column, parse_number(text(column), non_finite),
                 "write it as 12.5 or 1.25e1, with a point and no unit");
}

std::int64_t CsvReader::integer(std::size_t column) const {
  return checked(column, parse_integer(text(column)), "write a whole number");
}

TimeStamp CsvReader::time_stamp(std::size_t column) const {
  return checked(column, parse_time_stamp(text(column)),
                 "write it as 2026-07-15T07:00:00Z or 2026-07-15 07:00:00.25");
}

}  // namespace mw::sim
