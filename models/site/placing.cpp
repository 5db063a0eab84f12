#include "models/site/placing.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "models/inference/host_work.hpp"
#include "models/inference/steady.hpp"
#include "models/site/availability.hpp"
#include "models/site/power_groups.hpp"
#include "sim/index.hpp"

namespace mw::models {
namespace {

using sim::idx;

enum PlacementPoint : std::uint32_t { rate_point, late_point, points_of_placed };

/// Requests/s that a replica completes at most, for requests of the mean length, with a running
/// request's time per token within what is promised.
double capacity_of_replica(const PodParameters& pod, const FrontParameters& front,
                           std::int64_t limit_mw) {
  const FlowRequest request = flow_request(front, pod);
  const double most = steady_pod(pod, request, 1, limit_mw).capacity;
  double low = 0, high = most;
  if (pod.slo.tpot) {
    const auto in_time = [&](double rate) {
      return steady_pod(pod, request, rate, limit_mw).per_token <= pod.slo.tpot->value;
    };
    constexpr int halvings = 20;
    if (!in_time(high))
      for (int i = 0; i < halvings; ++i) {
        const double middle = 0.5 * (low + high);
        (in_time(middle) ? low : high) = middle;
      }
  }
  return (pod.slo.tpot && low > 0 ? low : high) / pod.replicas;
}

/// Racks joined by replicas; jobs that train, GPUs with a load of their own and racks whose power
/// is replayed stay in service.
std::vector<PlacementUnit> units_of(const SiteParameters& site) {
  const auto n = idx(site.rack_count());
  std::vector<std::int32_t> root(n);
  std::iota(root.begin(), root.end(), 0);
  const auto find = [&](std::int32_t r) {
    while (root[idx(r)] != r) r = root[idx(r)];
    return r;
  };
  std::map<std::pair<std::int32_t, std::int32_t>, std::int32_t> first_rack;  // of a replica
  std::vector<char> stays(n, 1);
  for (const std::int32_t r : site.switch_racks) stays[idx(r)] = site.group(r).load > 0 ? 1 : 0;
  for (const GpuGroup& g : site.placement) {
    if (g.use == GpuUse::training) stays[idx(g.rack)] = 1;
    if (g.use != GpuUse::serving) continue;
    const auto [at, fresh] = first_rack.try_emplace({g.pod, g.replica}, g.rack);
    if (fresh) continue;
    const std::int32_t a = find(at->second), b = find(g.rack);
    root[idx(std::max(a, b))] = std::min(a, b);
  }
  std::vector<std::int32_t> unit_of(n, -1);
  for (std::size_t r = 0; r < n; ++r)
    if (stays[r]) unit_of[idx(find(static_cast<std::int32_t>(r)))] = -2;
  std::vector<PlacementUnit> units;
  for (std::size_t b = 0; b < site.switch_racks.size(); ++b) {
    const std::int32_t r = site.switch_racks[b];
    std::int32_t& unit = unit_of[idx(find(r))];
    if (unit == -2) continue;
    if (unit < 0) {
      unit = static_cast<std::int32_t>(units.size());
      units.emplace_back();
    }
    units[idx(unit)].racks.push_back(static_cast<std::int32_t>(b));
    units[idx(unit)].groups.push_back(site.group_of_rack[idx(r)]);
  }
  for (const GpuGroup& g : site.placement) {
    if (g.use != GpuUse::serving || g.part > 0) continue;
    const std::int32_t unit = unit_of[idx(find(g.rack))];
    if (unit < 0) continue;
    auto& holds = units[idx(unit)].holds;
    const auto at = std::find_if(holds.begin(), holds.end(),
                                 [&](const auto& share) { return share.service == g.service; });
    if (at == holds.end())
      holds.push_back({g.service, 1});
    else
      ++at->replicas;
  }
  for (auto& unit : units)
    std::sort(unit.holds.begin(), unit.holds.end(),
              [](const auto& a, const auto& b) { return a.service < b.service; });
  return units;
}

/// What the plant draws for a watt of heat, from liquid and from air.
struct HeatCost {
  double liquid = 0, air = 0;
};
HeatCost heat_cost(const SiteEpoch& epoch) {
  const CoolingPower& c = epoch.cooling;
  double liquid = 0, air = epoch.room_heat;
  for (std::size_t r = 0; r < epoch.rack_input.size(); ++r) {
    liquid += epoch.rack_liquid[r];
    air += epoch.rack_input[r] - epoch.rack_liquid[r];
  }
  const auto over = [](double w, double heat) { return heat > 1 ? w / heat : 0; };
  return {over(c.tcs_pump + c.fws_pump + c.cdu + c.rejection_fan + c.trim, liquid),
          over(c.crah_fan + c.air_pump + c.air_chiller + c.air_free_fan, air)};
}

/// W at the meter for a W of the GPUs of such a rack, all of them at their highest limit; losses
/// ahead of the racks are the same for all and left out.
double meter_per_gpu_watt(const SiteParameters& site, const SiteRacks& racks,
                          const HeatCost& cost) {
  const double gpu_w = racks.most_gpu_limit_w() * racks.rack.gpus();
  const RackPower p =
      rack_step(racks.law, {.gpu_w = gpu_w,
                            .host_load = host_load_of(racks.law.host_polling, 1, 0),
                            .inlet_c = sim::to_degc(site.cooling.air.supply.value)});
  return (p.input + cost.liquid * p.liquid_heat + cost.air * p.air_heat) / gpu_w;
}

}  // namespace

void wire_placement(SiteParameters& site) {
  PlacementLaw& law = site.placing;
  if (!law.on()) return;
  law.units = units_of(site);
  for (const SiteService& service : site.services) {
    const PodParameters& pod = site.pods[idx(service.first_pod)];
    double most = 0;  // W of a GPU
    for (std::size_t row = 0; row < site.placement.size() && most <= 0; ++row)
      if (site.placement[row].use == GpuUse::serving &&
          site.placement[row].pod == service.first_pod && site.limit_of_row[row] >= 0)
        most = site.limits[idx(site.limit_of_row[row])].max;
    law.capacity.push_back(capacity_of_replica(
        pod, service.front, std::llround(most * service.gpus_per_replica * 1e3)));
    law.replicas.push_back(service.replicas);
    for (int p = 0; p < service.pods; ++p) site.pods[idx(service.first_pod + p)].may_drain = true;
  }
  site.placement_points = site.points.size();
  const auto point = [&](const std::string& object, const char* quantity, const char* unit,
                         int history) {
    site.points.push_back({.object = object,
                           .quantity = quantity,
                           .unit = unit,
                           .period = law.p.interval,
                           .window = law.p.interval,
                           .history = history});
  };
  for (const auto& service : site.services) {
    point("service/" + service.name, "arrival_rate", "1/s", law.p.samples);
    point("service/" + service.name, "lateness", "1", 1);
  }
  for (const auto& racks : site.racks) point("racks/" + racks.name, "meter_per_gpu_watt", "1", 1);
}

void publish_placement(SiteState& state, const SiteParameters& site, const SiteEpoch& epoch) {
  if (!site.placing.on()) return;
  const auto put = [&](std::size_t point, double value) {
    sim::record(state.points[point], site.points[point],
                {site.seed, static_cast<std::uint32_t>(point)}, epoch.end, value);
  };
  std::size_t at = site.placement_points;
  for (std::size_t s = 0; s < site.services.size(); ++s, at += points_of_placed) {
    put(at + rate_point, static_cast<double>(epoch.services[s].arrivals) / epoch.seconds());
    const Slo& slo = site.pods[idx(site.services[s].first_pod)].slo;
    const double late = s < epoch.latencies.size() ? lateness_of(epoch.latencies[s], slo) : 0;
    if (late > 0) state.lateness[s] = late;
    put(at + late_point, state.lateness[s]);
  }
  const HeatCost cost = heat_cost(epoch);
  for (std::size_t g = 0; g < site.racks.size(); ++g)
    put(at + g, site.racks[g].rack.gpus() > 0 ? meter_per_gpu_watt(site, site.racks[g], cost) : 0);
}

void place(SiteState& state, const SiteParameters& site) {
  const PlacementLaw& law = site.placing;
  if (!law.on() || state.now < state.next_placement) return;
  state.next_placement += sim::from_seconds(law.p.interval.value);
  const auto reading = [&](std::size_t point, int back = 0) {
    return sim::read(state.points[point], site.points[point], state.now, back);
  };
  std::vector<PlacedService> services(site.services.size());
  std::size_t at = site.placement_points;
  for (std::size_t s = 0; s < services.size(); ++s, at += points_of_placed) {
    for (int back = 0; back < law.p.samples; ++back) {
      const sim::PointSample sample = reading(at + rate_point, back);
      if (sample.quality == sim::Quality::missing) break;
      services[s].rate = std::max(services[s].rate, sample.value);
      services[s].known = true;
    }
    services[s].lateness = reading(at + late_point).value;
  }
  std::vector<double> cost;
  std::vector<std::uint8_t> working;
  for (const PlacementUnit& unit : law.units) {
    double sum = 0;
    for (const std::int32_t g : unit.groups) sum += reading(at + idx(g)).value;
    cost.push_back(sum / static_cast<double>(unit.groups.size()));
    working.push_back(std::all_of(unit.racks.begin(), unit.racks.end(), [&](std::int32_t b) {
      return state.rack_states[idx(site.switch_racks[idx(b)])].on();
    }));
  }
  place_step(law, {services, cost, working}, state.placing, state.now);
  for (std::size_t u = 0; u < law.units.size(); ++u)
    for (const std::int32_t b : law.units[u].racks) {
      const double value = state.placing.units[u].in ? 0 : 1;
      if (value != state.parked[idx(b)].requested)
        sim::request(state.parked[idx(b)], site.switch_law, state.now, value);
    }
}

}  // namespace mw::models
