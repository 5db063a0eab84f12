#include "sim/io/number.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <clocale>
#include <cmath>
#include <limits>

using namespace mw::sim;

TEST_CASE("numbers are read whole, or refused with the reason") {
  CHECK(parse_number("12.5").value == 12.5);
  CHECK(parse_number("  +1.25e1\t").value == 12.5);
  CHECK(parse_number("-0").value == 0);
  for (const char* text : {"", " ", "+", "-", "+-1", "1,5", "1 5", "0x10", "1e", "kW", "1kW",
                           "1e999", "1e-999", "nan", "inf", "-inf"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_number(text));
  }
  CHECK(std::isnan(parse_number("nan", NonFinite::allow).value));
  CHECK(std::isinf(parse_number("-inf", NonFinite::allow).value));
}

TEST_CASE("a comma locale changes nothing") {
  const std::string before = std::setlocale(LC_ALL, nullptr);
  for (const char* name : {"de_DE.UTF-8", "de_DE", "fr_FR.UTF-8", "C.UTF-8"})
    if (std::setlocale(LC_ALL, name) != nullptr) break;
  CHECK(parse_number("2.5").value == 2.5);
  CHECK_FALSE(parse_number("2,5"));
  std::setlocale(LC_ALL, before.c_str());
}

TEST_CASE("whole numbers are exact or refused") {
  CHECK(parse_integer("9223372036854775807").value == std::numeric_limits<std::int64_t>::max());
  CHECK(parse_integer("-9223372036854775808").value == std::numeric_limits<std::int64_t>::min());
  CHECK(parse_integer("374.0").value == 374);
  CHECK(parse_integer("1e3").value == 1000);
  CHECK(parse_integer("9007199254740991.0").value == 9007199254740991);
  for (const char* text :
       {"9223372036854775808", "1.5", "9007199254740992.0", "1e17", "nan", "", "x"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_integer(text));
  }
}

TEST_CASE("time stamps: published moments in Unix time") {
  constexpr std::int64_t s = 1'000'000'000;
  const auto ns = [](const char* text) {
    const auto parsed = parse_time_stamp(text);
    REQUIRE_MESSAGE(bool(parsed), text);
    return parsed.value.unix_ns;
  };
  // POSIX: 1234567890 s is 2009-02-13T23:31:30Z. RFC 3339, 5.8: its four examples.
  CHECK(ns("2009-02-13T23:31:30Z") == 1234567890 * s);
  CHECK(ns("1970-01-01") == 0);
  CHECK(ns("1985-04-12T23:20:50.52Z") == 482196050 * s + 520'000'000);
  CHECK(ns("1996-12-19T16:39:57-08:00") == ns("1996-12-20T00:39:57Z"));
  CHECK(ns("1990-12-31T23:59:60Z") == ns("1991-01-01T00:00:00Z"));
  CHECK(ns("1990-12-31T15:59:60-08:00") == ns("1991-01-01T00:00:00Z"));
  CHECK(ns("1937-01-01T12:00:27.87+00:20") == ns("1937-01-01T11:40:27.87Z"));
  // Forms of traces, and of scenarios.
  CHECK(ns("2023-11-16 18:15:46.6805900") == ns("2023-11-16T18:15:46Z") + 680'590'000);
  CHECK(ns("2024-05-10 00:00:00.009930+00:00") == ns("2024-05-10") + 9'930'000);
  CHECK(ns("2026-07-15T00:00-07:00") == ns("2026-07-15T07:00:00Z"));
  CHECK(ns("1969-12-31T23:59:59.9999999999Z") == -1);
  CHECK(parse_time_stamp("2026-07-15T00:00Z").value.has_offset);
  CHECK_FALSE(parse_time_stamp("2026-07-15 00:00").value.has_offset);
  for (const char* text :
       {"", "2026", "2026-7-15", "2026-07-15T", "2026-07-15T1:00", "2026-07-15T00:00:00.",
        "2026-07-15T00:00:00+", "2026-07-15T00:00:00Zjunk", "2026-02-29", "2026-13-01",
        "2026-07-15T25:00", "2026-07-15T00:60", "1677-12-31", "2262-01-01", "20260715"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_time_stamp(text));
  }
}

TEST_CASE("a moment printed and read again is the same moment") {
  CHECK(rc::check([] {
    // Years 1678 to 2261 in nanoseconds.
    const auto ns =
        *rc::gen::inRange<std::int64_t>(-9'214'560'000'000'000'000, 9'214'646'400'000'000'000);
    const auto parsed = parse_time_stamp(format_time_stamp(ns));
    RC_ASSERT(bool(parsed));
    RC_ASSERT(parsed.value.unix_ns == ns);
    RC_ASSERT(parsed.value.has_offset);
  }));
  CHECK(format_time_stamp(0) == "1970-01-01T00:00:00Z");
  CHECK(format_time_stamp(-1) == "1969-12-31T23:59:59.999999999Z");
  CHECK(format_time_stamp(1'500'000'000) == "1970-01-01T00:00:01.5Z");
}
