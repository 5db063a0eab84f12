// Where pods advance changes no bit of a site.
#include <doctest/doctest.h>

#include "models/site/hand_site.hpp"
#include "sim/archive.hpp"

using namespace mw;
using namespace mw::models;
using models::test::HandSite;

namespace {

struct Outcome {
  std::vector<std::byte> saved;
  std::uint64_t hash;
  Latencies latencies;
  std::vector<double> meter;
  bool operator==(const Outcome&) const = default;
};

/// `space`: null for the processor's threads. Set-points move; a checkpoint in between.
Outcome run(const SiteParameters& site, std::unique_ptr<gpu::Space> space) {
  SiteState state = initial_site(site);
  SiteEpoch epoch;
  if (space) {
    const std::string notice = use_device(epoch, site, std::move(space));
    CHECK(notice.find("4 of 4 pods") != std::string::npos);
  }
  sim::ThreadPool pool(2);
  Outcome outcome;
  for (int k = 0; state.now < site.duration; ++k) {
    step_epoch(state, site, pool, epoch);
    outcome.meter.push_back(epoch.meter);
    if (k == 7) fetch_pods(state, epoch);
  }
  fetch_pods(state, epoch);
  // Which of the waiting requests stand where in memory is no state: the counts tell how many.
  outcome.saved = sim::save(state.counts);
  outcome.hash = trace_hash(state).value;
  outcome.latencies = state.latencies[0];
  return outcome;
}

}  // namespace

TEST_CASE("a site whose pods advance in flat memory, or on a device, is the same site") {
  for (const std::uint64_t seed : {11, 12}) {
    HandSite hand;
    hand.seed = seed;
    hand.policy = PowerPolicy::uniform;
    hand.envelope_w = 39.9e3;
    hand.interval = sim::Seconds{0.7};
    const SiteParameters site = hand.build();
    const Outcome threads = run(site, nullptr);
    CHECK(run(site, gpu::host_space()) == threads);
    if (gpu::has_backend(gpu::Backend::cuda)) {
      CHECK(run(site, gpu::cuda_space()) == threads);
    } else {
      MESSAGE("SKIPPED on a device: ", gpu::missing(gpu::Backend::cuda));
    }
  }
}
