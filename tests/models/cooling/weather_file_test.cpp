#include "models/cooling/weather_file.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <rapidcheck.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <map>

#include "models/cooling/psychrometrics.hpp"
#include "sim/input_error.hpp"

namespace mw::models {
namespace {

constexpr double hour = 3600, day = 86400;

double utc(int year, unsigned month, unsigned date, double hours) {
  using namespace std::chrono;
  const sys_days d{std::chrono::year{year} / month / date};
  return day * static_cast<double>(d.time_since_epoch().count()) + hours * hour;
}

struct Epw {
  std::string zone = "-7.0", elevation = "337.4", periods = "1,1";
  bool leap = false;
  int year = 2019;
  /// One row's text; empty leaves it out.
  std::function<std::string(int hour_of_year, std::string row)> change = [](int, std::string row) {
    return row;
  };
  /// Dry bulb: the hour of the year in thousandths of a kelvin above 10 degC; 50 %; 97 kPa.
  std::string text() const {
    std::string out =
        "LOCATION,Testville,AZ,USA,none,722780,33.4,-112.0," + zone + "," + elevation +
        "\nDESIGN CONDITIONS,0\nTYPICAL/EXTREME PERIODS,0\n" +
        "GROUND TEMPERATURES,0\nHOLIDAYS/DAYLIGHT SAVINGS,No,0,0,0\nCOMMENTS 1,\"a\n" +
        "COMMENTS 2,\nDATA PERIODS," + periods + ",Data,Sunday, 1/ 1,12/31\n";
    const int days[] = {31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int h = 0;
    for (int m = 0; m < 12; ++m)
      for (int d = 1; d <= days[m]; ++d)
        for (int k = 1; k <= 24; ++k) {
          ++h;
          const std::string row =
              change(h, fmt::format("{},{},{},{},60,?9,{:.3f},5.0,50,97000,0,0,0", year, m + 1, d,
                                    k, 10 + h / 1000.0));
          if (!row.empty()) out += row + "\n";
        }
    return out;
  }
  WeatherSeries read() const { return read_epw("test.epw", text(), {}); }
};

/// Replaces field `i` (from 0) of a row.
std::string with(std::string row, int i, const std::string& value) {
  std::size_t at = 0;
  for (int k = 0; k < i; ++k) at = row.find(',', at) + 1;
  return row.replace(at, row.find(',', at) - at, value);
}

std::string refusal(const std::function<void()>& read) {
  try {
    read();
  } catch (const sim::InputError& e) {
    return e.what();
  }
  return "no error";
}
std::string refusal(const Epw& file) {
  return refusal([&] { file.read(); });
}

}  // namespace

TEST_CASE("EPW: the row of hour h is the weather at h:00 local standard time, linear in between") {
  const WeatherSeries s = Epw{}.read();
  CHECK(s.rows.size() == 8760);
  CHECK(s.warnings.empty());
  CHECK(s.utc_offset == -7 * hour);
  CHECK(s.elevation == 337.4);
  // 1 January 01:00 local is 08:00 UTC: row 1. Half an hour later: the mean of rows 1 and 2.
  CHECK(weather_at(s, utc(2026, 1, 1, 8)).dry_bulb == doctest::Approx(10.001));
  CHECK(weather_at(s, utc(2026, 1, 1, 8.5)).dry_bulb == doctest::Approx(10.0015));
  // The file's years do not matter, only dates: the same in any year without a 29 February.
  CHECK(weather_at(s, utc(2031, 7, 1, 19)).dry_bulb ==
        doctest::Approx(10 + (181 * 24 + 12) / 1000.0));
  // Midnight at the end of the year is the last row; half an hour later half way to the first.
  CHECK(weather_at(s, utc(2027, 1, 1, 7)).dry_bulb == doctest::Approx(18.760));
  CHECK(weather_at(s, utc(2027, 1, 1, 7.5)).dry_bulb == doctest::Approx((18.760 + 10.001) / 2));
  // 50 % of the saturation pressure, by definition.
  const Weather w = weather_at(s, utc(2026, 1, 1, 8));
  CHECK(vapour_pressure_from_humidity_ratio(w.humidity_ratio, w.pressure) ==
        doctest::Approx(0.5 * saturation_pressure(10.001)));
  CHECK(w.pressure == 97000);
}

TEST_CASE("EPW: 29 February") {
  // Rows of 365 days: the 29th repeats the 28th, and the 1st of March is itself.
  const WeatherSeries s = Epw{}.read();
  for (const double h : {1.0, 12.0, 24.0})
    CHECK(weather_at(s, utc(2028, 2, 29, 7 + h)).dry_bulb ==
          doctest::Approx(weather_at(s, utc(2028, 2, 28, 7 + h)).dry_bulb));
  CHECK(weather_at(s, utc(2028, 3, 1, 8)).dry_bulb == doctest::Approx(10 + 1417 / 1000.0));
  // Rows of 366 days: other years pass over the 29th.
  const WeatherSeries leap = Epw{.leap = true, .year = 2020}.read();
  CHECK(leap.rows.size() == 8784);
  CHECK(weather_at(leap, utc(2027, 2, 28, 31)).dry_bulb == doctest::Approx(10 + 1416 / 1000.0));
  CHECK(weather_at(leap, utc(2027, 3, 1, 8)).dry_bulb == doctest::Approx(10 + 1441 / 1000.0));
  CHECK(weather_at(leap, utc(2028, 2, 29, 8)).dry_bulb == doctest::Approx(10 + 1417 / 1000.0));
  CHECK(weather_at(leap, utc(2028, 12, 31, 31)).dry_bulb == doctest::Approx(18.784));
}

TEST_CASE("EPW: missing values and missing hours become straight lines, and are counted") {
  Epw file;
  file.change = [](int h, std::string row) {
    if (h == 100 || h == 101) return with(row, 6, "99.9");
    if (h == 200) return with(row, 8, "999");  // the dew point stands in
    if (h == 300) return std::string();
    if (h == 400) return with(row, 9, "999999.");
    if (h == 500) return with(with(row, 8, "999"), 7, "99.9");
    return row;
  };
  const WeatherSeries s = file.read();
  CHECK(s.rows.size() == 8759);
  CHECK(s.filled == 4);  // 100, 101, 300, 500
  CHECK(s.warnings.size() == 3);
  // A straight line over a straight line is the same line.
  for (const int h : {100, 101, 300, 500})
    CHECK(weather_at(s, utc(2026, 1, 1, 7 + h)).dry_bulb == doctest::Approx(10 + h / 1000.0));
  CHECK(weather_at(s, utc(2026, 1, 1, 207)).humidity_ratio ==
        doctest::Approx(humidity_ratio_from_vapour_pressure(saturation_pressure(5), 97000)));
  CHECK(weather_at(s, utc(2026, 1, 1, 407)).pressure == doctest::Approx(standard_pressure(337.4)));
}

TEST_CASE("EPW: humidity that no weather explains is lowered, counted and told") {
  Epw file;
  file.change = [](int h, std::string row) {
    if (h >= 4000 && h < 4005) return with(with(row, 6, "37.2"), 8, "75");
    return row;
  };
  const WeatherSeries s = file.read();
  CHECK(s.lowered == 5);
  REQUIRE(s.warnings.size() == 1);
  CHECK(s.warnings[0].find("5 rows have wet bulbs up to 33.0 degC") == 0);
  CHECK(weather_at(s, utc(2026, 1, 1, 7 + 4002)).wet_bulb == doctest::Approx(28));
  CHECK(weather_at(s, utc(2026, 1, 1, 7 + 4002)).dry_bulb == doctest::Approx(37.2));
  // A limit of one's own.
  const WeatherSeries own = read_epw("test.epw", file.text(), {.highest_wet_bulb = 34});
  CHECK(own.lowered == 0);
  // More vapour than air holds.
  file.change = [](int h, std::string row) { return h == 7 ? with(row, 8, "105") : row; };
  const WeatherSeries fog = file.read();
  CHECK(fog.saturated == 1);
  const Weather w = weather_at(fog, utc(2026, 1, 1, 14));
  CHECK(w.wet_bulb == doctest::Approx(w.dry_bulb));
}

TEST_CASE("Damaged EPW files are refused where they are wrong") {
  Epw file;
  const auto at = [&](int wanted, int field, const std::string& value) {
    file.change = [=](int h, std::string row) {
      return h == wanted ? with(row, field, value) : row;
    };
    return refusal(file);
  };
  CHECK(at(3, 6, "hot") ==
        "test.epw:11:18: \"hot\" is not a number; write it as 12.5 or 1.25e1, with a point and no "
        "unit");
  CHECK(
      at(3, 6, "85.0") ==
      "test.epw:11:18: 85 is not a temperature between -70 and 70 degC; correct it, or mark it as "
      "missing");
  CHECK(at(3, 8, "-5").find("test.epw:11:29: -5 is not a relative humidity") == 0);
  CHECK(at(3, 9, "97").find("test.epw:11:32: 97 is not an air pressure") == 0);
  CHECK(at(3, 1, "13").find("test.epw:11:6: 13 is not a month") == 0);
  CHECK(at(3, 3, "0").find("test.epw:11:10: 0 is not an hour from 1 to 24") == 0);
  CHECK(at(5, 3, "3").find("test.epw:13:6: this hour does not follow the one before it") == 0);

  file.change = [](int h, std::string row) { return h > 100 && h <= 148 ? "" : row; };
  CHECK(refusal(file).find("test.epw:109: 48 hours are missing before this row") == 0);
  file.change = [](int h, std::string row) { return h > 100 && h <= 147 ? "" : row; };
  CHECK(file.read().filled == 47);
  file.change = [](int h, std::string row) {
    return h > 100 && h < 160 ? with(row, 6, "99.9") : row;
  };
  CHECK(refusal(file).find("test.epw:109: the dry bulb is missing from here on for 60 h") == 0);
  file.change = [](int h, std::string row) { return h > 4000 ? "" : row; };
  CHECK(refusal(file).find("test.epw: the file ends 4760 hours before the end of the year") == 0);
  file.change = [](int, std::string row) { return with(row, 6, "99.9"); };
  CHECK(refusal(file).find("test.epw: no row has the dry bulb") == 0);

  CHECK(refusal(Epw{.zone = "west"}) ==
        "test.epw:1:51: \"west\" is not a time zone in hours between -14 and 14; correct it");
  CHECK(refusal(Epw{.periods = "2,1"}).find("test.epw:8:14: the file holds several data periods") ==
        0);
  CHECK(refusal(Epw{.periods = "1,4"}).find("test.epw:8: the file has several rows in an hour") ==
        0);
  const std::string whole = Epw{}.text();
  CHECK(refusal([] { read_epw("test.epw", "", {}); }).find("test.epw: the file does not begin") ==
        0);
  CHECK(refusal([] {
          read_epw("test.epw", "time,dry_bulb\n", {});
        }).find("test.epw:1: the file does not begin with LOCATION") == 0);
  CHECK(refusal([&] {
          read_epw("test.epw", whole.substr(0, 200), {});
        }).find("there is no DATA PERIODS line") != std::string::npos);
}

TEST_CASE("A damaged file is read or refused, never more") {
  std::string whole = Epw{}.text().substr(0, 9000);
  CHECK(rc::check([&](unsigned place, unsigned char byte, unsigned short cut) {
    std::string text = whole.substr(0, 300 + cut % 8700);
    text[place % text.size()] = static_cast<char>(byte);
    CHECK_NOTHROW(refusal([&] { read_epw("x.epw", text, {}); }));
    CHECK_NOTHROW(refusal([&] { read_weather_csv("x.csv", text, {}); }));
  }));
}

TEST_CASE("CSV weather: rows for their own dates, or a year that repeats") {
  const std::string few =
      "time,dry_bulb_degc,wet_bulb_degc,pressure_pa\n2026-07-15T00:00Z,30,20,100000\n"
      "2026-07-15T01:00Z,32,,100000\n2026-07-15T02:00+00:00,31,20,100000\n";
  const WeatherSeries s = read_weather_csv("w.csv", few, {});
  CHECK_FALSE(s.yearly);
  CHECK(s.filled == 1);
  CHECK(covers(s, utc(2026, 7, 15, 0), utc(2026, 7, 15, 2)));
  CHECK_FALSE(covers(s, utc(2026, 7, 15, 0), utc(2026, 7, 15, 3)));
  const Weather w = weather_at(s, utc(2026, 7, 15, 0));
  CHECK(w.wet_bulb == doctest::Approx(20).epsilon(1e-9));
  CHECK(weather_at(s, utc(2026, 7, 15, 0.5)).dry_bulb == 31);

  // A year of rows from July on, local times without an offset: by date in every other year.
  std::string year = "time,dry_bulb_degc,relative_humidity_percent\n";
  for (int h = 0; h < 8760; ++h) {
    const auto t = std::chrono::sys_days{std::chrono::year{2021} / 7 / 1} + std::chrono::hours{h};
    const auto date = std::chrono::year_month_day{std::chrono::floor<std::chrono::days>(t)};
    year += fmt::format("{:04}-{:02}-{:02} {:02}:00,{:.3f},50\n", int(date.year()),
                        unsigned(date.month()), unsigned(date.day()), h % 24, h / 1000.0);
  }
  const WeatherSeries y = read_weather_csv("w.csv", year, {3600, 500, {}});
  CHECK(y.yearly);
  CHECK(y.filled == 0);
  CHECK(weather_at(y, utc(2030, 7, 1, 4)).dry_bulb == doctest::Approx(0.005));
  CHECK(weather_at(y, utc(2030, 6, 30, 22)).dry_bulb == doctest::Approx(8.759));
  CHECK(weather_at(y, utc(2030, 6, 30, 22)).pressure == doctest::Approx(standard_pressure(500)));
  CHECK(y.warnings.size() == 1);  // the pressure

  const auto refused = [](const std::string& text) {
    return refusal([&] { read_weather_csv("w.csv", text, {}); });
  };
  CHECK(refused("time,dry_bulb_degc\n").find("w.csv:1: no column tells the humidity") == 0);
  CHECK(refused(few + "2026-07-15T02:00Z,31,20,100000\n")
            .find("w.csv:5:1: column \"time\": this moment does not follow") == 0);
  CHECK(refused(few + "2026-07-20T02:00Z,31,20,100000\n")
            .find("w.csv:5:1: column \"time\": 120 h are missing before this row") == 0);
  CHECK(refused(few + "2026-07-15T03:00Z,310,20,100000\n")
            .find("w.csv:5:19: column \"dry_bulb_degc\": 310 is not a temperature") == 0);
}

TEST_CASE("T41: hourly files of five climates have the published statistics") {
  const char* folder = std::getenv("MILLWRIGHT_DATA");
  if (!folder) {
    MESSAGE("SKIPPED: set MILLWRIGHT_DATA to a folder with climate_grid/weather/*.epw");
    return;
  }
  struct Expected {
    const char* file;
    double mean, max, p99;
    int above[5];  // hours above 30, 35, 37, 40, 42 degC
    double mean_wet, p99_wet;
    int lowered;
  };
  // Computed independently (SOURCES.md beside the files); wet bulbs before any were lowered.
  const Expected all[] = {
      {"SGP_Singapore.486980_IWEC", 27.46, 33.8, 32.0, {1102, 0, 0, 0, 0}, 25.11, 27.23, 0},
      {"SWE_Stockholm.Arlanda.024600_IWEC", 6.49, 27.1, 24.0, {0, 0, 0, 0, 0}, 4.54, 16.80, 0},
      {"USA_AZ_Phoenix-Sky.Harbor_TMYx",
       24.67,
       45.6,
       42.2,
       {3018, 1474, 1056, 349, 96},
       13.13,
       25.56,
       23},
      {"USA_IL_Chicago.OHare_TMYx", 10.76, 35.6, 31.7, {163, 1, 0, 0, 0}, 7.68, 24.52, 2},
      {"USA_VA_Leesburg.Exec_TMYx", 13.78, 37.0, 33.0, {330, 19, 0, 0, 0}, 10.45, 24.83, 1}};
  for (const Expected& e : all) {
    CAPTURE(e.file);
    const auto path =
        std::filesystem::path(folder) / "climate_grid/weather" / (std::string(e.file) + ".epw");
    const WeatherSeries raw = read_weather_file(path, {.highest_wet_bulb = 100});
    REQUIRE(raw.rows.size() == 8760);
    CHECK(raw.filled == 0);
    std::vector<double> dry, wet;
    for (const auto& w : raw.rows) {
      dry.push_back(w.dry_bulb);
      wet.push_back(w.wet_bulb);
    }
    std::sort(dry.begin(), dry.end());
    std::sort(wet.begin(), wet.end());
    double mean = 0, mean_wet = 0;
    for (std::size_t i = 0; i < dry.size(); ++i) {
      mean += dry[i] / 8760;
      mean_wet += wet[i] / 8760;
    }
    CHECK(std::fabs(mean - e.mean) <= 0.01);
    CHECK(dry.back() == e.max);
    CHECK(std::fabs(dry[8672] - e.p99) <= 0.1);
    CHECK(std::fabs(mean_wet - e.mean_wet) <= 0.01);
    CHECK(std::fabs(wet[8672] - e.p99_wet) <= 0.01);
    const double limits[] = {30, 35, 37, 40, 42};
    for (int i = 0; i < 5; ++i)
      CHECK(std::count_if(dry.begin(), dry.end(), [&](double t) { return t > limits[i]; }) ==
            e.above[i]);
    const WeatherSeries mended = read_weather_file(path, {});
    CHECK(mended.lowered == e.lowered);
    CHECK(mended.warnings.size() == (e.lowered > 0 ? 1 : 0));
  }
}

}  // namespace mw::models
