#include "models/site/meter.hpp"

#include <algorithm>

#include "models/site/epoch_bins.hpp"
#include "sim/index.hpp"

namespace mw::models {

using sim::idx;

double room_heat(const SiteParameters& site, const SiteEpoch& epoch,
                 std::span<const RackSums> racks) {
  double heat = 0;
  for (int b = 0; b < static_cast<int>(racks.size()); ++b) {
    const ElectricalPower it_only = electrical_step(site.electrical_law, racks[idx(b)].input, 0);
    for (int i = 0; i < site.electrical_law.count; ++i)
      if (site.electrical_law.stages[i].feeds == Feeds::it)
        heat += it_only.loss[i] * bin_seconds(epoch, site, b) / epoch.seconds();
  }
  return heat;
}

void meter(SiteState& state, const SiteParameters& site, SiteEpoch& epoch,
           std::span<const RackSums> racks, std::span<const double> gpu_w) {
  const int bins = static_cast<int>(racks.size());
  epoch.meter_bins.assign(idx(bins), 0);
  epoch.meter = epoch.electrical_loss = epoch.peak_meter = 0;
  bool overloaded = false;
  for (int b = 0; b < bins; ++b) {
    const ElectricalPower electrical = electrical_step(site.electrical_law, racks[idx(b)].input,
                                                       epoch.cooling.total() + epoch.lighting);
    const double seconds = bin_seconds(epoch, site, b);
    const double weight = seconds / epoch.seconds();
    epoch.meter_bins[idx(b)] = electrical.meter;
    epoch.meter += electrical.meter * weight;
    epoch.electrical_loss += electrical.loss_total * weight;
    epoch.peak_meter = std::max(epoch.peak_meter, electrical.meter);
    overloaded = overloaded || electrical.overloaded;
    const sim::Time bin_end = std::min(epoch.end, epoch.start + (b + 1) * site.sub_step);
    if (electrical.meter > site.envelope_w) {
      state.totals.above_limit += bin_end - (epoch.start + b * site.sub_step);
      state.totals.excess_w = std::max(state.totals.excess_w, electrical.meter - site.envelope_w);
    }
    sim::record(state.points[meter_point], site.points[meter_point], {site.seed, meter_point},
                bin_end, electrical.meter);
    sim::record(state.points[gpu_point], site.points[gpu_point], {site.seed, gpu_point}, bin_end,
                gpu_w[idx(b)]);
  }
  state.totals.peak_w = std::max(state.totals.peak_w, epoch.peak_meter);
  if (overloaded) ++state.totals.overloaded_epochs;
}

}  // namespace mw::models
