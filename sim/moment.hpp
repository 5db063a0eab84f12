#pragma once
#include <cstdint>

#include "sim/describe.hpp"
#include "sim/time.hpp"

namespace mw::sim {

/// A length of simulated time, exact to the nanosecond. In YAML `90 s`, `1 h`, `250 ms`.
struct Duration {
  Time ns = 0;
  constexpr auto operator<=>(const Duration&) const = default;
};
template <Describes<Duration> Self>
void describe(Self& self, auto&& visit) {
  visit("ns", self.ns, About{.text = "Nanoseconds"});
}

/// A moment of the calendar. In YAML an RFC 3339 time stamp with its offset from UTC,
/// `2026-07-15T00:00-07:00`; the offset is kept, because daily shapes follow local time.
struct Instant {
  std::int64_t unix_ns = 0;
  std::int32_t offset_minutes = 0;
  constexpr bool operator==(const Instant&) const = default;
};
template <Describes<Instant> Self>
void describe(Self& self, auto&& visit) {
  visit("unix_ns", self.unix_ns, About{.text = "Nanoseconds since 1970-01-01T00:00:00Z"});
  visit("offset_minutes", self.offset_minutes, About{.text = "Local time minus UTC"});
}

/// A number, or one word of an enum in its place: `replicas: 12` or `replicas: fill`.
template <class Number, class Word>
struct NumberOr {
  std::optional<Number> number;  // empty: the word counts
  Word word{};
  constexpr bool operator==(const NumberOr&) const = default;
};
template <class Self>
inline constexpr bool is_number_or = false;
template <class N, class W>
inline constexpr bool is_number_or<NumberOr<N, W>> = true;
template <class Self>
requires is_number_or<std::remove_const_t<Self>>
void describe(Self& self, auto&& visit) {
  visit("number", self.number, About{.text = "The number, if one is given"});
  visit("word", self.word, About{.text = "The word, if no number is given"});
}

}  // namespace mw::sim
