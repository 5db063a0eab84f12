#include "models/site/meter.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "models/site/epoch_bins.hpp"
#include "sim/index.hpp"

namespace mw::models {
namespace {

/// What the site's own generators carry, W.
double generators_w(const SiteParameters& site) {
  const auto& generator = site.electrical.generator;
  return generator && generator->rating ? generator->rating->value : site.design_meter_w;
}

}  // namespace

using sim::idx;

double distribute(SiteState& state, const SiteParameters& site, SiteEpoch& epoch, int bins) {
  const Distribution& law = site.distribution;
  epoch.flow.begin(law, bins);
  double heat = 0;
  add_racks(law, epoch.feeding, epoch.flow, bins, epoch.rack_bins);
  for (int b = 0; b < bins; ++b) {
    const double seconds = bin_seconds(epoch, site, b);
    const double lost = flow_it(law, state.feeds, epoch.feeding, epoch.flow, b, seconds);
    heat += lost * seconds / epoch.seconds();
  }
  return heat;
}

void meter(SiteState& state, const SiteParameters& site, SiteEpoch& epoch,
           std::span<const double> gpu_w, bool plant_is_fed) {
  const Distribution& law = site.distribution;
  const std::size_t nodes = law.nodes.size();
  const int bins = static_cast<int>(gpu_w.size());
  epoch.meter_bins.assign(idx(bins), 0);
  epoch.meter = epoch.electrical_loss = epoch.peak_meter = epoch.stored = epoch.generated = 0;
  bool overloaded = false;
  const double envelope = envelope_under(site.events, epoch.start, site.envelope_w);
  const double plant = plant_is_fed ? epoch.cooling.total() + epoch.lighting : 0;
  for (int b = 0; b < bins; ++b) {
    const double seconds = bin_seconds(epoch, site, b);
    flow_rest(law, state.feeds, epoch.feeding, epoch.flow, b, plant, seconds);
    double lost = 0;
    for (std::size_t n = 0; n < nodes; ++n) lost += epoch.flow.lost[idx(b) * nodes + n];
    const double at_head = epoch.flow.meter[idx(b)];
    const double at_meter = state.supply.on_generator ? 0 : at_head;
    const double weight = seconds / epoch.seconds();
    epoch.meter_bins[idx(b)] = at_meter;
    epoch.meter += at_meter * weight;
    epoch.generated += (at_head - at_meter) * weight;
    epoch.stored += epoch.flow.stored[idx(b)] * weight;
    epoch.electrical_loss += lost * weight;
    epoch.peak_meter = std::max(epoch.peak_meter, at_meter);
    const sim::Time begin = epoch.start + b * site.sub_step;
    const sim::Time end = std::min(epoch.end, begin + site.sub_step);
    const bool over = watch(law, state.feeds, epoch.feeding, epoch.flow, b,
                            sim::to_seconds(begin - epoch.start), end - begin);
    overloaded = overloaded || over || (state.supply.on_generator && at_head > generators_w(site));
    if (at_meter > envelope) {
      state.totals.above_limit += end - begin;
      state.totals.excess_w = std::max(state.totals.excess_w, at_meter - envelope);
    }
    sim::record(state.points[meter_point], site.points[meter_point], {site.seed, meter_point}, end,
                at_meter);
    sim::record(state.points[gpu_point], site.points[gpu_point], {site.seed, gpu_point}, end,
                gpu_w[idx(b)]);
  }
  state.totals.peak_w = std::max(state.totals.peak_w, epoch.peak_meter);
  for (const Opened& o : epoch.flow.opened)
    epoch.notes.push_back(
        {epoch.start + sim::from_seconds(o.after_s), "breaker_opened", law.name_of(o.node),
         fmt::format("path {} at {:.2f} of its rated current", o.path == 0 ? 'a' : 'b', o.load)});
  if (overloaded) ++state.totals.overloaded_epochs;
}

}  // namespace mw::models
