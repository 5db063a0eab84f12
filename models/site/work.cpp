#include "models/site/work.hpp"

#include <utility>

#include "gpu/launch.hpp"
#include "sim/index.hpp"

namespace mw::models {
namespace {

using sim::idx;

/// Index of the i-th simulated pod among those of its service.
std::vector<std::size_t> places_in_service(const SiteParameters& site) {
  std::vector<std::size_t> places(simulated_pods(site));
  for (std::size_t i = 0; i < places.size(); ++i) {
    const bool first = i == 0 || site.service_of_pod[simulated_pod(site, i)] !=
                                     site.service_of_pod[simulated_pod(site, i - 1)];
    places[i] = first ? 0 : places[i - 1] + 1;
  }
  return places;
}

/// The epoch's requests, by pod; unsorted yet, because pods are sorted by their own threads.
void make_requests(SiteState& state, const SiteParameters& site, sim::ThreadPool& pool,
                   SiteEpoch& epoch) {
  epoch.fronts.resize(site.services.size());
  std::vector<std::pair<std::size_t, std::size_t>> parts;  // of all services
  for (std::size_t s = 0; s < site.services.size(); ++s) {
    epoch.fronts[s].begin(state.fronts[s], site.services[s].front, epoch.end);
    for (std::size_t part = 0; part < epoch.fronts[s].parts(); ++part) parts.push_back({s, part});
  }
  pool.for_each(parts.size(),
                [&](std::size_t i) { epoch.fronts[parts[i].first].draw(parts[i].second); });
  pool.for_each(site.services.size(), [&](std::size_t s) { epoch.fronts[s].split(); });
}

/// Requests of the epoch to their pods, then all pods to its end.
void run_pods(SiteState& state, const SiteParameters& site, sim::ThreadPool& pool,
              SiteEpoch& epoch) {
  make_requests(state, site, pool, epoch);
  const std::size_t simulated = simulated_pods(site);
  epoch.pods.resize(simulated);
  const std::vector<std::size_t> place = places_in_service(site);
  const auto parameters_of = [&](std::size_t i) -> const PodParameters& {
    return site.pods[simulated_pod(site, i)];
  };
  const auto service_of = [&](std::size_t i) {
    return idx(site.service_of_pod[simulated_pod(site, i)]);
  };
  const auto arrivals_of = [&](std::size_t i) {
    return epoch.fronts[service_of(i)].arrivals()[place[i]];
  };
  epoch.counted.resize(static_cast<std::size_t>(pool.threads()));
  for (auto& thread : epoch.counted) thread.resize(site.services.size());
  const auto advance_pod = [&](PodState& pod, std::size_t i, std::size_t thread) {
    const auto s = service_of(i);
    epoch.fronts[s].sort(place[i]);
    const bool elsewhere = epoch.device && epoch.device->takes(i);
    epoch.pods[i].latencies =
        site.cohort.on() ? &state.cohort.latencies[i] : &epoch.counted[elsewhere ? 0 : thread][s];
    begin_epoch(epoch.pods[i], parameters_of(i).replicas, epoch.start, epoch.end, site.sub_step);
    if (!elsewhere) advance(pod, parameters_of(i), arrivals_of(i), epoch.end, epoch.pods[i]);
  };
  // What a pod will cost: what reaches it now and what its last epoch, still in the books, took.
  std::vector<std::int64_t> cost(simulated);
  for (std::size_t i = 0; i < simulated; ++i)
    cost[i] = expected_work(parameters_of(i), epoch.pods[i].counts, arrivals_of(i).size());
  gpu::launch_by_cost(pool, std::span(state.pods), std::span<const std::int64_t>(cost),
                      advance_pod);
  if (epoch.device) {
    std::vector<std::span<const Arrival>> arrivals;
    for (std::size_t i = 0; i < simulated; ++i) arrivals.push_back(arrivals_of(i));
    epoch.device->advance(state.pods, arrivals, epoch.end, epoch.pods);
    if (!epoch.device->given_up().empty()) {
      epoch.notice = epoch.device->given_up() + "; pods go on on the processor";
      epoch.device.reset();
    }
  }
}

}  // namespace

void work(SiteState& state, const SiteParameters& site, sim::ThreadPool& pool, SiteEpoch& epoch) {
  if (site.cohort.fluid())
    flow_pods(state, site, epoch);
  else
    run_pods(state, site, pool, epoch);
  see_pods(state, site, epoch);
  epoch.services.assign(site.services.size(), {});
  for (std::size_t p = 0; p < site.pods.size(); ++p)
    add(epoch.services[idx(site.service_of_pod[p])], *epoch.seen[p].counts);
}

/// Which thread counted what depends on chance, their sums do not: they are of integers.
void collect_latencies(SiteState& state, SiteEpoch& epoch) {
  epoch.latencies.resize(state.latencies.size());
  for (std::size_t s = 0; s < state.latencies.size(); ++s) {
    clear(epoch.latencies[s]);
    for (auto& thread : epoch.counted) {
      merge(epoch.latencies[s], thread[s]);
      clear(thread[s]);
    }
    merge(state.latencies[s], epoch.latencies[s]);
  }
}

}  // namespace mw::models
