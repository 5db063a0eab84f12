#pragma once
#include <cstddef>
#include <span>

#include "sim/io/csv.hpp"

namespace mw::sim {

/// What the time column of a measured series counts: moments of the calendar, or seconds since the
/// run's start.
enum class FileClock { calendar, seconds };
inline std::span<const char* const> enum_names(FileClock) {
  static constexpr const char* names[] = {"calendar", "seconds"};
  return names;
}

/// A row's moment in seconds since 1970-01-01T00:00Z. Moments without an offset are in the local
/// time of `utc_offset` seconds; `start` is the run's.
inline double row_time(const CsvReader& table, std::size_t column, FileClock clock, double start,
                       double utc_offset) {
  if (clock == FileClock::seconds) return start + table.number(column);
  const TimeStamp stamp = table.time_stamp(column);
  return static_cast<double>(stamp.unix_ns) * 1e-9 - (stamp.has_offset ? 0 : utc_offset);
}

}  // namespace mw::sim
