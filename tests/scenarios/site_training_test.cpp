// Training jobs on a site: placement, the power of their racks on the sub-grid, the ledgers.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <string>
#include <vector>

#include "models/site/epoch.hpp"
#include "models/site/summary.hpp"
#include "scenarios/build.hpp"
#include "scenarios/scenario_folder.hpp"

using namespace mw;
using namespace mw::models;
using namespace mw::scenarios;
using doctest::Approx;
using mw::scenarios::test::Folder;

namespace {

const std::string head = R"(millwright: 1
name: test
duration: 20 s
site:
  climate: {weather: phoenix, start: 2026-07-15T15:00-07:00}
  electrical: ac_2n
  cooling: {plant: dry_cooler}
racks:
  - {name: a, type: gb200_nvl72, count: 3}
)";
std::string job(const std::string& more = "", int gpus = 128) {
  return "training:\n  - job: pretrain\n    model: llama_3_1_70b_base\n    stack: megatron_26_06\n"
         "    layout: {gpus: " +
         std::to_string(gpus) +
         ", tp: 2, pp: 4, precision: fp8, sequence: 8192, global_batch: 64}\n"
         "    run: {start: 3 s}\n" +
         more;
}

}  // namespace

TEST_CASE("a job takes whole racks, the rest of an NVLink domain stays free") {
  const SiteParameters site = Folder().build(head + job());
  REQUIRE(site.jobs.size() == 1);
  int training = 0, free = 0;
  for (const auto& row : site.placement) {
    (row.use == GpuUse::training ? training : free) += row.gpus;
    if (row.use == GpuUse::training) CHECK(row.gpus == 64);
  }
  CHECK(training == 128);
  CHECK(free == 3 * 72 - 128);
}

// The racks' GPUs draw what the job's course says, in every bin; all of it is booked as training,
// but for what idles, and the ledger closes.
TEST_CASE("a job's power on the sub-grid of its racks, and in the ledger") {
  const SiteParameters site = Folder().build(head + job());
  SiteState state = initial_site(site);
  sim::ThreadPool pool(2);
  SiteEpoch epoch;
  double meter_j = 0, highest = 0, lowest = 1e300;
  std::size_t bins = 0;
  while (state.now < site.duration) {
    const std::vector<double> leakage = state.leakage_w;  // in force in this epoch
    step_epoch(state, site, pool, epoch);
    meter_j += epoch.meter * epoch.seconds();
    const auto& course = *site.jobs[0].course;
    const double from = sim::to_seconds(epoch.start), to = sim::to_seconds(epoch.end);
    for (const auto& row : site.placement) {
      if (row.use != GpuUse::training) continue;
      const double spare = (72 - row.gpus) * site.group(row.rack).idle_gpu_w();
      const double leak = leakage[static_cast<std::size_t>(row.rack)] * 72;
      CHECK(
          epoch.rack_gpu[static_cast<std::size_t>(row.rack)] ==
          Approx(course.power[static_cast<std::size_t>(row.replica)].mean(from, to) + spare + leak)
              .epsilon(1e-9));
    }
    if (from >= 3)
      for (const double w : epoch.meter_bins) {
        highest = std::max(highest, w);
        lowest = std::min(lowest, w);
        ++bins;
      }
  }
  CHECK(bins >= 170);
  CHECK(highest > 1.1 * lowest);  // steps fill and drain the pipeline
  CHECK(state.ledger.meter().value() == Approx(meter_j).epsilon(1e-6));
  const double trained = state.ledger[Purpose::training].value();
  CHECK(trained > 0.3 * meter_j);
  CHECK(trained < 0.9 * meter_j);
  CHECK(state.ledger[Purpose::decode].value() == Approx(0).epsilon(1e-6 * meter_j));
  // 17 s of steps, all kept as the run ends.
  const double tokens = value_of(site_metrics(site, state), "trained_tokens_per_s") * 20;
  const double step = site.jobs[0].course->levels[0].step.end;
  CHECK(tokens == Approx(17 / step * 64 * 8192).epsilon(1e-6));
}

TEST_CASE("a job's run is the same for any number of threads, and forked") {
  const SiteParameters site = Folder().build(head + job());
  std::vector<std::int64_t> ledgers;
  for (const int threads : {1, 3}) {
    SiteState state = initial_site(site);
    sim::ThreadPool pool(threads);
    SiteEpoch epoch;
    while (state.now < 10 * sim::second) step_epoch(state, site, pool, epoch);
    SiteState fork = state;
    SiteEpoch other;
    while (fork.now < site.duration) step_epoch(fork, site, pool, other);
    ledgers.push_back(std::llround(fork.ledger.meter().value() * 1e3));
  }
  CHECK(ledgers[0] == ledgers[1]);
}

TEST_CASE("what a job cannot have is told") {
  const Folder folder;
  const auto has = [](const std::string& text, const char* part) {
    CAPTURE(text);
    return text.find(part) != std::string::npos;
  };
  CHECK(has(folder.problems(head + job("", 256)), "takes 4 racks, and 3 are free"));
  CHECK(has(folder.problems(head + job("", 100)), "does not divide"));
  CHECK(has(folder.problems(head + job("    racks: [b]\n")), "there is no rack group `b`"));
  CHECK(has(folder.problems(head + job("control: {power: {policy: uniform}}\n")),
            "training jobs do not follow yet"));
  CHECK(has(folder.problems(head + job("fidelity: {mode: sideways}\n")), "sideways"));
}
