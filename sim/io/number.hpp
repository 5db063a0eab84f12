#pragma once
#include <cstdint>
#include <string>
#include <string_view>

// Numbers and moments as text, read the same in every locale. Strict: the whole text must be the
// value (blanks around it aside).
namespace mw::sim {

template <class T>
struct Parsed {
  T value{};
  const char* problem = nullptr;  // completes the sentence `"12x" ...`; null where all is well
  explicit operator bool() const { return problem == nullptr; }
};

enum class NonFinite { refuse, allow };

/// Decimal, with an optional sign and exponent. `nan` and `inf` only where allowed.
Parsed<double> parse_number(std::string_view text, NonFinite non_finite = NonFinite::refuse);

/// A whole number. `374.0` is one too (tables written by data-frame libraries hold such), as long
/// as a double still holds it exactly.
Parsed<std::int64_t> parse_integer(std::string_view text);

/// A moment of civil time.
struct TimeStamp {
  std::int64_t unix_ns = 0;  // nanoseconds since 1970-01-01T00:00:00Z, leap seconds not counted
  bool has_offset = false;   // whether the text named its offset; else it was taken as UTC
};

/// RFC 3339 (`2026-07-15T00:00:00-07:00`, `...Z`), with a blank for the T, without seconds, without
/// an offset (`2023-11-16 18:15:46.6805900`), or a date alone. Digits beyond the nanosecond are
/// dropped. Years 1678 to 2261, the range of the type.
Parsed<TimeStamp> parse_time_stamp(std::string_view text);

/// `2026-07-15T07:00:00Z`; a fraction only where there is one.
std::string format_time_stamp(std::int64_t unix_ns);

}  // namespace mw::sim
