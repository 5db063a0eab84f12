#include "models/cooling/weather_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <limits>
#include <set>

#include "models/cooling/psychrometrics.hpp"
#include "sim/input_error.hpp"
#include "sim/io/csv.hpp"
#include "sim/io/line_reader.hpp"

namespace mw::models {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double hour = 3600, day = 86400;
constexpr double longest_gap = 48 * hour;  // filled in a straight line; longer ones are refused
constexpr double credible_wet_bulb = 28, credible_above_p99 = 2.5;

enum class Moisture { relative_humidity, dew_point, wet_bulb };

/// A row as the file gives it; NaN where a value is missing.
struct Row {
  double at;
  int line;
  double dry_bulb, moisture, pressure;
  Moisture kind;
};

struct Limits {
  double low, high;
  const char* what;
};
constexpr Limits temperatures{-70, 70, "a temperature between -70 and 70 degC"};
constexpr Limits humidities{0, 110, "a relative humidity between 0 and 110 %"};
constexpr Limits pressures{31'000, 120'000, "an air pressure between 31,000 and 120,000 Pa"};

/// The number of a field; NaN if it is empty or at or above the code for a missing value.
double value(const sim::CsvReader& table, std::size_t column, const Limits& limits,
             double missing_from) {
  if (table.text(column).find_first_not_of(" \t") == std::string_view::npos) return nan;
  const double v = table.number(column);
  if (v >= missing_from) return nan;
  if (v < limits.low || v > limits.high)
    table.fail(column, fmt::format("{:g} is not {}", v, limits.what),
               "correct it, or mark it as missing");
  return v;
}

/// Vapour of a row whose dry bulb and pressure are known.
double humidity_ratio(const Row& row) {
  switch (row.kind) {
    case Moisture::relative_humidity:
      return humidity_ratio_from_vapour_pressure(
          row.moisture / 100 * saturation_pressure(row.dry_bulb), row.pressure);
    case Moisture::dew_point:
      return humidity_ratio_from_vapour_pressure(
          saturation_pressure(std::min(row.moisture, row.dry_bulb + 5)), row.pressure);
    case Moisture::wet_bulb:
      return humidity_ratio_from_wet_bulb(row.dry_bulb, std::min(row.moisture, row.dry_bulb),
                                          row.pressure);
  }
  return nan;
}

/// Straight lines over NaN, round the end of the year if it repeats. Marks the rows it filled.
void fill(const std::string& file, const std::vector<Row>& rows, const char* what,
          std::vector<double>& values, double period, std::vector<bool>& filled) {
  const std::size_t n = values.size();
  std::size_t first = 0;
  while (first < n && std::isnan(values[first])) ++first;
  if (first == n)
    throw sim::InputError(file, 0, 0, fmt::format("no row has {}", what), "use another file");
  const auto time = [&](std::size_t i) {  // i may go past the end, once round
    return i < n ? rows[i].at : rows[i - n].at + period;
  };
  const std::size_t last = period > 0 ? first + n : n;
  for (std::size_t i = first; i < last;) {
    std::size_t next = i + 1;
    while (next < last && std::isnan(values[next % n])) ++next;
    const bool open = period == 0 && next == n;  // nothing follows: the last value holds
    if (next > i + 1 && time(open ? n - 1 : next) - time(i) > longest_gap)
      throw sim::InputError(
          file, rows[(i + 1) % n].line, 0,
          fmt::format("{} is missing from here on for {:.0f} h", what,
                      (time(open ? n - 1 : next) - time(i)) / hour),
          "fill it, or use another file: up to 48 h are filled in a straight line");
    for (std::size_t k = i + 1; k < next; ++k) {
      const double share = open ? 0 : (time(k) - time(i)) / (time(next) - time(i));
      values[k % n] = values[i % n] + share * (values[open ? i : next % n] - values[i % n]);
      filled[k % n] = true;
    }
    i = next;
  }
  for (std::size_t i = 0; period == 0 && i < first; ++i) {
    values[i] = values[first];
    filled[i] = true;
  }
}

/// The share-quantile by rank, as tables of design conditions count hours.
double quantile(std::vector<double> values, double share) {
  const auto rank = std::min(values.size() - 1,
                             static_cast<std::size_t>(share * static_cast<double>(values.size())));
  std::nth_element(values.begin(), values.begin() + static_cast<long>(rank), values.end());
  return values[rank];
}

/// Wet bulbs that no weather explains are lowered to the highest credible one.
void lower_wet_bulbs(WeatherSeries& series, const WeatherPlace& place) {
  double limit = 0;
  if (place.highest_wet_bulb) {
    limit = *place.highest_wet_bulb;
  } else {
    std::vector<double> all;
    for (const auto& w : series.rows) all.push_back(w.wet_bulb);
    limit = std::max(credible_wet_bulb, quantile(std::move(all), 0.99) + credible_above_p99);
  }
  double highest = limit;
  for (auto& w : series.rows) {
    if (w.wet_bulb <= limit) continue;
    highest = std::max(highest, w.wet_bulb);
    w.wet_bulb = std::min(limit, w.dry_bulb);
    w.humidity_ratio = humidity_ratio_from_wet_bulb(w.dry_bulb, w.wet_bulb, w.pressure);
    ++series.lowered;
  }
  if (series.lowered > 0)
    series.warnings.push_back(fmt::format(
        "{} rows have wet bulbs up to {:.1f} degC, which is not credible here; they were lowered "
        "to {:.1f} degC (`highest_wet_bulb` sets another limit)",
        series.lowered, highest, limit));
}

/// Rows to weather: what is missing is filled, what cannot be is mended, and both are counted.
void finish(WeatherSeries& series, const std::string& file, std::vector<Row> rows,
            const WeatherPlace& place) {
  const double period = series.yearly ? (series.leap_day ? 366 : 365) * day : 0;
  std::vector<bool> filled(rows.size(), false);
  const double standard = standard_pressure(series.elevation);
  int no_pressure = 0;
  std::vector<double> air, vapour;
  for (auto& row : rows) {
    if (std::isnan(row.pressure)) {
      row.pressure = standard;
      ++no_pressure;
    }
    air.push_back(row.dry_bulb);
  }
  fill(file, rows, "the dry bulb", air, period, filled);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    rows[i].dry_bulb = air[i];
    vapour.push_back(std::isnan(rows[i].moisture) ? nan : humidity_ratio(rows[i]));
  }
  fill(file, rows, "the humidity", vapour, period, filled);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    Weather w{};
    w.dry_bulb = air[i];
    w.pressure = rows[i].pressure;
    const double most =
        humidity_ratio_from_vapour_pressure(saturation_pressure(w.dry_bulb), w.pressure);
    if (vapour[i] > most * (1 + 1e-9)) ++series.saturated;
    w.humidity_ratio = std::min(vapour[i], most);
    w.wet_bulb = wet_bulb_from_humidity_ratio(w.dry_bulb, w.humidity_ratio, w.pressure);
    series.at.push_back(rows[i].at);
    series.rows.push_back(w);
  }
  const auto mended = static_cast<int>(std::count(filled.begin(), filled.end(), true));
  series.filled += mended;
  if (mended > 0)
    series.warnings.push_back(
        fmt::format("{} rows lack the dry bulb or the humidity; filled in straight lines", mended));
  if (no_pressure > 0)
    series.warnings.push_back(
        fmt::format("{} rows lack the air pressure; {:.0f} Pa taken from the elevation",
                    no_pressure, standard));
  if (series.saturated > 0)
    series.warnings.push_back(fmt::format(
        "{} rows have more vapour than air can hold; taken as saturated", series.saturated));
  lower_wet_bulbs(series, place);
}

// EPW ------------------------------------------------------------------------------------------

/// What the lines before the rows say.
struct EpwHeader {
  int lines = 0;
  std::string place;
  double utc_offset = 0, elevation = 0;
};

/// A field of a header line, with the column at which it begins.
struct HeaderField {
  std::string_view text;
  int column;
};
HeaderField header_field(const sim::LineReader& lines, int wanted) {
  std::string_view rest = lines.line();
  int column = 1;
  for (int i = 0; i < wanted; ++i) {
    const auto comma = rest.find(',');
    if (comma == rest.npos)
      lines.fail(0, fmt::format("the line has {} fields, not {}", i + 1, wanted + 1),
                 "take the file from its publisher again");
    rest.remove_prefix(comma + 1);
    column += static_cast<int>(comma) + 1;
  }
  return {rest.substr(0, rest.find(',')), column};
}
double header_number(const sim::LineReader& lines, int wanted, const char* what, double low,
                     double high) {
  const HeaderField field = header_field(lines, wanted);
  const auto parsed = sim::parse_number(field.text);
  if (!parsed || parsed.value < low || parsed.value > high)
    lines.fail(field.column,
               fmt::format("\"{}\" is not {} between {:g} and {:g}", field.text.substr(0, 40), what,
                           low, high),
               "correct it");
  return parsed.value;
}

EpwHeader read_header(sim::LineReader& lines) {
  constexpr int most = 50;  // lines; a file has eight
  EpwHeader header;
  if (!lines.next() || !lines.line().starts_with("LOCATION,"))
    lines.fail(0, "the file does not begin with LOCATION, so it is no EPW file",
               "use an EPW file, or a CSV table whose name ends in .csv");
  const auto city = header_field(lines, 1).text, country = header_field(lines, 3).text;
  header.place = fmt::format("{}, {}", city.substr(0, 60), country.substr(0, 20));
  header.utc_offset = hour * header_number(lines, 8, "a time zone in hours", -14, 14);
  header.elevation = header_number(lines, 9, "an elevation in m", -500, 9000);
  for (header.lines = 1; header.lines < most && lines.next();) {
    ++header.lines;
    if (!lines.line().starts_with("DATA PERIODS,")) continue;
    if (header_number(lines, 1, "a number of data periods", 1, 1e6) != 1)
      lines.fail(14, "the file holds several data periods", "use a file with one year of hours");
    if (header_number(lines, 2, "a number of rows in an hour", 1, 60) != 1)
      lines.fail(0, "the file has several rows in an hour", "use hourly rows, or a CSV table");
    return header;
  }
  lines.fail(0, "there is no DATA PERIODS line before the rows",
             "take the file from its publisher again");
}

constexpr std::array<int, 12> days_before = {0,   31,  60,  91,  121, 152,
                                             182, 213, 244, 274, 305, 335};  // of a leap year
constexpr std::array<int, 12> days_of = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
constexpr int leap_day_begins = 59 * 24;  // in hours of a leap year

int whole(const sim::CsvReader& table, std::size_t column, const char* what, int low, int high) {
  const std::int64_t v = table.integer(column);
  if (v < low || v > high)
    table.fail(column, fmt::format("{} is not {} from {} to {}", v, what, low, high),
               "correct it, or take the file from its publisher again");
  return static_cast<int>(v);
}

/// Hours of the year, from 1 on, in a calendar with a 29th of February.
int hour_of_year(const sim::CsvReader& table) {
  const int month = whole(table, 1, "a month", 1, 12);
  const auto m = static_cast<std::size_t>(month - 1);
  const int date = whole(table, 2, "a day of this month", 1, days_of[m]);
  return 24 * (days_before[m] + date - 1) + whole(table, 3, "an hour", 1, 24);
}

Row epw_row(const sim::CsvReader& table) {
  constexpr double no_temperature = 99.9, no_humidity = 999, no_pressure = 999'999;
  Row row{0,   table.line(), value(table, 6, temperatures, no_temperature),
          nan, nan,          Moisture::relative_humidity};
  row.moisture = value(table, 8, humidities, no_humidity);
  if (std::isnan(row.moisture)) {
    row.kind = Moisture::dew_point;
    row.moisture = value(table, 7, temperatures, no_temperature);
  }
  row.pressure = value(table, 9, pressures, no_pressure);
  return row;
}

WeatherSeries read_epw(sim::LineReader& lines, const auto& open, const WeatherPlace& place) {
  const std::string& file = lines.name();
  const EpwHeader header = read_header(lines);
  WeatherSeries series;
  series.utc_offset = header.utc_offset;
  series.elevation = header.elevation;

  sim::CsvReader table = open(sim::CsvOptions{.header = false, .skip_lines = header.lines});
  std::vector<Row> rows;
  std::set<std::int64_t> years;
  int before = 0;
  while (table.next()) {
    if (table.size() < 10)
      table.fail(
          0, fmt::format("the row has {} fields, but the tenth is the air pressure", table.size()),
          "take the file from its publisher again");
    years.insert(whole(table, 0, "a year", 1800, 2300));
    const int at = hour_of_year(table);
    if (at <= before)
      table.fail(1, "this hour does not follow the one before it",
                 "give one year from January to December, each hour once");
    series.leap_day = series.leap_day || (at > leap_day_begins && at <= leap_day_begins + 24);
    Row row = epw_row(table);
    row.at = at;
    before = at;
    rows.push_back(row);
  }
  // Back from the calendar with a 29th of February; the row after it says where a gap lies.
  double previous = 0;
  const double hours = series.leap_day ? 8784 : 8760;
  for (auto& row : rows) {
    if (!series.leap_day && row.at > leap_day_begins) row.at -= 24;
    if ((row.at - previous) * hour > longest_gap)
      throw sim::InputError(
          file, row.line, 0,
          fmt::format("{:.0f} hours are missing before this row", row.at - previous - 1),
          "a file holds a whole year; up to 47 h in a row may be missing");
    previous = row.at;
    row.at *= hour;
  }
  if (rows.empty() || (hours - previous) * hour > longest_gap)
    throw sim::InputError(
        file, 0, 0,
        fmt::format("the file ends {:.0f} hours before the end of the year", hours - previous),
        "use a file with a whole year of hours");
  const auto missing = static_cast<int>(hours) - static_cast<int>(rows.size());
  series.filled = missing;
  series.summary = fmt::format(
      "{}: {} rows of {}, at {:g} m, UTC{:+g} h", header.place, rows.size(),
      years.size() == 1
          ? fmt::format("the year {}", *years.begin())
          : fmt::format("a typical year from months of {} to {}", *years.begin(), *years.rbegin()),
      header.elevation, header.utc_offset / hour);
  if (missing > 0)
    series.warnings.push_back(
        fmt::format("{} hours are missing; filled in straight lines", missing));
  finish(series, file, std::move(rows), place);
  return series;
}

// CSV ------------------------------------------------------------------------------------------

/// Rows by date instead: where each stands in its local year, in order. False, and nothing changed,
/// if two of them fall on the same moment of the year.
bool by_date(WeatherSeries& series, std::vector<Row>& rows, bool leap_day) {
  std::vector<Row> dated;
  for (Row row : rows) {
    using namespace std::chrono;
    const double local = row.at + series.utc_offset;
    const auto date = year_month_day{sys_days{days{static_cast<int>(std::floor(local / day))}}};
    const auto start = sys_days{date.year() / January / 1};
    const bool leap = date.year().is_leap();
    row.at = local - day * static_cast<double>(start.time_since_epoch().count());
    if (leap && !leap_day && date.month() == February && unsigned(date.day()) == 29) continue;
    if (leap && !leap_day && row.at >= 60 * day) row.at -= day;
    if (!leap && leap_day && row.at >= 59 * day) row.at += day;
    dated.push_back(row);
  }
  const auto earlier = [](const Row& a, const Row& b) { return a.at < b.at; };
  std::stable_sort(dated.begin(), dated.end(), earlier);
  for (std::size_t i = 1; i < dated.size(); ++i)
    if (dated[i].at <= dated[i - 1].at) return false;
  series.leap_day = leap_day;
  rows = std::move(dated);
  return true;
}

WeatherSeries read_weather_csv(sim::CsvReader table, const std::string& file,
                               const WeatherPlace& place) {
  const WeatherColumns& names = place.columns;
  const std::size_t time = table.column(names.time);
  auto dry_bulb = table.find_column(names.dry_bulb);
  const auto wet_bulb = table.find_column(names.wet_bulb);
  const bool no_dry_bulb = !dry_bulb && wet_bulb && place.dry_over_wet_bulb;
  if (!dry_bulb && wet_bulb && !no_dry_bulb)
    throw sim::InputError(file, 1, 0,
                          fmt::format("there is a wet bulb but no column \"{}\"", names.dry_bulb),
                          "name it in `columns`, or say what air to assume: "
                          "`dry_over_wet_bulb: 4 K`");
  if (!no_dry_bulb) dry_bulb = table.column(names.dry_bulb);
  struct Way {
    std::string column;
    Moisture kind;
    Limits limits;
  };
  const Way ways[] = {{"relative_humidity_percent", Moisture::relative_humidity, humidities},
                      {"dew_point_degc", Moisture::dew_point, temperatures},
                      {names.wet_bulb, Moisture::wet_bulb, temperatures}};
  // Air that is assumed over the wet bulb goes with that wet bulb, whatever else the file holds.
  const Way* way =
      no_dry_bulb ? &ways[2] : std::find_if(std::begin(ways), std::end(ways), [&](const Way& w) {
        return table.find_column(w.column);
      });
  if (way == std::end(ways))
    throw sim::InputError(file, 1, 0, "no column tells the humidity",
                          "add one of relative_humidity_percent, dew_point_degc, wet_bulb_degc");
  const auto moisture = *table.find_column(way->column);
  const auto pressure = table.find_column("pressure_pa");
  constexpr double none = std::numeric_limits<double>::infinity();

  WeatherSeries series;
  series.utc_offset = place.utc_offset;
  series.elevation = place.elevation;
  std::vector<Row> rows;
  while (table.next()) {
    const double at = sim::row_time(table, time, names.clock, place.start, series.utc_offset);
    if (!rows.empty() && at <= rows.back().at)
      table.fail(time, "this moment does not follow the one before it",
                 "sort the rows by time, each moment once");
    if (!rows.empty() && at - rows.back().at > longest_gap)
      table.fail(time,
                 fmt::format("{:.0f} h are missing before this row", (at - rows.back().at) / hour),
                 "fill them: up to 48 h may lie between two rows");
    const double moist = value(table, moisture, way->limits, none);
    rows.push_back({at, table.line(),
                    no_dry_bulb ? moist + *place.dry_over_wet_bulb
                                : value(table, *dry_bulb, temperatures, none),
                    moist, pressure ? value(table, *pressure, pressures, none) : nan, way->kind});
  }
  if (rows.size() < 2)
    throw sim::InputError(file, 0, 0, "the file holds fewer than two rows", "add rows");
  // A year is as many steps as fit in it; the usual step is the median one.
  std::vector<double> steps;
  for (std::size_t i = 1; i < rows.size(); ++i) steps.push_back(rows[i].at - rows[i - 1].at);
  const double step = quantile(steps, 0.5);
  const double span = rows.back().at - rows.front().at + step;
  const auto count = rows.size();
  series.yearly =
      span > 365 * day - 1 && span < 366 * day + 1 && by_date(series, rows, span > 365.5 * day);
  series.summary = fmt::format("{} rows every {:g} min, {}", count, step / 60,
                               series.yearly ? "a year that repeats" : "for their own dates only");
  if (const double expected = std::round(span / step) - static_cast<double>(count); expected >= 1) {
    series.filled = static_cast<int>(expected);
    series.warnings.push_back(
        fmt::format("{:.0f} rows are missing; filled in straight lines", expected));
  }
  if (no_dry_bulb)
    series.warnings.push_back(
        fmt::format("the file has no dry bulb; the air is assumed to be {:g} K above the wet bulb",
                    *place.dry_over_wet_bulb));
  finish(series, file, std::move(rows), place);
  return series;
}

}  // namespace

WeatherSeries read_epw(std::string name, std::string_view text, const WeatherPlace& place) {
  sim::LineReader lines(name, text);
  return read_epw(
      lines, [&](const sim::CsvOptions& o) { return sim::CsvReader(name, text, o); }, place);
}

WeatherSeries read_weather_csv(std::string name, std::string_view text, const WeatherPlace& place) {
  return read_weather_csv(sim::CsvReader(name, text), name, place);
}

WeatherSeries read_weather_file(const std::filesystem::path& path, const WeatherPlace& place) {
  if (path.extension() == ".epw") {
    sim::LineReader lines(path);
    return read_epw(
        lines, [&](const sim::CsvOptions& o) { return sim::CsvReader(path, o); }, place);
  }
  return read_weather_csv(sim::CsvReader(path), path.string(), place);
}

}  // namespace mw::models
