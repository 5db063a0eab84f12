#include "sim/io/number.hpp"

#include <charconv>
#include <chrono>
#include <cmath>

#include <fmt/format.h>

namespace mw::sim {
namespace {

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// from_chars takes no plus sign; people write one. `+-1` stays wrong.
std::string_view without_plus(std::string_view text) {
  const bool plus = text.size() > 1 && text[0] == '+' && text[1] != '-';
  return plus ? text.substr(1) : text;
}

struct Cursor {
  std::string_view rest;

  bool take(char c) {
    if (rest.empty() || rest.front() != c) return false;
    rest.remove_prefix(1);
    return true;
  }
  bool digits(int count, int& value) {
    if (rest.size() < static_cast<std::size_t>(count)) return false;
    value = 0;
    for (int i = 0; i < count; ++i) {
      const char c = rest[static_cast<std::size_t>(i)];
      if (c < '0' || c > '9') return false;
      value = value * 10 + (c - '0');
    }
    rest.remove_prefix(static_cast<std::size_t>(count));
    return true;
  }
  /// At least one digit; nine of them count.
  bool fraction(std::int64_t& nanoseconds) {
    std::int64_t unit = 100'000'000;
    std::size_t used = 0;
    for (; used < rest.size() && rest[used] >= '0' && rest[used] <= '9'; ++used) {
      nanoseconds += (rest[used] - '0') * unit;
      unit /= 10;
    }
    rest.remove_prefix(used);
    return used > 0;
  }
};

constexpr std::int64_t ns_per_second = 1'000'000'000;

}  // namespace

Parsed<double> parse_number(std::string_view text, NonFinite non_finite) {
  const std::string_view body = without_plus(trimmed(text));
  if (body.empty()) return {0, "is empty where a number belongs"};
  double value = 0;
  const auto [end, fault] = std::from_chars(body.data(), body.data() + body.size(), value);
  if (fault == std::errc::invalid_argument) return {0, "is not a number"};
  if (end != body.data() + body.size()) return {0, "is not a number (something follows it)"};
  if (fault == std::errc::result_out_of_range) return {0, "is beyond what a double holds"};
  if (!std::isfinite(value) && non_finite == NonFinite::refuse)
    return {0, "is not a finite number"};
  return {value};
}

Parsed<std::int64_t> parse_integer(std::string_view text) {
  const std::string_view body = without_plus(trimmed(text));
  if (body.empty()) return {0, "is empty where a whole number belongs"};
  std::int64_t value = 0;
  const auto [end, fault] = std::from_chars(body.data(), body.data() + body.size(), value);
  if (end == body.data() + body.size()) {
    if (fault == std::errc{}) return {value};
    if (fault == std::errc::result_out_of_range) return {0, "is beyond 64 bits"};
  }
  const Parsed<double> number = parse_number(body);
  if (!number) return {0, number.problem};
  constexpr double exact = 9007199254740992.0;  // 2^53: below it doubles hold every whole number
  if (number.value != std::floor(number.value)) return {0, "is not a whole number"};
  if (std::fabs(number.value) >= exact) return {0, "is too large to be read exactly"};
  return {static_cast<std::int64_t>(number.value)};
}

Parsed<TimeStamp> parse_time_stamp(std::string_view text) {
  const Parsed<TimeStamp> malformed{{}, "is not a time stamp like 2026-07-15T00:00:00-07:00"};
  Cursor at{trimmed(text)};
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, off_hour = 0, off_minute = 0;
  std::int64_t fraction = 0;
  if (!at.digits(4, year) || !at.take('-') || !at.digits(2, month) || !at.take('-') ||
      !at.digits(2, day))
    return malformed;
  TimeStamp stamp;
  int offset_sign = 0;
  if (!at.rest.empty()) {
    if (!at.take('T') && !at.take('t') && !at.take(' ')) return malformed;
    if (!at.digits(2, hour) || !at.take(':') || !at.digits(2, minute)) return malformed;
    if (at.take(':')) {
      if (!at.digits(2, second)) return malformed;
      if (at.take('.') && !at.fraction(fraction)) return malformed;
    }
    if (at.take('Z') || at.take('z')) {
      stamp.has_offset = true;
    } else if (!at.rest.empty()) {
      offset_sign = at.take('+') ? 1 : at.take('-') ? -1 : 0;
      if (offset_sign == 0 || !at.digits(2, off_hour)) return malformed;
      at.take(':');
      if (!at.digits(2, off_minute)) return malformed;
      stamp.has_offset = true;
    }
    if (!at.rest.empty()) return malformed;
  }
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return {{}, "names a day the calendar does not have"};
  // 60 is a leap second (RFC 3339, 5.6); Unix time has no room for it and shows the next second.
  if (hour > 23 || minute > 59 || second > 60 || off_hour > 23 || off_minute > 59)
    return {{}, "names a time of day that does not exist"};
  if (year < 1678 || year > 2261) return {{}, "is outside the years 1678 to 2261"};
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  const std::int64_t seconds = days * 86'400 + hour * 3'600 + minute * 60 + second -
                               offset_sign * (off_hour * 3'600 + off_minute * 60);
  stamp.unix_ns = seconds * ns_per_second + fraction;
  return {stamp};
}

std::string format_time_stamp(std::int64_t unix_ns) {
  std::int64_t seconds = unix_ns / ns_per_second;
  std::int64_t fraction = unix_ns % ns_per_second;
  if (fraction < 0) {
    fraction += ns_per_second;
    --seconds;
  }
  const std::chrono::sys_seconds moment{std::chrono::seconds(seconds)};
  const auto midnight = std::chrono::floor<std::chrono::days>(moment);
  const std::chrono::year_month_day date{midnight};
  const std::int64_t of_day = (moment - midnight).count();
  std::string text =
      fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", int(date.year()), unsigned(date.month()),
                  unsigned(date.day()), of_day / 3'600, of_day / 60 % 60, of_day % 60);
  if (fraction != 0) {
    text += fmt::format(".{:09}", fraction);
    text.erase(text.find_last_not_of('0') + 1);
  }
  return text + 'Z';
}

}  // namespace mw::sim
