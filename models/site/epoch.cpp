#include "models/site/epoch.hpp"

#include <algorithm>

#include "models/site/availability.hpp"
#include "models/site/booking.hpp"
#include "models/site/epoch_bins.hpp"
#include "models/site/limits.hpp"
#include "models/site/meter.hpp"
#include "models/site/placing.hpp"
#include "models/site/power_groups.hpp"
#include "models/site/power_turn.hpp"
#include "models/site/rack_switches.hpp"
#include "models/site/rack_watts.hpp"
#include "models/site/service_settings.hpp"
#include "models/site/service_share.hpp"
#include "models/site/thermal.hpp"
#include "models/site/work.hpp"
#include "sim/index.hpp"

namespace mw::models {

using sim::idx;

SiteState initial_site(const SiteParameters& site) {
  SiteState s;
  for (std::size_t i = 0; i < simulated_pods(site); ++i)
    s.pods.push_back(initial_pod(site.pods[simulated_pod(site, i)]));
  s.cohort = initial_cohort(site);
  s.flows = initial_flows(site);
  for (const auto& service : site.services) s.fronts.push_back(initial_front(service.front));
  s.allocation = site.placement;
  for (std::size_t i = 0; i < site.limits.size(); ++i)
    s.limits.push_back(sim::initial_set_point(site.initial_limits[i]));
  s.points.resize(site.points.size());
  s.next_decision = sim::from_seconds(decision_interval(site.control).value);
  s.counts.resize(site.services.size());
  s.engines.resize(site.services.size());
  s.service_racks.resize(site.services.size());
  s.latencies.resize(site.services.size());
  s.lateness.assign(site.services.size(), 0);
  s.leakage_w.assign(idx(site.rack_count()), 0);
  s.feeds = initial_feeds(site.distribution);
  s.rack_feeds = initial_rack_feeds(site);
  s.rack_states.resize(idx(site.rack_count()));
  s.throttle.resize(idx(site.rack_count()));
  for (int r = 0; r < site.rack_count(); ++r)
    s.rack_states[idx(r)].clock_ceiling = site.group(r).most_clock();
  s.next_placement = sim::from_seconds(site.placing.p.interval.value);
  start_switches(s, site);
  start_settings(s, site);
  apply_limits(s, site);
  return s;
}

sim::TraceHash trace_hash(const SiteState& state) {
  std::vector<sim::TraceHash> all;
  for (const auto& pod : state.pods) all.push_back(trace_hash(pod));
  all.push_back(state.control_hash);
  return sim::combine(all);
}

sim::Time next_boundary(const SiteState& state, const SiteParameters& site) {
  sim::Time next = (state.now / site.step + 1) * site.step;
  next = std::min(
      {next, state.next_decision, site.duration,
       next_change(site.events, state.now, sim::from_seconds(site.cooling.loops.takeover.value)),
       next_power_change(state, site)});
  for (const auto& limit : state.limits) next = std::min(next, sim::next_effect(limit));
  next = std::min({next, next_switch(state), next_setting(state)});
  if (site.batch.policy != BatchPolicy::none) next = std::min(next, state.next_batch);
  if (site.placing.on()) next = std::min(next, state.next_placement);
  return next;
}

std::string use_device(SiteEpoch& epoch, const SiteParameters& site,
                       std::unique_ptr<gpu::Space> space, bool required) {
  if (site.cohort.fluid()) return "fluid: there are no requests for a device";
  std::vector<const PodParameters*> pods;
  for (std::size_t i = 0; i < simulated_pods(site); ++i)
    pods.push_back(&site.pods[simulated_pod(site, i)]);
  epoch.device.reset();  // before the space it lies in
  epoch.space = std::move(space);
  epoch.device =
      std::make_unique<FlatPods>(*epoch.space, std::move(pods), FlatOptions{.required = required});
  const std::string notice = epoch.device->notice();
  if (epoch.device->empty()) epoch.device.reset();
  return notice;
}

void fetch_pods(SiteState& state, SiteEpoch& epoch) {
  if (epoch.device) epoch.device->fetch(state.pods);
}

void step_epoch(SiteState& state, const SiteParameters& site, sim::ThreadPool& pool,
                SiteEpoch& epoch) {
  epoch.start = state.now;
  epoch.end = next_boundary(state, site);
  const int bins = bins_of(epoch, site);
  epoch.notes.clear();
  turn_power(state, site, epoch.feeding, nullptr);

  apply_rack_states(state, site, epoch);
  work(state, site, pool, epoch);
  collect_latencies(state, epoch);

  const RackWatts watts = rack_watts(state, site, pool, epoch, bins);
  RackSums mean;
  for (int b = 0; b < bins; ++b)
    mean.add(watts.racks[idx(b)], bin_seconds(epoch, site, b) / epoch.seconds());
  epoch.it = mean.input;
  epoch.gpu = mean.gpu;
  epoch.compute = mean.compute;
  epoch.rack_loss = mean.loss;
  epoch.lighting = site.lighting_w;

  epoch.room_heat = distribute(state, site, epoch, bins);
  const bool plant_is_fed = plant_fed(site.distribution, epoch.feeding);
  cool(state, site, mean, plant_is_fed, epoch);
  if (!plant_is_fed) stop_plant(epoch);
  meter(state, site, epoch, watts.gpu_w, plant_is_fed);
  epoch.stored += mean.stored;
  publish_groups(state, site, epoch, bins);
  publish_placement(state, site, epoch);
  publish_settings(state, site, epoch);
  book(state, site, epoch, mean);
  book_services(state, site, epoch);
  remember(state, site, epoch);

  epoch.capped_share = limit_share(state, site);
  state.now = epoch.end;
  turn_power(state, site, epoch.feeding, &epoch.notes);
  throttle(state, site, epoch);
  move_limits(state, site, epoch, leak(state, site, epoch));
}

}  // namespace mw::models
