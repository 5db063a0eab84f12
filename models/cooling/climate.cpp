#include "models/cooling/climate.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numbers>

#include "models/cooling/psychrometrics.hpp"

namespace mw::models {
namespace {

constexpr int month_count = 12;
constexpr double two_pi = 2 * std::numbers::pi;

/// 0 at the start of January 1st, 1 at the end of December 31st, UTC.
double year_fraction(double utc_seconds) {
  using namespace std::chrono;
  const auto day = sys_days{days{static_cast<int>(std::floor(utc_seconds / 86400))}};
  const year_month_day date{day};
  const auto start = sys_days{date.year() / January / 1};
  const auto end = sys_days{(date.year() + years{1}) / January / 1};
  const double since =
      utc_seconds - 86400.0 * static_cast<double>(start.time_since_epoch().count());
  return since / (86400.0 * static_cast<double>((end - start).count()));
}

/// cos and sin of 2 pi k / 12.
struct MonthCircle {
  double cosine[month_count], sine[month_count];
  MonthCircle() {
    for (int k = 0; k < month_count; ++k) {
      cosine[k] = std::cos(two_pi * k / month_count);
      sine[k] = std::sin(two_pi * k / month_count);
    }
  }
};

/// The periodic series whose averages over the twelfths of the year are `means`. Averaging over a
/// twelfth shrinks harmonic k by sin(pi k/12) / (pi k/12); the discrete Fourier terms of the means
/// are therefore divided by that.
double harmonic(const double (&means)[month_count], double fraction) {
  static const MonthCircle circle;
  double mean = 0;
  for (const double value : means) mean += value / month_count;
  // Angle measured from the middle of January.
  const double angle = two_pi * (fraction - 0.5 / month_count);
  double sum = mean;
  for (int k = 1; k <= month_count / 2; ++k) {
    double a = 0, b = 0;
    for (int m = 0; m < month_count; ++m) {
      a += means[m] * circle.cosine[k * m % month_count];
      b += means[m] * circle.sine[k * m % month_count];
    }
    const double share = k == month_count / 2 ? 1.0 / month_count : 2.0 / month_count;
    const double half_width = std::numbers::pi * k / month_count;
    const double restored = share * half_width / std::sin(half_width);
    sum += restored * (a * std::cos(k * angle) + b * std::sin(k * angle));
  }
  return sum;
}

Weather from_dew_point(double dry_bulb, double dew_point, double pressure) {
  Weather w{};
  w.dry_bulb = dry_bulb;
  w.pressure = pressure;
  w.humidity_ratio = humidity_ratio_from_vapour_pressure(
      saturation_pressure(std::min(dew_point, dry_bulb)), pressure);
  w.wet_bulb = wet_bulb_from_humidity_ratio(dry_bulb, w.humidity_ratio, pressure);
  return w;
}

}  // namespace

void check(const ClimateParameters& climate, sim::Problems& problems) {
  const int given =
      int{!climate.months.empty()} + int{climate.fixed.has_value()} + int{climate.file.has_value()};
  if (given > 1) {
    problems.add(climate.file ? "file" : "fixed", "the weather is given more than once",
                 "keep one of months, fixed and file");
  } else if (!climate.fixed && !climate.file && climate.months.size() != month_count) {
    problems.add("months", std::to_string(climate.months.size()) + " months, not 12",
                 "give January to December, `fixed: {dry_bulb: 25 degC, wet_bulb: 18 degC}`, or "
                 "`file: my_place.epw`");
  }
  if (climate.fixed && climate.fixed->wet_bulb > climate.fixed->dry_bulb) {
    problems.add("fixed", "the wet bulb is warmer than the air", "give wet_bulb <= dry_bulb");
  }
}

Weather weather_of(const FixedWeather& fixed, double elevation_m) {
  Weather w{};
  w.dry_bulb = sim::to_degc(fixed.dry_bulb);
  w.wet_bulb = std::min(sim::to_degc(fixed.wet_bulb), w.dry_bulb);
  w.pressure = standard_pressure(elevation_m);
  w.humidity_ratio = humidity_ratio_from_wet_bulb(w.dry_bulb, w.wet_bulb, w.pressure);
  return w;
}

Weather weather_at(const ClimateParameters& climate, double utc_seconds) {
  if (climate.fixed) return weather_of(*climate.fixed, climate.elevation.value);
  double dry_bulb[month_count] = {};
  double range[month_count] = {};
  double dew_point[month_count] = {};
  for (std::size_t m = 0; m < month_count; ++m) {
    dry_bulb[m] = sim::to_degc(climate.months[m].dry_bulb);
    range[m] = climate.months[m].daily_range.value;
    dew_point[m] = sim::to_degc(climate.months[m].dew_point);
  }
  const double local = utc_seconds + climate.utc_offset.value;
  const double fraction = year_fraction(local);
  const double of_day = (local - climate.warmest_hour.value) / 86400;
  const double swing = std::max(harmonic(range, fraction), 0.0) / 2;
  const double air = harmonic(dry_bulb, fraction) + swing * std::cos(two_pi * of_day);
  return from_dew_point(air, harmonic(dew_point, fraction),
                        standard_pressure(climate.elevation.value));
}

}  // namespace mw::models
