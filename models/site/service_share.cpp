#include "models/site/service_share.hpp"

#include <limits>

#include "sim/index.hpp"

namespace mw::models {
namespace {

using sim::idx;

/// Racks as a buyer sees them.
struct Holding {
  double design_w = 0, unpriced_w = 0, prices = 0;
  void add(const RackParameters& rack, double racks) {
    const double design = rack.design_power.value.value * racks;
    design_w += design;
    if (rack.price.value.value > 0)
      prices += rack.price.value.value * racks;
    else
      unpriced_w += design;
  }
};

Holding holding_of_site(const SiteParameters& site) {
  Holding all;
  for (const auto& racks : site.racks) all.add(racks.rack, racks.count);
  return all;
}

/// `service` < 0: of all services.
Holding holding_of_service(const SiteParameters& site, const SiteState& state, int service) {
  Holding held;
  for (const auto& g : state.allocation) {
    if (g.use != GpuUse::serving || (service >= 0 && g.service != service)) continue;
    const auto& rack = site.group(g.rack).rack;
    held.add(rack, double(g.gpus) / rack.gpus());
  }
  return held;
}

double yearly_scale(const SiteState& state) {
  const double seconds = sim::to_seconds(state.now);
  return seconds > 0 ? seconds_per_year / seconds : 0;
}

}  // namespace

void book_services(SiteState& state, const SiteParameters& site, const SiteEpoch& epoch) {
  // Energy of each row's GPUs: replicas of a pod count alike, and most rows are as the one before.
  const GpuGroup* as = nullptr;
  double same_nj = 0;
  const auto row_nj = [&](const GpuGroup& g) {
    if (as && as->pod == g.pod && as->gpus == g.gpus) return same_nj;
    const PodCounts& pod = *epoch.seen[idx(g.pod)].counts;
    as = &g;
    same_nj = static_cast<double>(pod.prefill_nj + pod.decode_nj + pod.idle_nj) * g.gpus /
              (static_cast<double>(site.pods[idx(g.pod)].replicas) *
               site.services[idx(g.service)].gpus_per_replica);
    return same_nj;
  };
  std::vector<double> rack_nj(idx(site.rack_count()), 0);
  for (const auto& g : state.allocation)
    if (g.use == GpuUse::serving) rack_nj[idx(g.rack)] += row_nj(g);
  std::vector<double> joules(site.services.size(), 0);
  const double seconds = epoch.seconds();
  std::int32_t rack = -1;
  double of_rack_nj = 0,
         part = 0;  // of the row before: its energy, and the rack's that goes with it
  for (const auto& g : state.allocation) {
    if (g.use != GpuUse::serving || !(rack_nj[idx(g.rack)] > 0)) continue;
    const double nj = row_nj(g);
    if (g.rack != rack || nj != of_rack_nj) {
      rack = g.rack;
      of_rack_nj = nj;
      part = epoch.rack_input[idx(rack)] * seconds * nj / rack_nj[idx(rack)];
    }
    joules[idx(g.service)] += part;
  }
  for (std::size_t s = 0; s < joules.size(); ++s)
    state.service_racks[s] += ExactEnergy::of_joules(joules[s]);
}

double energy_share(const SiteState& state, std::size_t service) {
  double all = 0;
  for (const auto& e : state.service_racks) all += e.value();
  return all > 0 ? state.service_racks[service].value() / all
                 : std::numeric_limits<double>::quiet_NaN();
}

YearOfSite year_of_site(const SiteParameters& site, const SiteState& state) {
  const Holding all = holding_of_site(site);
  const double scale = yearly_scale(state);
  return {.it_design = {all.design_w},
          .it_without_price = {all.unpriced_w},
          .rack_prices = {all.prices},
          .energy = {state.ledger.meter().value() * scale},
          .peak = {state.totals.peak_w},
          .water = {state.totals.water_m3 * scale}};
}

YearOfSite year_of_service(const SiteParameters& site, const SiteState& state,
                           std::size_t service) {
  const Holding all = holding_of_site(site);
  const Holding held = holding_of_service(site, state, -1);
  const Holding own = holding_of_service(site, state, static_cast<int>(service));
  const double part = held.design_w > 0 ? own.design_w / held.design_w : 0;
  const double share = energy_share(state, service);
  YearOfSite year = year_of_site(site, state);
  year.it_design = {all.design_w * part};
  year.it_without_price = {own.unpriced_w + (all.unpriced_w - held.unpriced_w) * part};
  year.rack_prices = {own.prices + (all.prices - held.prices) * part};
  year.energy = year.energy * share;
  year.peak = year.peak * share;
  year.water = year.water * share;
  return year;
}

}  // namespace mw::models
