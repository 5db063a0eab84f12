#include <doctest/doctest.h>

#include <cmath>

#include "analysis/command.hpp"
#include "analysis/compare/differences.hpp"

using namespace mw;
using namespace mw::analysis;
using test::millwright;

namespace {

const std::string base = MILLWRIGHT_SOURCE_DIR "/scenarios/coolant-sweep.yaml";

PointResult result_of(const std::vector<std::pair<std::string, double>>& figures) {
  PointResult out;
  for (const auto& [name, value] : figures) {
    out.figures.push_back({name, "W", ""});
    out.values.push_back(value);
  }
  return out;
}

}  // namespace

TEST_CASE("Inputs differ leaf by leaf; members of lists go by their names") {
  const auto found = input_differences(
      "a: 1\nsite: {limit: 2 MW, only_here: x}\nracks:\n  - {name: p, count: 3}\n  - {name: q, "
      "count: 4}\n"
      "list: [1, 2]\n",
      "a: 1\nsite: {limit: 3 MW}\nracks:\n  - {name: q, count: 5}\n  - {name: p, count: 3}\n"
      "list: [1, 2, 7]\n");
  REQUIRE(found.size() == 4);
  CHECK(found[0].path == "site.limit");
  CHECK(found[0].from == "2 MW");
  CHECK(found[0].to == "3 MW");
  CHECK(found[1].path == "site.only_here");
  CHECK(found[1].to == "");
  CHECK(found[2].path == "racks[q].count");
  CHECK(found[3].path == "list[2]");
  CHECK(found[3].from == "");
}

// Differences 1, 2 and 3 have mean 2 and standard deviation 1; Student's quantile for two degrees
// of freedom is 4.30265 (tables), so half the interval is 4.30265 / sqrt(3) = 2.48414. The spread
// of either case alone (100) does not enter: that is what the same seeds are for.
TEST_CASE("The interval is of differences paired by seed") {
  const Case a{
      "A", "", "", {result_of({{"p", 100}}), result_of({{"p", 200}}), result_of({{"p", 300}})}};
  const Case b{
      "B", "", "", {result_of({{"p", 101}}), result_of({{"p", 202}}), result_of({{"p", 303}})}};
  const auto d = figure_differences(a, b);
  REQUIRE(d.size() == 1);
  CHECK(d[0].from == 200);
  CHECK(d[0].difference == doctest::Approx(2));
  CHECK(d[0].half_width == doctest::Approx(2.48414).epsilon(1e-5));
}

TEST_CASE("With one seed the intervals of cohorts count, and none is made up") {
  const Case a{"A", "", "", {result_of({{"p", 1}, {"p_half_width", 3}, {"q", 1}})}};
  const Case b{"B", "", "", {result_of({{"p", 2}, {"p_half_width", 4}, {"r", 1}})}};
  const auto d = figure_differences(a, b);
  REQUIRE(d.size() == 3);
  CHECK(d[0].half_width == 5);
  CHECK(std::isnan(d[1].half_width));
  CHECK(std::isnan(d[1].to));  // q is A's alone
  CHECK(std::isnan(d[2].from));
}

TEST_CASE("compare says what two runs say, and its parts add up") {
  const auto run = [&](const char* supply) {
    return millwright({"run", base, "--json", "--no-output", "-q", "--set", "duration=30 day",
                       "--set", std::string("site.cooling.supply=") + supply})
        .json()["summary"];
  };
  const auto said = millwright({"compare", base, "-q", "-r1", "--set", "duration=30 day", "--set",
                                "site.cooling.supply=25 degC", "--change",
                                "site.cooling.supply=45 degC", "--json", "-"});
  REQUIRE_MESSAGE(said.code == 0, said.err);
  const auto pair = said.json()["pairs"][0];
  const auto cold = run("25 degC"), warm = run("45 degC");
  for (const char* name : {"pue", "mean_power_mw", "peak_power_mw"}) {
    CHECK(pair["figures"][name]["from"] == cold[name]["value"]);
    CHECK(pair["figures"][name]["to"] == warm[name]["value"]);
    CHECK(pair["figures"][name]["half_width_95"].is_null());
  }
  REQUIRE(pair["inputs"].size() == 1);
  CHECK(pair["inputs"][0]["path"] == "site.cooling.supply");
  const auto& power = pair["waterfalls"]["power"];
  for (const char* side : {"from", "to"}) {
    double sum = 0;
    for (const auto& [name, part] : power["parts"].items()) sum += part[side].get<double>();
    CHECK(sum == doctest::Approx(power[side].get<double>()).epsilon(1e-12));
  }
  CHECK(power["parts"]["heat_rejection"]["to"] < power["parts"]["heat_rejection"]["from"]);
}

TEST_CASE("A scenario does not differ from itself, whatever the threads; its ledgers close") {
  const auto compare = [](const char* threads) {
    return millwright({"compare", test::quickstart, test::quickstart, "-q", threads, "-r2", "--set",
                       "duration=20 s", "--set", "racks[a].count=2", "--set",
                       "inference[chat].traffic.scale=70", "--set",
                       "inference[chat].engine.replicas_per_pod=7", "--json", "-"});
  };
  const auto said = compare("-t1");
  REQUIRE_MESSAGE(said.code == 0, said.err);
  CHECK(compare("-t3").out == said.out);
  const auto pair = said.json()["pairs"][0];
  CHECK(pair["inputs"].empty());
  for (const auto& [name, d] : pair["figures"].items()) {
    CAPTURE(name);
    if (d["difference"].is_null()) continue;  // a figure without meaning here
    CHECK(d["difference"] == 0);
    CHECK(d["half_width_95"] == 0);
  }
  for (const char* name : {"power", "energy_per_token", "cost", "tokens"}) {
    CAPTURE(name);
    const auto& w = pair["waterfalls"][name];
    double sum = 0;
    for (const auto& [part, p] : w["parts"].items()) sum += p["to"].get<double>();
    CHECK(sum == doctest::Approx(w["to"].get<double>()).epsilon(1e-9));
  }
}

TEST_CASE("compare says what is wrong with what it is given") {
  auto said = millwright({"compare", base});
  CHECK(said.code == 2);
  CHECK(said.err.find("nothing to compare it with") != std::string::npos);
  said = millwright({"compare", base, "--change", "site.cooling.suply=1 degC"});
  CHECK(said.code == 2);
  CHECK(said.err.find("supply") != std::string::npos);
  said =
      millwright({"compare", base, base, "-q", "-r1", "--set", "duration=1 day", "--show", "pu"});
  CHECK(said.code == 2);
  CHECK(said.err.find("no case has a figure `pu`") != std::string::npos);
}
