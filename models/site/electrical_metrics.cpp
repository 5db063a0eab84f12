#include "models/site/electrical_metrics.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "models/cooling/metrics.hpp"
#include "sim/index.hpp"

namespace mw::models {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

double energy(const SiteState& state, std::initializer_list<Purpose> purposes_of) {
  double sum = 0;
  for (const Purpose p : purposes_of) sum += state.ledger[p].value();
  return sum;
}

/// Energy delivered by the stages with batteries nearest the racks; NaN without such.
double behind_batteries(const Distribution& law, const SiteState& state) {
  int last = -1;
  for (const DistributionNode& node : law.nodes)
    if (node.battery.capacity > 0) last = std::max(last, static_cast<int>(node.stage));
  if (last < 0) return nan;
  double sum = 0;
  for (std::size_t n = 0; n < law.nodes.size(); ++n)
    if (law.nodes[n].stage == last) sum += state.feeds[n].output_j;
  return sum;
}

}  // namespace

void add_electrical_metrics(std::vector<Metric>& m, const SiteParameters& site,
                            const SiteState& state) {
  const Distribution& law = site.distribution;
  const double used = state.ledger.meter().value() + state.totals.generated.value() -
                      state.ledger[Purpose::stored].value();
  const double it = state.totals.it.value();
  const auto share = [&](double part) { return it > 0 ? partial_pue(it, part) : nan; };
  double lost = 0;
  int opened = 0;
  sim::Time overloaded = 0;
  for (const FeedNodeState& node : state.feeds) {
    lost += node.loss_j;
    opened += node.opened;
    overloaded = std::max(overloaded, node.overloaded);
  }
  const double ups = behind_batteries(law, state);
  if (!std::isnan(ups))
    m.push_back({"pue_category_1", ups > 0 ? power_usage_effectiveness(used, ups) : nan, "1",
                 "Energy at the meter over energy behind the UPSs (ISO/IEC 30134-2, category 1)"});
  m.push_back({"ppue_electrical", share(lost), "1",
               "Energy at the racks and losses of the electrical chain over the former"});
  m.push_back({"ppue_cooling", share(energy(state, {Purpose::pumping, Purpose::heat_rejection})),
               "1", "Energy at the racks and of the cooling plant over the former"});
  double design_it = 0;
  for (const SiteRacks& racks : site.racks)
    design_it += racks.rack.design_power.value.value * racks.count;
  m.push_back({"dpue", design_it > 0 ? site.design_meter_w / design_it : nan, "1",
               "Design power at the meter over the racks' design power"});
  m.push_back({"electrical_loss_mwh", lost / 3.6e9, "MWh",
               "Energy lost between the meter and the racks, pumps and fans"});
  // The stage nearest the meter: everything passes it, so nothing is counted twice.
  double usable = 0, design = 0, peak = 0;
  for (std::size_t n = 0; n < law.nodes.size() && law.nodes[n].stage == law.nodes[0].stage; ++n) {
    usable += carries_continuously(law.nodes[n]);
    design += law.nodes[n].design;
    peak += state.feeds[n].peak_w;
  }
  m.push_back({"stranded_power_mw", (usable - peak) * 1e-6, "MW",
               "What the first stage may carry beyond the highest sub-step of the run"});
  m.push_back({"stranded_design_mw", (usable - design) * 1e-6, "MW",
               "What it may carry beyond design power; negative: oversubscribed"});
  m.push_back({"longest_overload_s", sim::to_seconds(overloaded), "s",
               "Time that the worst node of the electrical tree carried more than it may"});
  m.push_back({"dark_rack_hours", state.totals.dark_rack_s / 3600, "h",
               "Racks x hours without power, until they had restarted"});
  m.push_back({"generated_mwh", state.totals.generated.value() / 3.6e9, "MWh",
               "Energy of the site's own generators, which no meter of the utility saw"});
  m.push_back({"breakers_opened", static_cast<double>(opened), "1", "Breakers that opened"});
}

}  // namespace mw::models
