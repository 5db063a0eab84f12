#pragma once
#include <string>
#include <vector>

#include "models/cooling/climate.hpp"

namespace mw::models {

/// Weather row by row, as a file gives it; linear in between.
///
/// A whole year stands for every year: rows are found by their date and hour of local standard
/// time, whatever years they come from (a typical year is stitched from several), and the last row
/// is followed by the first. In a year with a 29th of February that the rows lack, that day repeats
/// the 28th; rows of a 29th of February are passed over in other years. Rows that span anything
/// else hold for their own dates only.
struct WeatherSeries {
  bool yearly = true;
  bool leap_day = false;  // yearly: rows for a 29th of February
  double utc_offset = 0;  // s, local standard time less UTC
  double elevation = 0;   // m
  std::vector<double>
      at;  // s, ascending; yearly: since the local start of the year, else since 1970
  std::vector<Weather> rows;

  std::string summary;                // what the file is, in one line
  std::vector<std::string> warnings;  // what had to be mended
  int filled = 0;     // rows with a value that was missing, or that were missing themselves
  int lowered = 0;    // wet bulbs that were not credible
  int saturated = 0;  // rows with more vapour than air holds
};

/// Weather at a moment, in seconds since 1970-01-01T00:00Z.
Weather weather_at(const WeatherSeries& series, double utc_seconds);

/// Whether the rows tell of that whole time.
bool covers(const WeatherSeries& series, double from_utc_seconds, double to_utc_seconds);

}  // namespace mw::models
