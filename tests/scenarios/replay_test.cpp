// Racks whose power was measured, from the scenario's text to the ledger.
#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "models/site/epoch.hpp"
#include "scenarios/build.hpp"
#include "sim/thread_pool.hpp"
#include "support/scratch.hpp"

using namespace mw;
using namespace mw::scenarios;

namespace {

const std::string weather =
    "{file: p.csv, columns: {time: s, clock: seconds, wet_bulb: wb}, dry_over_wet_bulb: 4 K}";
const std::string replayed =
    "  - {name: a, type: frontier_node, count: 3, replay: {file: p.csv, column: a, unit: kW, time: "
    "s}}\n"
    "  - {name: b, type: frontier_node, count: 2, replay: {file: p.csv, column: b, unit: kW, time: "
    "s}}\n";

std::string scenario(const std::string& racks, const std::string& climate = weather,
                     const std::string& duration = "60 s") {
  return "millwright: 1\nname: test\nduration: " + duration +
         "\nsite:\n  physics_step: 15 s\n  climate: {start: 2024-04-07T00:00Z, weather: " +
         climate + "}\n  electrical: ac_n1\n  cooling: {plant: frontier}\nracks:\n" + racks;
}

struct Folder {
  test::Scratch scratch;
  Folder() { csv("s,a,b,wb\n0,900,600,5\n15,930,660,6\n30,930,300,6\n45,960,0,6\n60,1000,60,8\n"); }
  void csv(const std::string& text) const { std::ofstream(scratch / "p.csv") << text; }
  models::SiteParameters build(const std::string& text) const {
    std::ofstream(scratch / "s.yaml") << text;
    return build_site(read_document<Scenario>((scratch / "s.yaml").string(), {}, Catalog()),
                      scratch.path());
  }
  std::string problems(const std::string& text) const {
    try {
      build(text);
      return "";
    } catch (const std::exception& e) {
      std::string what = e.what();
      const std::string path = scratch.path().string() + "/";
      for (std::size_t at; (at = what.find(path)) != std::string::npos;)
        what.erase(at, path.size());
      return what;
    }
  }
};

struct Sums {
  double it = 0, meter = 0, seconds = 0;
  double off_balance = 0;  // largest share by which a step's heat misses its electricity
  models::SiteState state;
  models::SiteEpoch last;
};
Sums run(const models::SiteParameters& site) {
  sim::ThreadPool pool(1);
  Sums sums;
  sums.state = models::initial_site(site);
  models::SiteEpoch& e = sums.last;
  while (sums.state.now < site.duration) {
    models::step_epoch(sums.state, site, pool, e);
    sums.it += e.it * e.seconds();
    sums.meter += e.meter * e.seconds();
    sums.seconds += e.seconds();
    // Liquid heat and both loops' pumps leave through the towers, or warm what the plant holds.
    const auto& c = e.cooling;
    const double in = 0.945 * e.it + c.tcs_pump + c.fws_pump;
    sums.off_balance = std::max(
        sums.off_balance, std::abs(c.rejected_heat + e.plant.heat.stored / e.seconds() - in) / in);
  }
  return sums;
}

}  // namespace

TEST_CASE("Racks draw what was measured; heat, losses and ledger follow") {
  const Folder folder;
  const auto site = folder.build(scenario(replayed));
  CHECK(site.limits.empty());  // no limit moves them
  const Sums sums = run(site);
  // Trapezoids of both columns: a 915 + 930 + 945 + 980, b 630 + 480 + 150 + 30 kW, 15 s each.
  CHECK(sums.it == doctest::Approx(15e3 * (3770 + 1290)).epsilon(1e-12));
  CHECK(sums.state.totals.it.value() == doctest::Approx(sums.it).epsilon(1e-9));
  CHECK(sums.off_balance < 1e-9);
  CHECK(sums.state.ledger.meter().value() == doctest::Approx(sums.meter).epsilon(1e-9));
  const auto joules = [&](models::Purpose p) { return sums.state.ledger[p].value(); };
  CHECK(joules(models::Purpose::idle) == 0);
  // Conversion behind the measured input: at idle 8.4 %, at full load 6.5 % of a node's power.
  CHECK(joules(models::Purpose::measured) < 0.94 * sums.it);
  CHECK(joules(models::Purpose::measured) > 0.90 * sums.it);
  // Three cabinets share a column, two the other; the last step's means.
  CHECK(sums.last.rack_input[0] == doctest::Approx(980e3 / 3));
  CHECK(sums.last.rack_input[4] == doctest::Approx(30e3 / 2));
  // Frontier's GPUs draw most of it, but no controller may take them for GPUs it can limit.
  CHECK(sums.last.gpu > 0);
  CHECK(sim::read(sums.state.points[models::gpu_point], site.points[models::gpu_point],
                  sums.state.now)
            .value == 0);
  CHECK(sums.last.weather.wet_bulb == doctest::Approx(8));
  CHECK(sums.last.weather.dry_bulb == doctest::Approx(12));
}

TEST_CASE("A step of a second has the energy of a step of 15 s") {
  const Folder folder;
  std::string text = scenario(replayed);
  const Sums coarse = run(folder.build(text));
  text.replace(text.find("physics_step: 15 s"), 18, "physics_step: 1 s");
  const Sums fine = run(folder.build(text));
  CHECK(fine.it == doctest::Approx(coarse.it).epsilon(1e-12));
}

TEST_CASE("Measured and computed racks stand side by side") {
  const Folder folder;
  const std::string bank = "  - {name: bank, type: load_bank, count: 2}\n";
  const Sums alone = run(folder.build(scenario(replayed)));
  const Sums both = run(folder.build(scenario(replayed + bank)));
  CHECK(both.it - alone.it == doctest::Approx(60 * 200e3).epsilon(1e-9));
}

TEST_CASE("A replay that cannot be is refused where it was written") {
  const Folder folder;
  CHECK(folder.problems(scenario(replayed)) == "");
  CHECK(folder.problems(scenario(replayed, weather, "75 s"))
            .find("the run is not within the file's rows, 2024-04-07T00:00:00Z to "
                  "2024-04-07T00:01:00Z") != std::string::npos);
  CHECK(folder
            .problems(scenario("  - {name: a, type: frontier_node, replay: {file: no.csv, column: "
                               "a, unit: W}}\n"))
            .find("s.yaml:10:51: `file`: there is no file `no.csv`") != std::string::npos);
  CHECK(folder
            .problems(scenario("  - {name: a, type: frontier_node, replay: {file: p.csv, column: "
                               "a}}\n"))
            .find("unit") != std::string::npos);
  CHECK(folder
            .problems(scenario("  - {name: a, type: frontier_node, load: 50 %, replay: {file: "
                               "p.csv, column: a, unit: W, time: s}}\n"))
            .find("the racks have a constant load as well") != std::string::npos);
  CHECK(
      folder
          .problems(scenario(
              "  - {name: a, type: frontier_node, replay: {file: p.csv, column: a, unit: W, time: "
              "s}}\ninference:\n  - service: chat\n    model: llama_3_1_8b\n    engine: {stack: "
              "vllm_0_19, gpus: 4}\n    traffic: {like: azure_conversation}\n"))
          .find("no racks with GPUs") != std::string::npos);
  // Nothing in the rack draws power, so nothing tells what a measured power was.
  CHECK(folder
            .problems(
                scenario("  - {name: a, type: {extends: load_bank, host_idle: 0 W}, replay: {file: "
                         "p.csv, column: a, unit: W, time: s}}\n"))
            .find("nothing is known to draw power in these racks") != std::string::npos);
  // A wet bulb without a dry bulb needs a word about the air.
  CHECK(folder
            .problems(scenario(replayed,
                               "{file: p.csv, columns: {time: s, clock: seconds, wet_bulb: wb}}"))
            .find("p.csv:1: there is a wet bulb but no column \"dry_bulb_degc\"") == 0);
  folder.csv("s,a,b,wb\n0,900,600,5\n15,930,-1,6\n60,1,1,1\n");
  CHECK(folder.problems(scenario(replayed)).find("p.csv:3:8: column \"b\": a power of -1") == 0);
}

TEST_CASE("Frontier's twelve hours run with cooling on, and draw what was measured") {
  const char* data = std::getenv("MILLWRIGHT_DATA");
  const std::string file = "facility/frontier_cdu_power_2024-04-07_15s_first12h.csv";
  if (!data || !std::filesystem::exists(std::filesystem::path(data) / file)) {
    MESSAGE("SKIPPED: no " << file << " below MILLWRIGHT_DATA");
    return;
  }
  const std::string path = MILLWRIGHT_SOURCE_DIR "/scenarios/frontier-replay.yaml";
  const auto site = build_site(read_document<Scenario>(path, {}, Catalog()), ".");
  CHECK(site.rack_count() == 74);
  CHECK(site.cooling_sizing.cdus == 25);
  const Sums sums = run(site);
  // The sum of the file's 25 columns by trapezoids, by an independent script.
  CHECK(sums.it / sums.seconds == doctest::Approx(16917314.34728174).epsilon(1e-9));
  CHECK(sums.off_balance < 1e-9);
  CHECK(sums.state.totals.supply_excess_k == 0);
  CHECK(sums.state.ledger.meter().value() == doctest::Approx(sums.meter).epsilon(1e-9));
}
