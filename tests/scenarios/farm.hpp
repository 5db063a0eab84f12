#pragma once
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "scenarios/reader.hpp"
#include "sim/describe.hpp"
#include "sim/moment.hpp"
#include "sim/quantity.hpp"

// Small structs that use every kind of field once; the tests of the language read these.
namespace farm {

using mw::sim::About;
using mw::sim::Describes;

enum class Grain { wheat, rye, barley };
inline std::span<const char* const> enum_names(Grain) {
  static constexpr const char* names[] = {"wheat", "rye", "barley"};
  return names;
}
enum class Fill { fill };
inline std::span<const char* const> enum_names(Fill) {
  static constexpr const char* names[] = {"fill"};
  return names;
}

struct Wheel {
  static constexpr const char* catalog = "wheels";
  mw::sim::Sourced<mw::sim::Power> rating;
  mw::sim::Length diameter{5};
  std::optional<mw::sim::Temperature> limit;
  bool operator==(const Wheel& o) const {
    return rating.value == o.rating.value && rating.confidence == o.rating.confidence &&
           rating.source == o.rating.source && diameter == o.diameter && limit == o.limit;
  }
};
template <Describes<Wheel> Self>
void describe(Self& self, auto&& visit) {
  visit("rating", self.rating,
        About{.text = "Power at the rated flow", .min = 0, .max = 1e6, .required = true});
  visit("diameter", self.diameter, About{.text = "Across the paddles", .min = 0.5});
  visit("limit", self.limit, About{.text = "Warmest bearing allowed", .max = 400});
}

struct Mill {
  static constexpr const char* catalog = "mills";
  mw::sim::Entry<Wheel> wheel;
  int stones = 1;
  bool operator==(const Mill& o) const {
    return wheel.name == o.wheel.name && wheel.value == o.wheel.value && stones == o.stones;
  }
};
template <Describes<Mill> Self>
void describe(Self& self, auto&& visit) {
  visit("wheel", self.wheel, About{.text = "What turns it"});
  visit("stones", self.stones, About{.text = "Pairs of stones", .min = 1, .max = 12});
}

inline bool operator==(const mw::sim::Entry<Mill>& a, const mw::sim::Entry<Mill>& b) {
  return a.name == b.name && a.value == b.value;
}

struct Field {
  std::string name;
  Grain grain = Grain::wheat;
  std::int64_t rows = 10;
  mw::sim::Entry<Mill> mill{"small", {}};
  mw::sim::NumberOr<int, Fill> carts{std::nullopt, Fill::fill};
  bool operator==(const Field&) const = default;
};
template <Describes<Field> Self>
void describe(Self& self, auto&& visit) {
  visit("name", self.name, About{.text = "What people call it", .required = true});
  visit("grain", self.grain, About{.text = "What grows on it"});
  visit("rows", self.rows, About{.text = "Rows sown", .min = 0});
  visit("mill", self.mill, About{.text = "Where the grain goes"});
  visit("carts", self.carts, About{.text = "Carts kept, or as many as fit", .min = 1});
}

struct Weather {
  mw::sim::Temperature air = mw::sim::temperature_from_degc(15);
  mw::sim::TemperatureDifference swing{8};
  std::array<double, 3> shares{0.2, 0.3, 0.5};
  double cloud = 0.25;
  bool operator==(const Weather&) const = default;
};
template <Describes<Weather> Self>
void describe(Self& self, auto&& visit) {
  visit("air", self.air, About{.text = "Mean air temperature", .min = 223.15, .max = 333.15});
  visit("swing", self.swing, About{.text = "Day less night", .min = 0});
  visit("shares", self.shares, About{.text = "Morning, noon and evening", .min = 0, .max = 1});
  visit("cloud", self.cloud, About{.text = "Share of the sky", .min = 0, .max = 1});
}

struct Farm {
  std::string title = "a farm";
  mw::sim::Duration season{90 * mw::sim::day};
  mw::sim::Instant start{0, 0};
  std::uint64_t seed = 1;
  bool fenced = true;
  mw::sim::Power meter;
  mw::sim::MoneyPerToken price{2e-6};
  Weather weather;
  std::vector<Field> fields;
  std::vector<mw::sim::Seconds> pauses;
  std::vector<std::string> hands;
  std::optional<Weather> greenhouse;
  bool operator==(const Farm&) const = default;
};
template <Describes<Farm> Self>
void describe(Self& self, auto&& visit) {
  visit("title", self.title, About{.text = "Shown on reports"});
  visit("season", self.season, About{.text = "Simulated time", .min = 1e9});
  visit("start", self.start, About{.text = "First moment"});
  visit("seed", self.seed, About{.text = "Of all draws"});
  visit("fenced", self.fenced, About{.text = "Whether it is fenced"});
  visit("meter", self.meter,
        About{.text = "Limit at the meter", .min = 0, .max = 1e9, .required = true});
  visit("price", self.price, About{.text = "Price of a token", .min = 0});
  visit("weather", self.weather, About{.text = "What the sky does"});
  visit("fields", self.fields, About{.text = "What is sown", .required = true});
  visit("pauses", self.pauses, About{.text = "Rests of the day", .min = 0});
  visit("hands", self.hands, About{.text = "Who works here"});
  visit("greenhouse", self.greenhouse, About{.text = "Weather under glass"});
}
inline void check(const Farm& farm, mw::sim::Problems& problems) {
  for (const Field& field : farm.fields)
    if (field.rows > 500)
      problems.add("fields[" + field.name + "].rows",
                   "`" + field.name + "` has more rows than land", "sow 500 rows or fewer");
}

/// A folder that lives as long as a test.
class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "fields-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
    write("catalog/wheels/oak.yaml",
          "rating: {value: 12 kW, confidence: measured, source: \"miller's book\"}\n");
    write("catalog/wheels/iron.yaml", "extends: oak\ndiameter: 7 m\nlimit: 90 degC\n");
    write("catalog/mills/small.yaml", "wheel: oak\n");
    write("catalog/mills/large.yaml", "wheel: {extends: iron, diameter: 9 m}\nstones: 4\n");
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::string write(const std::string& name, const std::string& text) const {
    const auto file = path_ / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << text;
    return file.string();
  }
  mw::scenarios::Catalog catalog() const {
    return mw::scenarios::Catalog({(path_ / "catalog").string()});
  }
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

}  // namespace farm
