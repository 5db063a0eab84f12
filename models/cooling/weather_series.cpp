#include "models/cooling/weather_series.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace mw::models {
namespace {

constexpr double day = 86400;
constexpr double end_of_february = 59 * day;  // of a year without a 29th

double mix(double a, double b, double share) {
  return a + (b - a) * share;
}

struct OfYear {
  double seconds;  // since the local start of the year
  bool leap;
};
OfYear of_year(double local) {
  using namespace std::chrono;
  const auto date = year_month_day{sys_days{days{static_cast<int>(std::floor(local / day))}}};
  const auto start = sys_days{date.year() / January / 1};
  return {local - day * static_cast<double>(start.time_since_epoch().count()),
          date.year().is_leap()};
}

}  // namespace

Weather weather_at(const WeatherSeries& series, double utc_seconds) {
  double t = utc_seconds, period = 0;
  if (series.yearly) {
    const OfYear now = of_year(utc_seconds + series.utc_offset);
    t = now.seconds;
    period = (series.leap_day ? 366 : 365) * day;
    // A moment that ends the 28th belongs to that day still: rows stand at the end of their hour.
    if (t > end_of_february && now.leap != series.leap_day) t += now.leap ? -day : day;
  }
  const auto after = std::upper_bound(series.at.begin(), series.at.end(), t);
  const auto last = series.at.size() - 1;
  std::size_t a = last, b = 0;
  double from = series.at[last] - period, to = series.at[0];
  if (after == series.at.end()) {
    from = series.at[last];
    to = series.at[0] + period;
  } else if (after != series.at.begin()) {
    b = static_cast<std::size_t>(after - series.at.begin());
    a = b - 1;
    from = series.at[a];
    to = series.at[b];
  }
  // Outside rows that do not repeat the nearest one holds.
  if (!series.yearly && t < series.at[0]) return series.rows[0];
  if (!series.yearly && after == series.at.end()) return series.rows[last];
  const double share = to > from ? std::clamp((t - from) / (to - from), 0.0, 1.0) : 0;
  const Weather &p = series.rows[a], &q = series.rows[b];
  return {mix(p.dry_bulb, q.dry_bulb, share), mix(p.wet_bulb, q.wet_bulb, share),
          mix(p.humidity_ratio, q.humidity_ratio, share), mix(p.pressure, q.pressure, share)};
}

bool covers(const WeatherSeries& series, double from, double to) {
  return series.yearly || (series.at.front() <= from && to <= series.at.back());
}

}  // namespace mw::models
