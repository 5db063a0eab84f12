#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/describe.hpp"
#include "sim/io/file_clock.hpp"
#include "sim/quantity.hpp"

namespace mw::models {

/// Long-run means of one calendar month.
struct ClimateMonth {
  sim::Temperature dry_bulb;
  sim::TemperatureDifference daily_range;
  sim::Temperature dew_point;
};
template <sim::Describes<ClimateMonth> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("dry_bulb", self.dry_bulb,
        About{.text = "Mean air temperature", .min = 180, .max = 340, .required = true});
  visit("daily_range", self.daily_range,
        About{.text = "Mean daily maximum less mean daily minimum",
              .min = 0,
              .max = 40,
              .required = true});
  visit("dew_point", self.dew_point,
        About{.text = "Mean dew point", .min = 180, .max = 320, .required = true});
}

/// Weather that never changes: for design points and tests.
struct FixedWeather {
  sim::Temperature dry_bulb = sim::temperature_from_degc(25);
  sim::Temperature wet_bulb = sim::temperature_from_degc(18);
};
template <sim::Describes<FixedWeather> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("dry_bulb", self.dry_bulb,
        About{.text = "Air temperature", .min = 180, .max = 340, .required = true});
  visit("wet_bulb", self.wet_bulb,
        About{.text = "Wet-bulb temperature", .min = 180, .max = 340, .required = true});
}

/// How a CSV file of weather calls what it holds.
struct WeatherColumns {
  std::string time = "time";
  sim::FileClock clock = sim::FileClock::calendar;
  std::string dry_bulb = "dry_bulb_degc";
  std::string wet_bulb = "wet_bulb_degc";
};
template <sim::Describes<WeatherColumns> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("time", self.time, About{.text = "Column of the rows' moments"});
  visit("clock", self.clock,
        About{.text = "What it counts: moments of the calendar (RFC 3339), or seconds since the "
                      "run's start"});
  visit("dry_bulb", self.dry_bulb, About{.text = "Column of the air temperature, degC"});
  visit("wet_bulb", self.wet_bulb, About{.text = "Column of the wet bulb, degC"});
}

/// A place by its climate normals: smooth in the year and in the day, with the right means and a
/// typical day, but neither heat waves nor cold snaps; or by a file of hourly weather, which has
/// them.
struct ClimateParameters {
  static constexpr const char* catalog = "climates";
  std::string text;
  sim::Length elevation{0};
  sim::Seconds utc_offset{0};
  sim::Seconds warmest_hour{15 * 3600.0};
  std::vector<ClimateMonth> months;
  std::optional<FixedWeather> fixed;
  std::optional<std::string> file;
  std::optional<sim::Temperature> highest_wet_bulb;
  WeatherColumns columns;
  std::optional<sim::TemperatureDifference> dry_over_wet_bulb;
  sim::Confidence confidence = sim::Confidence::assumed;
  std::string source;
};
template <sim::Describes<ClimateParameters> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("text", self.text, About{.text = "Which place, in one line"});
  visit("elevation", self.elevation,
        About{.text = "Height above the sea; sets the air pressure", .min = -500, .max = 6000});
  visit("utc_offset", self.utc_offset,
        About{.text = "Local standard time less UTC", .min = -14 * 3600.0, .max = 14 * 3600.0});
  visit("warmest_hour", self.warmest_hour,
        About{.text = "Time after local midnight of the day's maximum", .min = 0, .max = 86400});
  visit("months", self.months, About{.text = "The twelve months, January first"});
  visit("fixed", self.fixed, About{.text = "Constant weather instead of months"});
  visit(
      "file", self.file,
      About{.text = "Weather by the hour instead: an EPW file, whose own place and time zone hold, "
                    "or a CSV table; beside the scenario or below MILLWRIGHT_DATA"});
  visit(
      "highest_wet_bulb", self.highest_wet_bulb,
      About{.text = "Wet bulbs of the file above this are lowered to it; otherwise those above 28 "
                    "degC and 2.5 K above its 99th percentile",
            .min = 250,
            .max = 320});
  visit("columns", self.columns, About{.text = "Names of a CSV file's columns"});
  visit("dry_over_wet_bulb", self.dry_over_wet_bulb,
        About{.text = "Air less wet bulb at all times, for a CSV file that has a wet bulb and no "
                      "air temperature: an assumption, which wet towers hardly feel",
              .min = 0,
              .max = 40});
  visit("confidence", self.confidence, About{.text = "How sure these figures are"});
  visit("source", self.source, About{.text = "Where they come from"});
}
void check(const ClimateParameters& climate, sim::Problems& problems);

struct Weather {
  double dry_bulb;        // degC
  double wet_bulb;        // degC
  double humidity_ratio;  // kg/kg
  double pressure;        // Pa
};

/// Weather at a moment, in seconds since 1970-01-01T00:00Z.
///
/// Each monthly series becomes the sum of five harmonics and the alternating term whose averages
/// over the months, taken as twelfths of the year, are exactly the twelve given means; to this the
/// dry bulb adds a cosine of the day. The dew point follows the year only, and where the air would
/// be colder than that it is the air temperature.
Weather weather_at(const ClimateParameters& climate, double utc_seconds);

Weather weather_of(const FixedWeather& fixed, double elevation_m = 0);

}  // namespace mw::models
