// `millwright optimize` from end to end, over the plant alone.
#include <doctest/doctest.h>

#include <cmath>
#include <fstream>
#include <limits>

#include "analysis/command.hpp"
#include "sim/io/hdf5.hpp"

using namespace mw;
using test::millwright;

namespace {

struct Bench {
  test::Scratch folder;
  std::string study = (folder / "s.yaml").string();
  explicit Bench(const std::string& rest) {
    std::ofstream(study) << "name: s\nbase: " MILLWRIGHT_SOURCE_DIR
                            "/scenarios/coolant-sweep.yaml\n"
                         << "set: ['duration=20 day']\n"
                         << rest;
  }
  test::Said optimize(const std::string& name, std::vector<std::string> more = {}) const {
    std::vector<std::string> words = {
        "optimize", study, "-q", "-o", (folder / (name + ".h5")).string(), "--json", json(name)};
    words.insert(words.end(), more.begin(), more.end());
    return millwright(words);
  }
  std::string json(const std::string& name) const { return (folder / (name + ".json")).string(); }
  nlohmann::json read(const std::string& name) const {
    std::ifstream in(json(name));
    return nlohmann::json::parse(in);
  }
};

const std::string factors =
    "factors:\n"
    "  - {name: place, path: site.climate.weather, values: [phoenix, dallas, stockholm]}\n"
    "  - {name: supply, path: site.cooling.supply, values: [25 degC, 30 degC, 35 degC, 45 degC]}\n";

}  // namespace

TEST_CASE("Among twelve combinations the search finds the best of all twelve") {
  const Bench b(factors +
                "constraints: [supply < 40]\n"
                "optimize: {objectives: [{minimise: pue}], population: 6, runs: 60}\n");
  const auto said = b.optimize("a");
  REQUIRE_MESSAGE(said.code == 0, said.err);
  REQUIRE(millwright({"sweep", b.study, "-q", "-o", (b.folder / "all.h5").string()}).code == 0);
  const sim::h5::Reader all((b.folder / "all.h5").string());
  const auto pue = all.numbers("/points/pue"), supply = all.numbers("/points/supply");
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < pue.size(); ++i)
    if (supply[i] < 40) least = std::min(least, pue[i]);
  int best = 0;
  const auto found = b.read("a");
  for (const auto& point : found["points"])
    if (point["best"]) {
      ++best;
      CHECK(point["objectives"][0] == least);
      CHECK(point["levels"]["supply"] == "35 degC");
    }
  CHECK(best == 1);
}

TEST_CASE("A search does not depend on threads, and goes on from what has been run") {
  const Bench b(
      "factors: [{name: supply, path: site.cooling.supply, from: 25 degC, to: 45 degC}]\n"
      "optimize:\n  objectives: [{minimise: pue}, {maximise: '-mean_junction_degc'}]\n"
      "  population: 6\n  runs: 18\n");
  const auto one = b.optimize("a", {"-t1"});
  REQUIRE_MESSAGE(one.code == 0, one.err);
  REQUIRE(b.optimize("b", {"-t3"}).code == 0);
  CHECK(b.read("a") == b.read("b"));
  const auto again = b.optimize("a");
  CHECK(again.out.find(", 0 runs now") != std::string::npos);
  CHECK(b.read("a") == b.read("b"));
  // Cooler chips cost energy here, so the front has both ends and all between.
  int best = 0;
  const auto found = b.read("a");
  for (const auto& point : found["points"]) best += point["best"].get<bool>();
  CHECK(best > 3);
}

TEST_CASE("optimize says what is wrong, and when nothing meets the constraints") {
  auto said = Bench(factors).optimize("a");
  CHECK(said.code == 2);
  CHECK(said.err.find("say what is sought") != std::string::npos);
  said =
      Bench(factors + "optimize: {objectives: [{maximise: pue, minimise: pue}]}\n").optimize("a");
  CHECK(said.code == 2);
  CHECK(said.err.find("one of the two") != std::string::npos);
  said = Bench(factors + "optimize: {objectives: [{minimise: peu}], runs: 6}\n").optimize("a");
  CHECK(said.code == 2);
  CHECK(said.err.find("`peu`") != std::string::npos);
  said = Bench(factors +
               "constraints: [pue < 1]\n"
               "optimize: {objectives: [{minimise: pue}], population: 4, runs: 8}\n")
             .optimize("a");
  CHECK(said.code == 1);
  CHECK(said.out.find("no point meets every constraint") != std::string::npos);
}
