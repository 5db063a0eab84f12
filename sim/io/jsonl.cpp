#include "sim/io/jsonl.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace mw::sim {
namespace {

using nlohmann::json;

/// Where a key of the outermost object stands in its line, from 1; 0 if it is written with escapes.
/// The JSON library keeps no positions; this runs only when a message needs one.
int column_of(std::string_view line, std::string_view key) {
  const std::string quoted = fmt::format("\"{}\"", key);
  int depth = 0;
  for (std::size_t at = 0; at < line.size(); ++at) {
    const char c = line[at];
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') --depth;
    if (c != '"') continue;
    const std::size_t start = at;
    for (++at; at < line.size() && line[at] != '"'; ++at)
      if (line[at] == '\\') ++at;
    const std::size_t behind = line.find_first_not_of(" \t", std::min(at + 1, line.size()));
    const bool names = behind != line.npos && line[behind] == ':';
    if (depth == 1 && names && line.substr(start, at + 1 - start) == quoted)
      return static_cast<int>(start) + 1;
  }
  return 0;
}

/// A value as shown in a message.
std::string shown(const json& value) {
  constexpr std::size_t most = 40;
  if (value.is_structured()) return value.is_array() ? "a list" : "an object";
  const std::string text = value.dump(-1, ' ', false, json::error_handler_t::replace);
  return text.size() <= most ? text : text.substr(0, most) + "...";
}

/// The library's messages are `[json.exception.parse_error.101] parse error at line 1, column 5:
/// reason; last read: '...'; expected ...`. We keep the reason and what was expected; what was read
/// may be any bytes.
std::string reason(std::string text) {
  if (const auto bracket = text.find("] "); bracket != text.npos) text.erase(0, bracket + 2);
  if (text.starts_with("parse error at"))
    if (const auto colon = text.find(": "); colon != text.npos) text.erase(0, colon + 2);
  if (const auto read = text.find("; last read: "); read != text.npos)
    text.erase(read, std::min(text.rfind("; expected "), text.size()) - read);
  return text;
}

bool exact_integer(const json& value, std::int64_t& out) {
  if (value.is_number_unsigned() && value.get<std::uint64_t>() > INT64_MAX) return false;
  if (value.is_number_integer()) {
    out = value.get<std::int64_t>();
    return true;
  }
  if (!value.is_number_float()) return false;
  const double number = value.get<double>();
  if (number != std::floor(number) || std::fabs(number) >= 9007199254740992.0)
    return false;  // 2^53
  out = static_cast<std::int64_t>(number);
  return true;
}

}  // namespace

JsonlReader::JsonlReader(const std::filesystem::path& path, std::size_t limit)
    : lines_(path, limit) {}

JsonlReader::JsonlReader(std::string name, std::string_view text, std::size_t limit)
    : lines_(std::move(name), text, limit) {}

bool JsonlReader::next() {
  do {
    if (!lines_.next()) return false;
  } while (lines_.line().find_first_not_of(" \t") == std::string_view::npos);
  const std::string_view line = lines_.line();

  std::set<std::string> keys;
  std::string repeated;
  const auto watch = [&](int depth, json::parse_event_t event, json& parsed) {
    if (event == json::parse_event_t::key && depth == 1 && repeated.empty() &&
        !keys.insert(parsed.get_ref<const std::string&>()).second)
      repeated = parsed.get_ref<const std::string&>();
    return true;
  };
  try {
    record_ = json::parse(line, watch);
  } catch (const json::parse_error& error) {
    lines_.fail(static_cast<int>(std::min(error.byte, line.size() + 1)),
                fmt::format("the line is not JSON ({})", reason(error.what())),
                "write one JSON object per line");
  } catch (const json::exception& error) {
    lines_.fail(0, fmt::format("the line cannot be read ({})", reason(error.what())),
                "write one JSON object per line");
  }
  if (!record_.is_object())
    lines_.fail(1, fmt::format("the line holds {} where an object belongs", shown(record_)),
                "write one JSON object per line");
  if (!repeated.empty()) fail(repeated, "the key stands twice in this record", "remove one");
  return true;
}

bool JsonlReader::has(const std::string& key) const {
  const auto found = record_.find(key);
  return found != record_.end() && !found->is_null();
}

void JsonlReader::fail(const std::string& key, const std::string& problem,
                       std::string advice) const {
  lines_.fail(column_of(lines_.line(), key), fmt::format("\"{}\": {}", key, problem),
              std::move(advice));
}

const json& JsonlReader::get(const std::string& key) const {
  if (has(key)) return *record_.find(key);
  if (record_.contains(key)) fail(key, "null where a value belongs", "give it a value");
  std::vector<std::string> names;
  for (const auto& item : record_.items()) names.push_back(item.key());
  constexpr std::size_t most = 20;
  const auto end = names.begin() + static_cast<long>(std::min(most, names.size()));
  lines_.fail(0, fmt::format("there is no key \"{}\"", key),
              fmt::format("the record has: {}{}", fmt::join(names.begin(), end, ", "),
                          names.size() > most ? ", ..." : ""));
}

double JsonlReader::number(const std::string& key) const {
  const json& value = get(key);
  if (!value.is_number())
    fail(key, fmt::format("{} is not a number", shown(value)), "write it without quotes");
  return value.get<double>();
}

std::int64_t JsonlReader::integer(const std::string& key) const {
  std::int64_t result = 0;
  const json& value = get(key);
  if (!exact_integer(value, result))
    fail(key, fmt::format("{} is not a whole number of 64 bits", shown(value)),
         "write a whole number without quotes");
  return result;
}

const std::string& JsonlReader::text(const std::string& key) const {
  const json& value = get(key);
  if (!value.is_string())
    fail(key, fmt::format("{} is not text", shown(value)), "put it in quotes");
  return value.get_ref<const std::string&>();
}

TimeStamp JsonlReader::time_stamp(const std::string& key) const {
  const Parsed<TimeStamp> parsed = parse_time_stamp(text(key));
  if (!parsed)
    fail(key, fmt::format("{} {}", shown(get(key)), parsed.problem),
         "write it as 2026-07-15T07:00:00Z or 2026-07-15 07:00:00.25");
  return parsed.value;
}

std::vector<std::int64_t> JsonlReader::integers(const std::string& key) const {
  const json& value = get(key);
  if (!value.is_array())
    fail(key, fmt::format("{} is not a list", shown(value)), "write [1, 2, 3]");
  std::vector<std::int64_t> result(value.size());
  for (std::size_t i = 0; i < value.size(); ++i)
    if (!exact_integer(value[i], result[i]))
      fail(key,
           fmt::format("item {} ({}) is not a whole number of 64 bits", i + 1, shown(value[i])),
           "write whole numbers without quotes");
  return result;
}

}  // namespace mw::sim
