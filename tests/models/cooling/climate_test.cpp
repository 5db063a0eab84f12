#include "models/cooling/climate.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "models/cooling/psychrometrics.hpp"

namespace mw::models {
namespace {

constexpr double new_year_2027 = 1798761600;  // 2027-01-01T00:00Z

ClimateParameters desert() {
  ClimateParameters c;
  const double mean[] = {13, 15, 19, 23, 28, 33, 35, 34, 31, 25, 18, 13};
  for (const double m : mean) {
    c.months.push_back({sim::temperature_from_degc(m), {13}, sim::temperature_from_degc(m / 4)});
  }
  return c;
}

}  // namespace

TEST_CASE("Averaged over each twelfth of the year, the weather has the means it was given") {
  const ClimateParameters c = desert();
  for (std::size_t month = 0; month < 12; ++month) {
    double sum = 0;
    const int samples = 365 * 24 * 2;
    for (int i = 0; i < samples; ++i) {
      const double day = (static_cast<double>(month) + (i + 0.5) / samples) * 365.0 / 12;
      // Opposite hours cancel the daily cosine, whatever its size.
      const double t = new_year_2027 + day * 86400;
      sum += 0.5 * (weather_at(c, t - 21600).dry_bulb + weather_at(c, t + 21600).dry_bulb);
    }
    CHECK(std::fabs(sum / samples - sim::to_degc(c.months[month].dry_bulb)) < 0.02);
  }
}

TEST_CASE("The warmest hour and the daily range are those given, in local time") {
  ClimateParameters c = desert();
  for (ClimateMonth& m : c.months) m.dry_bulb = sim::temperature_from_degc(20);
  c.utc_offset = {-7 * 3600.0};
  const double midnight = new_year_2027 + 200 * 86400 + 7 * 3600;  // local
  CHECK(weather_at(c, midnight + 15 * 3600).dry_bulb == doctest::Approx(26.5));
  CHECK(weather_at(c, midnight + 3 * 3600).dry_bulb == doctest::Approx(13.5));
  CHECK(weather_at(c, midnight + 9 * 3600).dry_bulb == doctest::Approx(20));
}

TEST_CASE("Air is never drier than dry nor wetter than saturated") {
  ClimateParameters c = desert();
  for (ClimateMonth& m : c.months) m.dew_point = m.dry_bulb;  // foggy: nights reach saturation
  for (int hour = 0; hour < 8760; hour += 7) {
    const Weather w = weather_at(c, new_year_2027 + hour * 3600.0);
    CHECK(w.wet_bulb <= w.dry_bulb + 1e-9);
    CHECK(relative_humidity(w.dry_bulb, w.humidity_ratio, w.pressure) <= 1 + 1e-9);
    CHECK(w.humidity_ratio > 0);
  }
}

TEST_CASE("The year closes on itself, also a leap year") {
  const ClimateParameters c = desert();
  const double before = weather_at(c, new_year_2027 - 1).dry_bulb;
  const double after = weather_at(c, new_year_2027 + 1).dry_bulb;
  CHECK(std::fabs(before - after) < 0.01);
  const double leap_end = new_year_2027 + (365 + 366) * 86400.0;
  CHECK(std::fabs(weather_at(c, leap_end - 1).dry_bulb - weather_at(c, leap_end + 1).dry_bulb) <
        0.01);
}

TEST_CASE("Fixed weather is what was given") {
  ClimateParameters c;
  c.fixed = FixedWeather{sim::temperature_from_degc(40), sim::temperature_from_degc(20)};
  const Weather w = weather_at(c, 12345);
  CHECK(w.dry_bulb == doctest::Approx(40));
  CHECK(w.wet_bulb == doctest::Approx(20));
  CHECK(1e3 * w.humidity_ratio == doctest::Approx(6.40).epsilon(3e-3));  // T14
}

TEST_CASE("A climate without its twelve months is refused") {
  ClimateParameters c = desert();
  c.months.pop_back();
  sim::Problems found;
  check(c, found);
  REQUIRE(found.items.size() == 1);
  CHECK(found.items[0].problem == "11 months, not 12");
}

}  // namespace mw::models
