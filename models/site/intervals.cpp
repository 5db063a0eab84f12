#include "models/site/intervals.hpp"

#include <array>
#include <bit>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <utility>

#include "sim/index.hpp"

namespace mw::models {
namespace {

using sim::idx;

/// What figures are made of; the rest of a state is large.
SiteState figures_only(const SiteState& state) {
  SiteState world;
  world.now = state.now;
  world.allocation = state.allocation;
  world.ledger = state.ledger;
  world.totals = state.totals;
  world.feeds = state.feeds;
  world.counts = state.counts;
  world.engines = state.engines;
  world.service_racks = state.service_racks;
  return world;
}

/// Counts of a service if `without` had not been drawn.
PodCounts counts_without(const SiteParameters& site, const SiteState& state, std::int32_t service,
                         std::int32_t without, double stands_for) {
  using Fields = std::array<std::int64_t, sizeof(PodCounts) / sizeof(std::int64_t)>;
  const Cohort& cohort = site.cohort;
  std::array<double, std::tuple_size_v<Fields>> sum{};
  for (std::size_t i = 0; i < cohort.sampled.size(); ++i) {
    if (site.service_of_pod[idx(cohort.sampled[i])] != service ||
        static_cast<std::int32_t>(i) == without)
      continue;
    const double times = cohort.stratum[i] == cohort.stratum[idx(without)] ? stands_for : 1;
    const auto fields = std::bit_cast<Fields>(state.cohort.groups[i]);
    for (std::size_t f = 0; f < sum.size(); ++f) sum[f] += times * static_cast<double>(fields[f]);
  }
  Fields rounded;
  for (std::size_t f = 0; f < sum.size(); ++f) rounded[f] = std::llround(sum[f]);
  return std::bit_cast<PodCounts>(rounded);
}

/// The same for energy and working time, which may have outgrown the counts.
EngineSums engines_without(const SiteParameters& site, const SiteState& state, std::int32_t service,
                           std::int32_t without, double stands_for) {
  const Cohort& cohort = site.cohort;
  double joules = 0, busy = 0;
  for (std::size_t i = 0; i < cohort.sampled.size(); ++i) {
    if (site.service_of_pod[idx(cohort.sampled[i])] != service ||
        static_cast<std::int32_t>(i) == without)
      continue;
    const double times = cohort.stratum[i] == cohort.stratum[idx(without)] ? stands_for : 1;
    joules += times * state.cohort.engines[i].energy.value();
    busy += times * state.cohort.engines[i].busy_s;
  }
  return {ExactEnergy::of_joules(joules), busy};
}

/// Lets the energies of `world` follow its GPUs'.
void follow_gpus(SiteState& world, const SiteState& state, std::int32_t service) {
  double all = 0;
  for (const auto& e : state.engines) all += e.energy.value();
  const double own = state.engines[idx(service)].energy.value();
  const double more = world.engines[idx(service)].energy.value() - own;
  const auto add_to = [&](ExactEnergy& e, double of) {
    if (all > 0) e += ExactEnergy::of_joules(of / all * more);
  };
  add_to(world.ledger[Purpose::decode], state.ledger.meter().value());
  add_to(world.totals.it, state.totals.it.value());
  add_to(world.totals.dc, state.totals.dc.value());
  add_to(world.totals.compute, state.totals.compute.value());
  add_to(world.totals.gpu, state.totals.gpu.value());
  if (all > 0) world.totals.water_m3 *= 1 + more / all;
  ExactEnergy& racks = world.service_racks[idx(service)];
  if (own > 0) racks += ExactEnergy::of_joules(racks.value() * more / own);
}

}  // namespace

std::vector<Metric> with_intervals(const SiteParameters& site, const SiteState& state,
                                   const MetricsOf& metrics_of) {
  std::vector<Metric> all = metrics_of(state, -1);
  const Cohort& cohort = site.cohort;
  if (!cohort.on() || cohort.fluid() || state.now == 0) return all;
  std::vector<double> variance(all.size(), 0), by_freedom(all.size(), 0);
  SiteState world = figures_only(state);
  std::vector<double> pods_of(cohort.sampled.size(), 0);
  for (const std::int32_t leader : cohort.leader) ++pods_of[idx(leader)];
  for (std::size_t h = 0; h < cohort.strata_pods.size(); ++h) {
    std::vector<std::int32_t> members;
    for (std::size_t i = 0; i < cohort.sampled.size(); ++i)
      if (idx(cohort.stratum[i]) == h) members.push_back(static_cast<std::int32_t>(i));
    const auto n = static_cast<double>(members.size());
    const double population = cohort.strata_pods[h];
    if (n >= population) continue;  // all are simulated
    double squared = 0;             // 1 / n, where all members stand for as many
    for (const std::int32_t one : members)
      squared += pods_of[idx(one)] * pods_of[idx(one)] / (population * population);
    const double freedom = 1 / squared - 1;
    const std::int32_t service = site.service_of_pod[idx(cohort.sampled[idx(members[0])])];
    std::vector<std::vector<Metric>> without;
    for (const std::int32_t one : members) {
      world.ledger = state.ledger;
      world.totals = state.totals;
      world.counts = state.counts;
      world.service_racks = state.service_racks;
      world.engines = state.engines;
      const double others = population / (population - pods_of[idx(one)]);
      world.counts[idx(service)] = counts_without(site, state, service, one, others);
      world.engines[idx(service)] = engines_without(site, state, service, one, others);
      follow_gpus(world, state, service);
      without.push_back(metrics_of(world, one));
    }
    for (std::size_t m = 0; m < all.size(); ++m) {
      double mean = 0, squares = 0;
      for (const auto& w : without) mean += w[m].value / n;
      for (const auto& w : without) squares += (w[m].value - mean) * (w[m].value - mean);
      const double part = (1 - n / population) * (n - 1) / n * squares;
      variance[m] += part;
      by_freedom[m] += part * part / freedom;
    }
  }
  for (std::size_t m = 0; m < all.size(); ++m) {
    const double error = std::sqrt(variance[m]);
    // What sampling does not touch moves by rounding at most.
    if (!(error > 1e-9 * std::fabs(all[m].value)) || !(by_freedom[m] > 0)) continue;
    const double freedom = variance[m] * variance[m] / by_freedom[m];
    all[m].half_width = error * boost::math::quantile(boost::math::students_t(freedom), 0.975);
  }
  return all;
}

}  // namespace mw::models
