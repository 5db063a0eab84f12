#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "analysis/command.hpp"
#include "analysis/validate/convert.hpp"
#include "support/scratch.hpp"

// Points of kind cap: what a power limit makes of measured work.
using namespace mw;

namespace {

void write(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

struct LeastEnergy {
  int sweeps = 0, near = 0;
};
/// By group: sweeps in which some limit takes a tenth of the power, and those of them whose tested
/// limit of least energy the twin misses by one step at most.
std::map<std::string, LeastEnergy> least_energy(const nlohmann::json& rows) {
  struct Limit {
    double cap, measured, predicted;
  };
  std::map<std::pair<std::string, std::string>, std::vector<Limit>> sweeps;
  std::map<std::pair<std::string, std::string>, double> lowest;
  for (const auto& row : rows) {
    const auto& point = row["point"];
    const std::pair<std::string, std::string> key{point["group"], point["model"]};
    sweeps[key].push_back(
        {point["cap"], row["measured"]["relative_energy"], row["prediction"]["relative_energy"]});
    const double power = row["measured"]["relative_power"];
    const auto [at, fresh] = lowest.try_emplace(key, power);
    at->second = std::min(at->second, power);
  }
  std::map<std::string, LeastEnergy> out;
  for (auto& [key, limits] : sweeps) {
    if (lowest[key] >= 0.9) continue;
    limits.push_back({1e9, 1, 1});  // no limit
    std::sort(limits.begin(), limits.end(),
              [](const Limit& a, const Limit& b) { return a.cap < b.cap; });
    const auto least = [&](double Limit::*energy) {
      return std::min_element(
                 limits.begin(), limits.end(),
                 [&](const Limit& a, const Limit& b) { return a.*energy < b.*energy; }) -
             limits.begin();
    };
    LeastEnergy& of = out[key.first];
    ++of.sweeps;
    of.near += std::abs(least(&Limit::measured) - least(&Limit::predicted)) <= 1;
  }
  return out;
}

}  // namespace

TEST_CASE("a cap row: own work, a share of arithmetic given or fitted, and what is missing") {
  const test::Scratch scratch;
  const auto points = (scratch / "caps.csv").string(), json = (scratch / "out.json").string();
  // `half` was made by the law itself with a share of 0.5, so the fit must find it.
  write(points,
        "kind,gpu,workload,free_w,cap,compute_share,measured_relative_speed\n"
        "cap,H100,mine,600,1000,0.5,\n"
        "cap,H100,mine,600,350,0.5,\n");
  auto said = test::millwright({"validate", points, "-q", "--json", json});
  REQUIRE_MESSAGE(said.code == 0, said.err);
  const auto rows = nlohmann::json::parse(std::ifstream(json))["rows"];
  CHECK(rows[0]["prediction"]["relative_speed"] == 1);
  CHECK(rows[0]["prediction"]["gpu_w"] == doctest::Approx(600).epsilon(1e-9));
  const double speed = rows[1]["prediction"]["relative_speed"];
  const double power = rows[1]["prediction"]["relative_power"];
  CHECK(speed > 0.6);
  CHECK(speed < 1);
  CHECK(power <= 350.0 / 600);
  CHECK(rows[1]["prediction"]["relative_energy"] == doctest::Approx(power / speed).epsilon(1e-9));

  write(points,
        "kind,gpu,workload,free_w,cap,compute_share,measured_relative_speed\n"
        "cap,H100,mine,600,350,fit," +
            std::to_string(speed) +
            "\n"
            "cap,H100,mine,600,300,fit,\n"
            "cap,H100,other,600,300,fit,\n"
            "cap,H100,other,600,,,\n"
            "cap,H100,other,,300,,\n");
  said = test::millwright({"validate", points, "-q", "--json", json});
  CHECK(said.code == 2);
  const auto fitted = nlohmann::json::parse(std::ifstream(json))["rows"];
  CHECK(fitted[0]["basis"].get<std::string>().find(
            "arithmetic 0.50 of the kernels' time (fitted)") != std::string::npos);
  CHECK(fitted[0]["error"]["relative_speed"] == doctest::Approx(0).epsilon(1e-5));
  CHECK(fitted[1]["prediction"]["relative_speed"] < speed);
  for (const char* word : {"caps.csv:4", "there is no speed to fit it to", "caps.csv:5",
                           "power limit of one GPU", "caps.csv:6", "without the limit"})
    CHECK_MESSAGE(said.err.find(word) != std::string::npos, word, " is not in ", said.err);
}

// Zeus (NSDI 2023): six networks on V100 and A40 under limits from 100 W to their rated power.
// Bars: 9 % with one share of arithmetic for all, 5 % with one for each sweep.
TEST_CASE("Zeus: speed, power and the limit of least energy of V100 and A40") {
  const char* data = std::getenv("MILLWRIGHT_DATA");
  if (!data) {
    MESSAGE("SKIPPED: set MILLWRIGHT_DATA to check power limits against Zeus");
    return;
  }
  const std::string folder = std::string(data) + "/training/zeus/";
  const test::Scratch scratch;
  const auto points = (scratch / "zeus.csv").string(), json = (scratch / "out.json").string();
  const auto converted = analysis::convert(
      "zeus",
      {folder + "summary_power_v100.csv", folder + "summary_power_a40.csv",
       folder + "profile_V100+bert-base-uncased+gpu0.csv",
       folder + "profile_V100+resnet50+gpu0.csv", folder + "profile_A40+bert-base-uncased+gpu0.csv",
       folder + "profile_A40+resnet50+gpu0.csv"});
  write(points, converted.csv);
  const auto said = test::millwright({"validate", points, "-q", "--json", json});
  REQUIRE_MESSAGE(said.code == 0, said.err);
  const auto all = nlohmann::json::parse(std::ifstream(json));
  const auto error = [&](const std::string& group, const char* figure) {
    for (const auto& s : all["summaries"])
      if (s["group"] == group && s["figure"] == figure && !s.contains("family") &&
          s["rows_taken"] == "all")
        return 100 * s["error"]["mape"].get<double>();
    FAIL("no figures of ", group);
    return 100.0;
  };
  const std::string one = ": one law for all", each = ": shares fitted to each sweep",
                    profiles = ": profiles of 40 iterations, nothing fitted";
  for (const char* gpu : {"v100", "a40"}) {
    const std::string cap = std::string("cap ") + gpu;
    MESSAGE(std::string(gpu) << ": speed by one law " << error(cap + one, "relative_speed")
                             << " %, with shares fitted " << error(cap + each, "relative_speed")
                             << " %, power " << error(cap + one, "relative_power") << " %");
  }
  CHECK(error("cap v100" + one, "relative_speed") < 9);
  CHECK(error("cap a40" + one, "relative_speed") < 9);
  CHECK(error("cap v100" + each, "relative_speed") < 5);
  CHECK(error("cap a40" + each, "relative_speed") < 5);
  CHECK(error("cap V100" + profiles, "relative_speed") < 9);
  CHECK(error("cap A40" + profiles, "relative_speed") < 9);
  for (const char* gpu : {"v100", "a40"}) {
    CHECK(error(std::string("cap ") + gpu + one, "relative_power") < 8);
    CHECK(error(std::string("cap ") + gpu + each, "relative_power") < 4);
  }
  for (const auto& [group, energy] : least_energy(all["rows"])) {
    if (group.find("profiles") != std::string::npos) continue;
    MESSAGE(group << ": limit of least energy at most one step away in " << energy.near << " of "
                  << energy.sweeps << " sweeps that limits bind");
    CHECK(energy.sweeps > 35);
    CHECK(energy.near > 0.9 * energy.sweeps);
  }
}
