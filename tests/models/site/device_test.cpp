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
/// `gives_up`: whether the space fills up on the way.
Outcome run(const SiteParameters& site, std::unique_ptr<gpu::Space> space, bool gives_up = false) {
  SiteState state = initial_site(site);
  SiteEpoch epoch;
  if (space) {
    const std::string notice = use_device(epoch, site, std::move(space));
    CHECK(notice.find("4 of 4 pods") != std::string::npos);
  }
  const bool somewhere = epoch.device != nullptr;
  sim::ThreadPool pool(2);
  Outcome outcome;
  for (int k = 0; state.now < site.duration; ++k) {
    step_epoch(state, site, pool, epoch);
    outcome.meter.push_back(epoch.meter);
    if (k == 7) fetch_pods(state, epoch);
    if (k == 0) CHECK((epoch.device != nullptr) == somewhere);
  }
  CHECK((somewhere && !epoch.device) == gives_up);
  CHECK(epoch.notice.empty() == !gives_up);
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

// Memory that holds the pods and what the first epochs bring, but not the rush that comes after:
// they go on on the processor, from the state they had. Where the user asked for the device, it is
// said.
TEST_CASE("a device that is full in the midst of a run gives the pods back") {
  HandSite hand;
  hand.chat_rate = 3000;  // more wait with each second, and take memory
  const SiteParameters site = hand.build();
  const Outcome threads = run(site, nullptr);
  std::int64_t most = 0, least = INT64_MAX;  // bytes after the first epoch and at the end
  {
    SiteState state = initial_site(site);
    SiteEpoch epoch;
    constexpr std::int64_t all = std::int64_t{1} << 32;
    use_device(epoch, site, gpu::host_space(all));
    sim::ThreadPool pool(1);
    while (state.now < site.duration) {
      step_epoch(state, site, pool, epoch);
      most = std::max(most, all - epoch.space->free_bytes());
      least = std::min(least, all - epoch.space->free_bytes());
    }
  }
  REQUIRE(most > least + least / 10);
  const std::int64_t room = (most + least) / 2;
  CHECK(run(site, gpu::host_space(room), true) == threads);

  SiteState state = initial_site(site);
  SiteEpoch epoch;
  use_device(epoch, site, gpu::host_space(room), true);
  sim::ThreadPool pool(1);
  const auto all_of_it = [&] {
    while (state.now < site.duration) step_epoch(state, site, pool, epoch);
  };
  CHECK_THROWS_AS(all_of_it(), gpu::NoRoom);
}

TEST_CASE("a device that can take no pod is none") {
  SiteParameters site = HandSite{}.build();
  for (auto& pod : site.pods) pod.keep_records = true;
  SiteEpoch epoch;
  CHECK(use_device(epoch, site, gpu::host_space()).find("0 of 4 pods") != std::string::npos);
  CHECK_FALSE(epoch.device);
}
