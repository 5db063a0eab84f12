#include <cstdint>
#include <string_view>

#include "models/cooling/weather_file.hpp"
#include "sim/input_error.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const auto read : {mw::models::read_epw, mw::models::read_weather_csv}) {
    try {
      const auto series = read("input", text, {});
      for (const double t : {-1e9, 0.0, 1.7e9, 4e9}) mw::models::weather_at(series, t);
    } catch (const mw::sim::InputError&) {
      // A refusal with a message is an answer; everything else that ends a run is a finding.
    }
  }
  return 0;
}
