#include "models/cooling/dry_cooler.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace mw::models {

TEST_CASE("T8: the rated point of the BAC record and the fan speed that holds 40.55 degC") {
  const DryCooler c = make_dry_cooler({});
  CHECK(c.effectiveness == doctest::Approx(0.50045).epsilon(2e-5));
  CHECK(c.ntu == doctest::Approx(1.15236).epsilon(2e-5));
  CHECK(c.ua == doctest::Approx(607.5e3).epsilon(1e-4));
  const std::map<double, double> speeds{{0, 0.1397},  {10, 0.1846}, {20, 0.2725},
                                        {25, 0.3580}, {30, 0.5237}, {35, 1.0000}};
  for (const auto& [air, speed] : speeds) {
    CHECK(dry_cooler_speed(c, c.heat, 1, 46.11, air).speed == doctest::Approx(speed).epsilon(5e-3));
  }
  CHECK_FALSE(dry_cooler_speed(c, c.heat, 1, 46.11, 36).enough);
}

TEST_CASE("T8b: the same cooler at part speed") {
  const DryCooler c = make_dry_cooler({});
  CHECK(dry_cooler_heat(c, 0.8, 1, 46.11, 35) == doctest::Approx(2615.5e3).epsilon(2e-3));
  CHECK(dry_cooler_heat(c, 0.5, 1, 46.11, 35) == doctest::Approx(1962.1e3).epsilon(2e-3));
  CHECK(dry_cooler_heat(c, 0.3, 1, 46.11, 35) == doctest::Approx(1350.6e3).epsilon(2e-3));
  CHECK(dry_cooler_fan(c, 0.8) == doctest::Approx(60.25e3).epsilon(2e-3));
  CHECK(dry_cooler_fan(c, 0.5) == doctest::Approx(14.71e3).epsilon(2e-3));
  CHECK(dry_cooler_fan(c, 0.3) == doctest::Approx(3.18e3).epsilon(2e-3));
}

TEST_CASE("The inlet at which full speed gives off a heat does give it off") {
  const DryCooler c = make_dry_cooler({});
  for (const double share : {0.01, 0.3, 1.0, 3.0}) {
    for (const double flow : {0.2, 1.0, 2.0}) {
      const double inlet = dry_cooler_inlet(c, share * c.heat, flow, 38);
      CHECK(dry_cooler_heat(c, 1, flow, inlet, 38) ==
            doctest::Approx(share * c.heat).epsilon(1e-9));
    }
  }
  CHECK(dry_cooler_heat(c, 1, 1, 30, 31) == 0);  // no heat against the gradient
  CHECK(dry_cooler_heat(c, 0, 1, 50, 31) == 0);
}

TEST_CASE("T9: a year of hourly air temperatures in five climates") {
  const char* folder = std::getenv("MILLWRIGHT_DATA");
  if (!folder) {
    MESSAGE("SKIPPED: set MILLWRIGHT_DATA to a folder with climate_grid/weather/*.epw");
    return;
  }
  const std::filesystem::path data = std::filesystem::path(folder) / "climate_grid";
  const DryCooler c = make_dry_cooler({});
  std::map<std::string, std::vector<double>> weather;
  for (const auto& file : std::filesystem::directory_iterator(data / "weather")) {
    if (file.path().extension() != ".epw") continue;
    std::ifstream in(file.path());
    std::string line;
    for (int i = 0; i < 8; ++i) std::getline(in, line);
    auto& air = weather[file.path().filename().string()];
    while (std::getline(in, line)) {
      std::stringstream row(line);
      std::string field;
      for (int i = 0; i < 7 && std::getline(row, field, ','); ++i) {
      }
      if (!field.empty()) air.push_back(std::stod(field));
    }
    REQUIRE(air.size() == 8760);
  }
  REQUIRE(weather.size() == 5);
  // Constant heat of one rated cooler; `over` coolers share it; what full fans leave is trimmed.
  std::ifstream reference(data / "ref_dry_cooler_annual.csv");
  std::string line;
  std::getline(reference, line);
  int rows = 0;
  while (std::getline(reference, line)) {
    std::stringstream row(line);
    std::vector<std::string> field;
    for (std::string f; std::getline(row, f, ',');) field.push_back(f);
    REQUIRE(field.size() == 9);
    const double rise = std::stod(field[1]);
    const double set = std::stod(field[2]);
    const double over = std::stod(field[3]);
    const double flow = 5.56 / rise / over;
    const double inlet = set + c.heat / over / (c.capacity_flow * flow);
    double fan = 0, trim = 0;
    int hours = 0;
    for (const double air : weather.at(field[0])) {
      const FanSpeed speed = dry_cooler_speed(c, c.heat / over, flow, inlet, air);
      // Against the gradient the fans stand still.
      if (inlet > air) fan += over * dry_cooler_fan(c, speed.speed);
      if (speed.enough) continue;
      ++hours;
      trim += c.heat - over * dry_cooler_heat(c, 1, flow, inlet, air);
    }
    CAPTURE(line);
    CHECK(std::abs(hours - std::stoi(field[6])) <= 2);
    // The reference prints four digits after the point, in kW.
    const double fan_kw = std::stod(field[4]);
    CHECK(std::fabs(fan / 8760e3 - fan_kw) <= 1e-4 + 1e-4 * fan_kw);
    const double trim_kw = std::stod(field[7]);
    CHECK(std::fabs(trim / 8760e3 - trim_kw) <= 1e-4 + 1e-4 * trim_kw);
    ++rows;
  }
  CHECK(rows == 180);
  MESSAGE("T9: " << rows << " rows of the reference reproduced");
}

}  // namespace mw::models
