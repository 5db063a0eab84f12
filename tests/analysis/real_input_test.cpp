// The quickstart's site fed with recorded requests. They are not shipped: MILLWRIGHT_DATA names
// the folder that holds them.
#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <numeric>

#include "analysis/command.hpp"
#include "models/site/epoch.hpp"
#include "models/site/summary.hpp"
#include "scenarios/build.hpp"

using namespace mw;

namespace {

void runs_and_conserves(const std::string& trace, int copies, std::int64_t rows) {
  const char* data = std::getenv("MILLWRIGHT_DATA");
  if (!data || !std::filesystem::exists(std::filesystem::path(data) / trace)) {
    MESSAGE("SKIPPED: no " << trace << " below MILLWRIGHT_DATA");
    return;
  }
  const std::string traffic =
      "inference[chat].traffic={trace: " + trace + ", scale: " + std::to_string(copies) + "}";
  const auto document = scenarios::read_document<scenarios::Scenario>(
      test::quickstart, {{"duration=60 s", "racks[a].count=2", traffic}}, scenarios::Catalog());
  const auto site = scenarios::build_site(document, ".");
  CHECK(static_cast<std::int64_t>(site.services[0].front.trace->rows.size()) == rows);
  models::SiteState state = models::initial_site(site);
  sim::ThreadPool pool(2);
  models::SiteEpoch epoch;
  double joules = 0;
  while (state.now < site.duration) {
    models::step_epoch(state, site, pool, epoch);
    joules += epoch.meter * epoch.seconds();
  }
  const auto& c = state.counts[0];
  const auto means = models::traffic_means(site.services[0].front);
  // Copies start anywhere in the recording: the count is near the long-run mean, not equal to it.
  CHECK(static_cast<double>(c.arrivals) ==
        doctest::Approx(means.requests_per_s * 60).epsilon(0.25));
  CHECK(c.arrivals == c.completed + c.refused + c.running + c.waiting);
  CHECK(c.completed > c.arrivals / 4);
  const auto ledger = models::token_ledger(state);
  CHECK(std::accumulate(ledger.begin(), ledger.end(), std::int64_t{0}) == c.arrived_output_tokens);
  CHECK(state.ledger.meter().value() == doctest::Approx(joules).epsilon(1e-9));
  CHECK(c.output_tokens >= c.completed_output_tokens);
}

}  // namespace

TEST_CASE("The Azure conversation trace of 2023 runs and balances") {
  runs_and_conserves("inference_traces/AzureLLMInferenceTrace_conv_2023.csv", 60, 19366);
}

TEST_CASE("The Mooncake trace runs and balances") {
  runs_and_conserves("inference_traces/mooncake_synthetic_trace.jsonl", 8, 3993);
}
