#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "models/cooling/weather_series.hpp"

// Weather from files: EPW (EnergyPlus Weather, Auxiliary Programs guide) and plain CSV. What can be
// mended is, and is counted; anything else is an InputError at its line and column.
namespace mw::models {

/// What a file cannot know of itself. An EPW file knows its place; a CSV file takes it from here.
struct WeatherPlace {
  double utc_offset = 0;  // s
  double elevation = 0;   // m
  /// Wet bulbs above it are not believed, degC. Otherwise: above 28 degC and 2.5 K above the 99th
  /// percentile of the file, as humidity slips are in the files of dry places.
  std::optional<double> highest_wet_bulb;
  WeatherColumns columns{};
  double start = 0;  // of the run, seconds since 1970; for rows that count from it
  /// Air less wet bulb of files without a dry bulb, K.
  std::optional<double> dry_over_wet_bulb{};
};

/// By the ending of its name, `.epw` or `.csv`.
WeatherSeries read_weather_file(const std::filesystem::path& path, const WeatherPlace& place);

/// A whole year of hours; the row of hour h is the weather at h:00, the hour's end, local standard
/// time. Dry bulb, relative humidity (dew point where it is missing) and pressure are read; 99.9,
/// 999 and 999999 mean missing.
WeatherSeries read_epw(std::string name, std::string_view text, const WeatherPlace& place);

/// Columns `time` (RFC 3339; without an offset local standard time) and `dry_bulb_degc`; one of
/// `relative_humidity_percent`, `dew_point_degc`, `wet_bulb_degc`; and, if wished, `pressure_pa`.
/// Empty fields mean missing. Rows of exactly a year repeat, others hold for their dates.
WeatherSeries read_weather_csv(std::string name, std::string_view text, const WeatherPlace& place);

}  // namespace mw::models
