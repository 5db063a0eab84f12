// Sites without services: weather from files, steps of an hour, constant loads.
#include <doctest/doctest.h>

#include <fstream>

#include "models/site/epoch.hpp"
#include "models/site/summary.hpp"
#include "scenarios/build.hpp"
#include "sim/thread_pool.hpp"
#include "support/scratch.hpp"

using namespace mw;
using namespace mw::scenarios;

namespace {

struct Year {
  std::string weather = "{fixed: {dry_bulb: 20 degC, wet_bulb: 12 degC}}";
  std::string plant = "dry_cooler";
  std::string step = "1 h";
  std::string duration = "10 h";
  std::string rack = "{name: a, type: gb200_nvl72, count: 2, load: 80 %}";
  std::string text() const {
    return "millwright: 1\nname: test\nduration: " + duration + "\nsite:\n  physics_step: " + step +
           "\n  climate: {start: 2026-07-15T00:00-07:00, weather: " + weather +
           "}\n  electrical: ac_2n\n  cooling: {plant: " + plant +
           ", dynamics: off}\nracks:\n  - " + rack + "\n";
  }
};

class Folder {
 public:
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(scratch_ / name) << text;
  }
  models::SiteParameters build(const Year& year) const {
    write("s.yaml", year.text());
    return build_site(read_document<Scenario>((scratch_ / "s.yaml").string(), {}, Catalog()),
                      scratch_.path());
  }
  std::string problems(const Year& year) const {
    try {
      build(year);
      return "";
    } catch (const std::exception& e) {
      std::string text = e.what();
      const std::string path = scratch_.path().string() + "/";
      for (std::size_t at; (at = text.find(path)) != std::string::npos;)
        text.erase(at, path.size());
      return text;
    }
  }

 private:
  test::Scratch scratch_;
};

struct Run {
  models::SiteState state;
  models::SiteEpoch last;
  int epochs = 0;
};
Run run(const models::SiteParameters& site) {
  sim::ThreadPool pool(1);
  Run r{models::initial_site(site), {}, 0};
  for (; r.state.now < site.duration; ++r.epochs) models::step_epoch(r.state, site, pool, r.last);
  return r;
}

}  // namespace

TEST_CASE("A scenario names its weather file, beside itself") {
  const Folder folder;
  folder.write(
      "w.csv",
      "time,dry_bulb_degc,wet_bulb_degc\n2026-07-15 00:00,30,20\n2026-07-15 10:00,40,22\n");
  Year year{.weather = "w.csv"};
  CHECK(folder.problems(year).find("the run is not within the file's rows") != std::string::npos);
  // These rows are in local time: without an offset of its own the file's day begins in Greenwich.
  year.weather = "{file: w.csv, utc_offset: -7 h, elevation: 337 m}";
  const auto site = folder.build(year);
  REQUIRE(site.weather);
  // Hour by hour along the line from 30 to 40 degC; the last of ten hours ends at 40.
  const Run r = run(site);
  CHECK(r.epochs == 10);
  CHECK(r.last.weather.dry_bulb == doctest::Approx(40));
  CHECK(r.last.weather.wet_bulb == doctest::Approx(22));

  year.duration = "11 h";
  CHECK(folder.problems(year) ==
        "s.yaml:6:60: `file`: the run is not within the file's rows, 2026-07-15T07:00:00Z to "
        "2026-07-15T17:00:00Z; change site.climate.start or duration, or use a file with a whole "
        "year");
  CHECK(folder.problems({.weather = "nowhere.epw"})
            .find("s.yaml:6:53: `file`: there is no file `nowhere.epw`; put it beside the scenario "
                  "or below ") == 0);
  CHECK(folder.problems({.weather = "{extends: phoenix, file: w.csv}"})
            .find("the weather is given more than once") != std::string::npos);
  folder.write("w.csv", "time,dry_bulb_degc,wet_bulb_degc\n2026-07-15 00:00,30,x\n");
  CHECK(folder.problems({.weather = "w.csv"}).find("w.csv:2:21: column \"wet_bulb_degc\": \"x\"") ==
        0);
}

TEST_CASE("Steps of an hour are for sites without services") {
  const Folder folder;
  CHECK(folder.problems({.step = "2 h"}).find("is above 1 h, as weather is by the hour") !=
        std::string::npos);
  CHECK(folder.problems({.step = "10 ms"}).find("`site.physics_step`: is below 1 s") !=
        std::string::npos);
  CHECK(folder
            .problems({.rack = "{name: a, type: gb200_nvl72}\ninference:\n  - service: chat\n"
                               "    model: llama_3_1_8b\n    engine: {stack: vllm_0_19, gpus: 1}\n"
                               "    traffic: {like: azure_conversation}"})
            .find("is above 1 min, too long for services") != std::string::npos);
}

TEST_CASE("In steady weather an hour in one step draws what its seconds draw") {
  const Folder folder;
  for (const char* plant : {"dry_cooler", "tower_chiller", "dry_cooler_heat_reuse"}) {
    CAPTURE(plant);
    const Run hours = run(folder.build({.plant = plant}));
    const Run seconds = run(folder.build({.plant = plant, .step = "1 s", .duration = "10 s"}));
    CHECK(hours.epochs == 10);
    CHECK(seconds.epochs == 10);
    CHECK(hours.last.meter == doctest::Approx(seconds.last.meter).epsilon(1e-12));
    CHECK(hours.last.cooling.water == doctest::Approx(seconds.last.cooling.water).epsilon(1e-12));
  }
}

TEST_CASE("A load bank of 100 kW draws 100 kW; racks draw their share of the way to full load") {
  const Folder folder;
  const Run bank = run(folder.build({.rack = "{name: a, type: load_bank, count: 3}"}));
  CHECK(bank.last.it == doctest::Approx(300e3).epsilon(1e-12));
  CHECK(bank.last.cooling.tcs_return - bank.last.cooling.tcs_supply ==
        doctest::Approx(10).epsilon(0.01));

  const auto site = folder.build({});
  const auto& rack = site.racks[0].rack;
  const double idle = rack.gpu.value.idle.value.value, full = rack.gpu.value.tdp.value.value;
  const Run r = run(site);
  const double gpus = 2.0 * rack.gpus();
  CHECK(r.last.gpu ==
        doctest::Approx(gpus * (idle + 0.8 * (full - idle) + r.state.leakage_w[0])).epsilon(1e-12));
  // Nobody is served: all of it is idle, none of it decode.
  CHECK(r.last.purpose[static_cast<std::size_t>(models::Purpose::decode)] == 0);
  // Every heat leaves: through the plant, the air side, or with the losses where they arise.
  const auto& c = r.last.cooling;
  CHECK(r.last.meter ==
        doctest::Approx(r.last.it + c.total() + r.last.lighting + r.last.electrical_loss)
            .epsilon(1e-12));
}

TEST_CASE("Heat reuse counts in ERF and ERE, water in WUE") {
  const Folder folder;
  const auto reuse = folder.build({.weather = "{fixed: {dry_bulb: -20 degC, wet_bulb: -21 degC}}",
                                   .plant = "{extends: dry_cooler_heat_reuse, reuse: "
                                            "{demand: 100 kW}}"});
  const auto m = models::site_metrics(reuse, run(reuse).state);
  // 100 kW for 10 h over the energy at the meter.
  CHECK(models::value_of(m, "erf") ==
        doctest::Approx(1.0 / models::value_of(m, "energy_mwh")).epsilon(1e-9));
  CHECK(models::value_of(m, "ere") ==
        doctest::Approx(models::value_of(m, "pue") * (1 - models::value_of(m, "erf"))));
  const auto tower = folder.build({.plant = "wet_tower"});
  const auto wet = models::site_metrics(tower, run(tower).state);
  CHECK(models::value_of(wet, "wue_l_per_kwh") > 0.5);
  CHECK(models::value_of(wet, "trim_hours") == 0);
}

TEST_CASE("A constant load needs GPUs, and no controller that would limit them") {
  const Folder folder;
  Year year;
  year.rack = "{name: a, type: load_bank, count: 2, load: 80 %}";
  CHECK(folder.problems(year).find("`load`: the racks have no GPUs") != std::string::npos);
  year = {};
  year.step += "\n  envelope: 5 MW";
  year.rack += "\ncontrol:\n  power: {policy: uniform, interval: 1 s}";
  CHECK(folder.problems(year).find("a constant load heeds no power limit") != std::string::npos);
}

TEST_CASE("A cohort's window is a time within a day") {
  const Folder folder;
  Year year;
  year.rack += "\nfidelity: {mode: cohort, window: 200 year}";
  CHECK(folder.problems(year).find("is not from 0 to 1 day") != std::string::npos);
  year = {};
  year.rack += "\nfidelity: {mode: cohort, window: -10 min}";
  CHECK(folder.problems(year).find("is not from 0 to 1 day") != std::string::npos);
}
