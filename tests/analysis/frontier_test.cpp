#include "analysis/frontier.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <fstream>
#include <map>

#include "analysis/command.hpp"
#include "models/training/golden_profile.hpp"
#include "sim/io/csv.hpp"

using namespace mw;

namespace {

/// The golden profile as a file.
std::string write_profile(const test::Scratch& scratch, int stages) {
  const std::string file = (scratch / "profile.csv").string();
  std::ofstream out(file);
  out << "stage,instruction,frequency,time,energy\n";
  const auto costs = test::golden_costs(stages, 1, 0, models::CostModel::piecewise_linear);
  for (const models::OpTable& t : costs.tables)
    for (const models::OpChoice& c : t.choices)
      out << fmt::format("{},{},{:g},{:.17g},{:.17g}\n", t.part,
                         enum_names(t.instruction)[static_cast<std::size_t>(t.instruction)],
                         c.clock / 1e6, c.time, c.energy);
  return file;
}

test::Said plan(const std::string& profile, std::vector<std::string> more) {
  std::vector<std::string> words = {"plan", "--profile", profile, "--blocking-power", "85"};
  words.insert(words.end(), more.begin(), more.end());
  return test::millwright(words);
}

}  // namespace

TEST_CASE("plan: the golden case from a file") {
  const test::Scratch scratch;
  const auto said = plan(write_profile(scratch, 2),
                         {"-m", "4", "--cost", "exponential", "--step", "0.01", "--json"});
  REQUIRE(said.code == 0);
  const auto j = said.json();
  CHECK(j["steps"] == 87);
  CHECK(j["planned"]["fastest_s"].get<double>() == doctest::Approx(1.63));
  CHECK(j["planned"]["fastest_j"].get<double>() == doctest::Approx(881.188).epsilon(1e-6));
}

// What the table says must be a run: on each stage one op after the other, each backward after its
// forward, ending at the plan's time; and its joules with the gaps' are the plan's.
TEST_CASE("plan: the written plan and trace are the iteration that was reported") {
  const test::Scratch scratch;
  const std::string csv = (scratch / "plan.csv").string(), trace = (scratch / "t.json").string();
  const auto said = plan(write_profile(scratch, 4),
                         {"-m", "8", "--period", "4.5", "-o", csv, "--trace", trace, "--json"});
  REQUIRE(said.code == 0);
  const auto figures = said.json()["plan"];
  CHECK(figures["period_s"] == 4.5);

  sim::CsvReader table{std::filesystem::path(csv)};
  const auto stage = table.column("stage"), start = table.column("start"),
             time = table.column("time"), energy = table.column("energy"),
             what = table.column("instruction"), microbatch = table.column("microbatch");
  std::map<std::int64_t, double> free;
  std::map<std::pair<std::int64_t, std::int64_t>, double> forward_ends;
  double joules = 0, busy = 0, end = 0;
  while (table.next()) {
    const std::int64_t s = table.integer(stage);
    CHECK(table.number(start) >= free[s] - 1e-6);
    free[s] = table.number(start) + table.number(time);
    const std::pair key{s, table.integer(microbatch)};
    if (table.text(what) == "forward")
      forward_ends[key] = free[s];
    else
      CHECK(table.number(start) >= forward_ends.at(key) - 1e-6);
    joules += table.number(energy);
    busy += table.number(time);
    end = std::max(end, free[s]);
  }
  CHECK(end == doctest::Approx(figures["time_s"].get<double>()));
  CHECK(joules + 85 * (4 * 4.5 - busy) == doctest::Approx(figures["energy_j"].get<double>()));

  std::ifstream in(trace);
  double traced = 0;
  std::size_t spans = 0;
  const auto events = nlohmann::json::parse(in);
  for (const auto& event : events["traceEvents"]) {
    if (event["ph"] != "X") continue;
    ++spans;
    traced += event["args"]["energy_j"].get<double>();
  }
  CHECK(spans == 64);
  CHECK(traced == doctest::Approx(joules).epsilon(1e-6));
}

TEST_CASE("plan: the frontier file falls, and real plans lie on it") {
  const test::Scratch scratch;
  const std::string csv = (scratch / "frontier.csv").string();
  REQUIRE(plan(write_profile(scratch, 4), {"-m", "8", "--frontier", csv, "--points", "9"}).code ==
          0);
  sim::CsvReader table{std::filesystem::path(csv)};
  const auto time = table.column("time_s"), planned = table.column("energy_J"),
             real_time = table.column("plan_time_s"), real = table.column("plan_energy_J");
  double before = 0;
  int rows = 0;
  for (; table.next(); ++rows) {
    CHECK(table.number(time) > before);
    before = table.number(time);
    CHECK(table.number(real_time) <= before * (1 + 1e-6));
    CHECK(table.number(real) == doctest::Approx(table.number(planned)).epsilon(0.005));
  }
  CHECK(rows == 9);
}

TEST_CASE("plan: what cannot be used is refused with its place") {
  const test::Scratch scratch;
  const std::string file = (scratch / "p.csv").string();
  const auto refused = [&](const std::string& rows, const std::string& wanted,
                           std::vector<std::string> more = {}) {
    std::ofstream(file) << "stage,instruction,frequency,time,energy\n" << rows;
    more.insert(more.end(), {"-m", "4"});
    const auto said = plan(file, more);
    CAPTURE(said.err);
    CHECK(said.code == 2);
    CHECK(said.err.find(wanted) != std::string::npos);
  };
  refused("", "has no rows");
  refused(
      "0,forwrad,1000,1,1\n",
      "p.csv:2:3: column \"instruction\": `forwrad` is no instruction; did you mean `forward`?");
  refused("0,forward,1000,-1,1\n", "p.csv:2:16: column \"time\": -1 s is not above 0");
  refused("0,forward,1000,1,1\n0,forward,1000,2,1\n",
          "p.csv:3:11: column \"frequency\": 1000 MHz stands already in line 2");
  refused("-1,forward,1000,1,1\n", "p.csv:2:1: column \"stage\": there is no stage -1");
  refused("0,forward,1000,1,1\n", "has no rows for `backward` of stage 0");
  const std::string whole = "0,forward,1000,1,1\n0,backward,1000,1,1\n";
  refused(whole, "profile the two halves of the backward", {"--schedule", "zb_h1"});
  refused(whole, "--chunks: only `interleaved` has several chunks", {"--chunks", "2"});
  refused(whole, "no falling exponential fits", {"--cost", "exponential"});
  refused(whole, "more than 1e6 steps", {"--step", "1e-7"});
  CHECK(plan(file, {"-m", "4"}).code == 0);  // one clock: one point
}
