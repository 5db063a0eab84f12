// Where the joules and the tokens of a site go. Nothing may appear or vanish.
#include "models/site/ledger.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <numeric>

#include "models/site/hand_site.hpp"
#include "models/site/summary.hpp"

using namespace mw;
using namespace mw::models;
using models::test::HandSite;

namespace {

/// Runs a site to its end and looks at every epoch.
SiteState run_looking(const SiteParameters& site,
                      const std::function<void(const SiteEpoch&)>& look) {
  SiteState state = initial_site(site);
  sim::ThreadPool pool(2);
  SiteEpoch epoch;
  while (state.now < site.duration) {
    step_epoch(state, site, pool, epoch);
    look(epoch);
  }
  return state;
}

double share_off(double a, double b) {
  return std::fabs(a - b) / std::max(std::fabs(a), std::fabs(b));
}

PodCounts all_counts(const SiteState& state) {
  PodCounts sum;
  for (const auto& c : state.counts) add(sum, c);
  return sum;
}

}  // namespace

// meter = racks' inputs + pumps + heat rejection + lighting + losses between meter and racks, and
// the same watts sorted by purpose; the meter is itself the sum over its sub-steps.
TEST_CASE("In every epoch the meter is the sum of what hangs on it, by part and by purpose") {
  const SiteParameters site = HandSite{}.build();
  run_looking(site, [&](const SiteEpoch& e) {
    CHECK(share_off(e.meter, e.it + e.pumping + e.heat_rejection + e.lighting + e.electrical_loss) <
          1e-12);
    CHECK(share_off(e.meter, std::accumulate(e.purpose.begin(), e.purpose.end(), 0.0)) < 1e-12);
    CHECK(share_off(e.it, std::accumulate(e.rack_input.begin(), e.rack_input.end(), 0.0)) < 1e-12);
    CHECK(share_off(e.gpu, std::accumulate(e.rack_gpu.begin(), e.rack_gpu.end(), 0.0)) < 1e-12);
    for (const double watts : e.purpose) CHECK(watts >= 0);
    double joules = 0;
    for (std::size_t b = 0; b < e.meter_bins.size(); ++b)
      joules += e.meter_bins[b] * std::min(0.1, e.seconds() - 0.1 * static_cast<double>(b));
    CHECK(share_off(e.meter * e.seconds(), joules) < 1e-12);
  });
}

TEST_CASE("The ledger's purposes sum to the integral of the meter") {
  const SiteParameters site = HandSite{}.build();
  double integral = 0;
  const SiteState state =
      run_looking(site, [&](const SiteEpoch& e) { integral += e.meter * e.seconds(); });
  CHECK(share_off(state.ledger.meter().value(), integral) < 1e-9);
  // All that this site has is in use, so that no purpose hides behind zeros.
  for (const Purpose p : {Purpose::prefill, Purpose::decode, Purpose::ingest, Purpose::network,
                          Purpose::storage, Purpose::idle, Purpose::conversion, Purpose::pumping,
                          Purpose::heat_rejection, Purpose::lighting})
    CHECK_MESSAGE(state.ledger[p].value() > 0, enum_names(p)[static_cast<std::size_t>(p)]);
}

// Compute racks that are GPUs and nothing else have nothing to apportion: what the ledger books on
// prefill and decode is the engines' energy, to the nanojoule, and idle is theirs and that of the
// GPUs nobody uses (eight of them at 100 W).
TEST_CASE("The engines' nanojoules enter the ledger as the integers they are") {
  HandSite hand;
  hand.bare_racks = true;
  const SiteParameters site = hand.build();
  const SiteState state = run_looking(site, [](const SiteEpoch&) {});
  const PodCounts sum = all_counts(state);
  CHECK(state.ledger[Purpose::prefill] == ExactEnergy::of_nj(sum.prefill_nj));
  CHECK(state.ledger[Purpose::decode] == ExactEnergy::of_nj(sum.decode_nj));
  ExactEnergy idle = ExactEnergy::of_nj(sum.idle_nj);
  idle += {static_cast<std::int64_t>(8 * HandSite::gpu_idle_w * sim::to_seconds(site.duration)), 0};
  CHECK(state.ledger[Purpose::idle] == idle);
  CHECK(sum.prefill_nj > 0);
  CHECK(sum.idle_nj > 0);
}

TEST_CASE("All GPUs' energy is that of the engines and of the idle ones, in dressed racks too") {
  const SiteParameters site = HandSite{}.build();
  std::int64_t epochs = 0;
  const SiteState state = run_looking(site, [&](const SiteEpoch&) { ++epochs; });
  const PodCounts sum = all_counts(state);
  ExactEnergy engines = ExactEnergy::of_nj(sum.prefill_nj + sum.decode_nj + sum.idle_nj);
  engines += ExactEnergy::of_joules(8 * HandSite::gpu_idle_w * sim::to_seconds(site.duration));
  ExactEnergy off = state.totals.gpu;
  off -= engines;
  CHECK(std::fabs(off.value()) < 1e-9 * engines.value());
}

// First law (T42). The plant takes up the racks' input, which is all heat, the losses of the IT
// branch, and the work of its own pumps and fans inside; it gives that off by dry coolers, trim and
// air side, or says what it could not. What is left of the meter's watts becomes heat where it is
// spent: plant outdoors, lights, CDU electronics, and the losses of the other stages.
TEST_CASE("T42: all electric power ends as heat") {
  for (const double rate : {1.0, 150.0}) {
    HandSite hand;
    hand.chat_rate = rate;
    const SiteParameters site = hand.build();
    run_looking(site, [&](const SiteEpoch& e) {
      const CoolingPower& c = e.cooling;
      const double taken_up =
          e.it + e.room_heat + c.tcs_pump + c.fws_pump + c.crah_fan + c.air_pump;
      const double given_off = c.rejected_heat + c.reuse_heat + c.trim_heat + c.air_free_heat +
                               c.air_chiller_heat + c.unmet_air_heat;
      CHECK(share_off(taken_up, given_off) < 1e-9);
      const double on_the_spot = c.cdu + c.rejection_fan + c.trim + c.air_chiller + c.air_free_fan +
                                 e.lighting + (e.electrical_loss - e.room_heat);
      CHECK(share_off(e.meter, given_off + on_the_spot) < 1e-9);
    });
  }
}

TEST_CASE("The rooms' heat is the loss of the IT branch alone") {
  HandSite hand;
  hand.chat_rate = hand.batch_rate = 1e-6;  // nothing happens: every sub-step is alike
  hand.duration = sim::second;
  const SiteParameters site = hand.build();
  run_looking(site, [&](const SiteEpoch& e) {
    // Stages 1 and 2 of the four: busway, then UPS before it.
    const auto& law = site.distribution;
    const double busway = converter_loss(law.stages[2].loss, law.nodes[2].sharing, e.it);
    const double ups = converter_loss(law.stages[1].loss, law.nodes[1].sharing, e.it + busway);
    CHECK(share_off(e.room_heat, busway + ups) < 1e-12);
  });
}

TEST_CASE("Requests and tokens balance: nothing asked for is lost from the books") {
  const SiteParameters site = HandSite{}.build();
  const SiteState state = run_looking(site, [](const SiteEpoch&) {});
  for (std::size_t s = 0; s < 2; ++s) {
    const PodCounts& c = state.counts[s];
    CHECK(c.arrivals == c.completed + c.refused + c.running + c.waiting);
    CHECK(c.arrivals > 20);
    CHECK(c.completed > 10);
    CHECK(c.arrivals == state.fronts[s].made);
  }
  const PodCounts sum = all_counts(state);
  const auto ledger = token_ledger(state);
  CHECK(std::accumulate(ledger.begin(), ledger.end(), std::int64_t{0}) ==
        sum.arrived_output_tokens);
  for (const std::int64_t tokens : ledger) CHECK(tokens >= 0);
  // The load is such that the causes it can have do occur.
  CHECK(sum.refused > 0);
  CHECK(sum.preemptions > 0);
  CHECK(ledger[static_cast<std::size_t>(TokenOutcome::good)] > 0);
  CHECK(ledger[static_cast<std::size_t>(TokenOutcome::kv_memory)] > 0);
  CHECK(ledger[static_cast<std::size_t>(TokenOutcome::queue)] > 0);
  CHECK(ledger[static_cast<std::size_t>(TokenOutcome::in_flight)] > 0);
  CHECK(ledger[static_cast<std::size_t>(TokenOutcome::cap)] == 0);  // nobody capped it
}

TEST_CASE("The summary's headline figures follow from the books") {
  const SiteParameters site = HandSite{}.build();
  double highest = 0;
  const SiteState state =
      run_looking(site, [&](const SiteEpoch& e) { highest = std::max(highest, e.peak_meter); });
  const PodCounts sum = all_counts(state);
  const auto m = site_metrics(site, state);
  const double seconds = sim::to_seconds(site.duration), meter = state.ledger.meter().value();
  const double tokens = static_cast<double>(sum.output_tokens);
  CHECK(value_of(m, "simulated") == seconds);
  CHECK(value_of(m, "j_per_token") == doctest::Approx(meter / tokens).epsilon(1e-12));
  CHECK(value_of(m, "tokens_per_s_per_mw") ==
        doctest::Approx(tokens / (meter * 1e-6)).epsilon(1e-12));
  CHECK(value_of(m, "pue") == doctest::Approx(meter / state.totals.it.value()).epsilon(1e-12));
  CHECK(value_of(m, "pue") > 1);
  CHECK(value_of(m, "tue") > value_of(m, "pue"));
  CHECK(value_of(m, "peak_power_mw") == doctest::Approx(highest * 1e-6).epsilon(1e-12));
  CHECK(value_of(m, "energy_mwh") == doctest::Approx(meter / 3.6e9).epsilon(1e-12));
  CHECK_THROWS(value_of(m, "envelope_mw"));  // no envelope, no figures about it
}

TEST_CASE("At the start every figure is there, and those without meaning are not a number") {
  HandSite hand;
  hand.envelope_w = 40e3;
  const SiteParameters site = hand.build();
  const SiteState state = initial_site(site);
  const auto at_start = site_metrics(site, state);
  SiteState later = state;
  models::test::run_until(later, site, 2 * sim::second);
  const auto after = site_metrics(site, later);
  REQUIRE(at_start.size() == after.size());
  for (std::size_t i = 0; i < after.size(); ++i) {
    CHECK(at_start[i].name == after[i].name);
    CHECK_MESSAGE(std::isfinite(after[i].value), after[i].name);
  }
  CHECK(std::isnan(value_of(at_start, "j_per_token")));
  CHECK(std::isnan(value_of(at_start, "pue")));
}

// A rack's hosts (600 W without work), switches (150 W) and auxiliaries (50 W) stand by for GPUs
// that have no work: the free GPUs' share of them is idle however hard the others work.
TEST_CASE("What stands by for idle GPUs is booked as idle") {
  const SiteParameters site = HandSite{}.build();
  double free_gpus = 0;
  for (const auto& g : site.placement)
    if (g.use == GpuUse::free) free_gpus += g.gpus;
  REQUIRE(free_gpus > 0);
  const double standing_by = free_gpus * HandSite::gpu_idle_w + free_gpus / 8 * (600 + 150 + 50);
  run_looking(site, [&](const SiteEpoch& e) {
    CHECK(e.purpose[static_cast<std::size_t>(Purpose::idle)] >= standing_by);
  });

  HandSite quiet;
  quiet.chat_rate = quiet.batch_rate = 1e-6;
  run_looking(quiet.build(), [&](const SiteEpoch& e) {
    CHECK(e.purpose[static_cast<std::size_t>(Purpose::prefill)] == 0);
    CHECK(e.purpose[static_cast<std::size_t>(Purpose::decode)] == 0);
  });
}
