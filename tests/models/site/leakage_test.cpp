// Warm junctions leak: the site's chips feed back into its GPUs' power.
#include <doctest/doctest.h>

#include <cmath>

#include "models/site/hand_site.hpp"
#include "sim/archive.hpp"

using namespace mw;
using namespace mw::models;
using models::test::HandSite;
using models::test::run_until;

namespace {

/// Leakage of 140 W a GPU at 60 degC, 1.2 % more per kelvin.
SiteParameters leaking(HandSite hand, double supply_c, double kelvin_per_watt = 0.03) {
  SiteParameters site = hand.build();
  for (auto& racks : site.racks) {
    auto& gpu = racks.rack.gpu.value;
    gpu.leakage_share.value = 0.2;
    gpu.leakage_growth.value = 0.012;
    racks.rack.junction_resistance.value = {kelvin_per_watt};
    gpu.reference_temperature.value = sim::temperature_from_degc(60);
  }
  site.cooling.supply = sim::temperature_from_degc(supply_c);
  return site;
}

HandSite limited() {
  HandSite hand;
  hand.policy = PowerPolicy::uniform;
  hand.envelope_w = 39.9e3;
  return hand;
}

SiteState finished(const SiteParameters& site, int threads = 1) {
  SiteState state = initial_site(site);
  run_until(state, site, site.duration, threads);
  return state;
}

}  // namespace

TEST_CASE("Each epoch's GPUs draw what they leak at the junctions of the one before") {
  // The same work on the same site without leakage draws its power less exactly that; and the
  // ledger of every epoch still closes.
  const SiteParameters with = leaking({}, 45);
  const SiteParameters without = HandSite{}.build();
  SiteState a = initial_site(with), b = initial_site(without);
  SiteEpoch one, other;
  sim::ThreadPool pool(1);
  bool warm = false;
  while (a.now < with.duration) {
    double leaks = 0;
    for (int r = 0; r < with.rack_count(); ++r)
      leaks += a.leakage_w[static_cast<std::size_t>(r)] * with.group(r).rack.gpus();
    warm = warm || leaks != 0;
    step_epoch(a, with, pool, one);
    step_epoch(b, without, pool, other);
    CHECK(one.gpu == doctest::Approx(other.gpu + leaks).epsilon(1e-9));
    double sum = 0;
    for (const double w : one.purpose) sum += w;
    CHECK(sum == doctest::Approx(one.meter).epsilon(1e-12));
    for (int r = 0; r < with.rack_count(); ++r) {
      const auto& gpu = with.group(r).rack.gpu.value;
      if (with.group(r).rack.gpus() == 0) continue;
      const double asked =
          leakage_beyond_reference(
              gpu, sim::temperature_from_degc(one.rack_junction_c[static_cast<std::size_t>(r)]))
              .value;
      CHECK(std::fabs(a.leakage_w[static_cast<std::size_t>(r)] - asked) <= 0.5);
    }
  }
  CHECK(warm);
  CHECK(trace_hash(a) == trace_hash(b));  // without a limit the work is the same
}

TEST_CASE("Warm water costs power; under a limit, hot chips cost speed") {
  const SiteState cool = finished(leaking({}, 25)), warm = finished(leaking({}, 45));
  CHECK(warm.totals.gpu.value() > 1.01 * cool.totals.gpu.value());
  // Colder water also costs chillers, which take from the limit; so here the water is the same and
  // the cold plates differ.
  const SiteState good = finished(leaking(limited(), 45, 0.03));
  const SiteState bad = finished(leaking(limited(), 45, 0.09));
  const auto slowed = [](const SiteState& s) {
    std::int64_t n = 0;
    for (const auto& c : s.counts) n += c.capped_iterations;
    return n;
  };
  CHECK(slowed(bad) > slowed(good));
  CHECK(bad.totals.hottest_junction_c > good.totals.hottest_junction_c);
}

TEST_CASE("A site that leaks is the same on any number of threads and across a checkpoint") {
  const SiteParameters site = leaking(limited(), 45);
  const SiteState one = finished(site), three = finished(site, 3);
  CHECK(trace_hash(one) == trace_hash(three));
  CHECK(sim::save(one) == sim::save(three));
  SiteState half = initial_site(site);
  run_until(half, site, site.duration / 2);
  SiteState resumed = half;
  run_until(resumed, site, site.duration);
  CHECK(sim::save(resumed) == sim::save(one));
}
