#include "models/site/power_groups.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "models/site/availability.hpp"
#include "models/site/epoch.hpp"
#include "models/site/epoch_bins.hpp"
#include "models/site/placing.hpp"
#include "models/site/rack_switches.hpp"
#include "models/site/service_settings.hpp"
#include "sim/index.hpp"

namespace mw::models {
namespace {

using sim::idx;

std::int32_t simulated_or_leader(const SiteParameters& site, std::int32_t pod) {
  return site.cohort.on() ? site.cohort.sampled[idx(site.cohort.leader[idx(pod)])] : pod;
}

std::int32_t add_limit(SiteParameters& site, const std::string& object, const SiteRacks& racks) {
  const GpuParameters& gpu = racks.rack.gpu.value;
  site.limited.push_back({0, gpu.tdp.value.value});
  site.limits.push_back({.object = object,
                         .quantity = "gpu_power_limit",
                         .unit = "W",
                         .min = std::min(gpu.min_power_limit.value.value, racks.most_gpu_limit_w()),
                         .max = racks.most_gpu_limit_w(),
                         .quantum = 1,
                         .latency = site.control.actuation});
  site.measured_rows.push_back(-1);
  site.steered_racks.push_back(-1);
  site.steered.service.push_back(-1);
  return static_cast<std::int32_t>(site.limits.size()) - 1;
}

void limits_by_rack(SiteParameters& site) {
  std::vector<std::int32_t> of_rack(idx(site.rack_count()), -1);
  for (int r = 0; r < site.rack_count(); ++r) {
    const auto& group = site.group(r);
    if (group.rack.gpus() == 0 || group.measured) continue;
    of_rack[idx(r)] =
        add_limit(site, fmt::format("rack/{}-{}", group.name, r - group.first), group);
    site.limited.back().gpus = group.rack.gpus();
    site.steered_racks.back() = r;
  }
  // A rack counts as the service's that has most of its GPUs.
  std::vector<std::map<std::int32_t, std::int32_t>> gpus(site.limits.size());
  for (const auto& row : site.placement) {
    const std::int32_t i = of_rack[idx(row.rack)];
    site.limit_of_row.push_back(i);
    if (i >= 0 && row.use == GpuUse::serving) gpus[idx(i)][row.service] += row.gpus;
  }
  for (std::size_t i = 0; i < gpus.size(); ++i) {
    std::int32_t most = 0;
    for (const auto& [service, count] : gpus[i])
      if (count > most) {
        most = count;
        site.steered.service[i] = service;
      }
  }
}

void limits_by_replica(SiteParameters& site) {
  std::map<std::pair<std::int32_t, std::int32_t>, std::int32_t> of_replica;  // in a cohort
  std::vector<int> rows_of_rack(idx(site.rack_count()), 0);
  for (std::size_t row = 0; row < site.placement.size(); ++row) {
    const auto& g = site.placement[row];
    const auto& racks = site.group(g.rack);
    const int place = rows_of_rack[idx(g.rack)]++;
    if (racks.rack.gpus() == 0 || racks.measured) {
      site.limit_of_row.push_back(-1);
      continue;
    }
    std::int32_t i = -1;
    if (site.cohort.on() && g.use == GpuUse::serving) {
      const std::int32_t pod = simulated_or_leader(site, g.pod);
      auto [at, fresh] = of_replica.try_emplace({pod, g.replica}, -1);
      if (fresh)
        at->second = add_limit(site,
                               fmt::format("service/{}/pod-{}/replica-{}",
                                           site.services[idx(g.service)].name, pod, g.replica),
                               racks);
      i = at->second;
      if (g.pod == pod) site.measured_rows[idx(i)] = static_cast<std::int32_t>(row);
    } else {
      i = add_limit(site, fmt::format("rack/{}-{}/{}", racks.name, g.rack - racks.first, place),
                    racks);
      site.measured_rows[idx(i)] = static_cast<std::int32_t>(row);
    }
    site.limited[idx(i)].gpus += g.gpus;
    site.steered_racks[idx(i)] = g.rack;
    if (g.use == GpuUse::serving) site.steered.service[idx(i)] = g.service;
    site.limit_of_row.push_back(i);
  }
}

/// The electrical tree as power domains: domain n + 1 is its node n, with what it may carry for
/// hours as budget. Nodes without racks, and all of them in a cohort, whose groups lie in many
/// racks, have none.
void add_domains(SiteParameters& site) {
  site.budgets_w = {site.envelope_w};
  site.steered.domain_per_gpu_watt = {site.control.meter_per_gpu_watt};
  if (!law_of(site.control.policy) || site.cohort.on()) return;
  for (const DistributionNode& node : site.distribution.nodes) {
    site.steered.tree.parent.push_back(node.parent + 1);
    site.budgets_w.push_back(node.racks > 0 ? carries_continuously(node)
                                            : std::numeric_limits<double>::infinity());
    // Behind nodes that feed all, the plant follows the GPUs too.
    site.steered.domain_per_gpu_watt.push_back(site.distribution.stage_of(node).feeds == Feeds::all
                                                   ? site.control.meter_per_gpu_watt
                                                   : site.control.node_per_gpu_watt);
  }
}
bool has_domains(const SiteParameters& site) {
  return site.budgets_w.size() > 1;
}

std::int32_t domain_of_rack(const SiteParameters& site, std::int32_t rack) {
  return has_domains(site) ? site.distribution.node_of_rack[idx(rack)] + 1 : 0;
}

/// Sums over the racks below each node; `of_rack` W.
template <typename OfRack>
std::vector<double> sum_by_domain(const SiteParameters& site, OfRack of_rack) {
  std::vector<double> sums(site.budgets_w.size(), 0);
  for (int r = 0; r < site.rack_count(); ++r) sums[idx(domain_of_rack(site, r))] += of_rack(r);
  for (std::size_t v = sums.size(); v-- > 1;) sums[idx(site.steered.tree.parent[v])] += sums[v];
  return sums;
}

/// Before the first reading the controller knows the site by its design: all GPUs at rated power,
/// and the meter that goes with it.
void set_initial_limits(SiteParameters& site) {
  double rated_w = 0;
  for (const auto& g : site.limited) rated_w += g.gpus * g.rated_w;
  for (const auto& limit : site.limits) site.initial_limits.push_back(limit.max);
  if (rated_w <= 0) return;
  if (law_of(site.control.policy)) {
    const std::vector<double> gpus = sum_by_domain(site, [&](int r) {
      const auto& group = site.group(r);
      return group.measured ? 0 : group.rack.gpus() * group.rack.gpu.value.tdp.value.value;
    });
    std::vector<DomainReading> design{{site.design_meter_w, rated_w, true}};
    for (std::size_t v = 1; v < site.budgets_w.size(); ++v)
      design.push_back({site.distribution.nodes[v - 1].design, gpus[v], true});
    InitialLimits initial =
        initial_steered_limits(site.control, site.steered, site.budgets_w, design, site.limits);
    site.initial_limits = std::move(initial.w);
    site.initial_switches = std::move(initial.switches);
  } else if (site.control.policy == PowerPolicy::uniform && std::isfinite(site.envelope_w)) {
    const double share =
        uniform_share(site.control, site.envelope_w, site.design_meter_w, rated_w, rated_w);
    for (std::size_t i = 0; i < site.limits.size(); ++i)
      site.initial_limits[i] = std::clamp(std::floor(share * site.limited[i].rated_w),
                                          site.limits[i].min, site.limits[i].max);
  }
}

void wire_points(SiteParameters& site) {
  const sim::Seconds interval = decision_interval(site.control);
  const auto point = [&](const std::string& object, const char* quantity, const char* unit,
                         sim::Seconds period, int history) {
    site.points.push_back({.object = object,
                           .quantity = quantity,
                           .unit = unit,
                           .period = period,
                           .window = period,
                           .latency = site.control.meter_latency,
                           .history = history});
  };
  point("site", "meter_power", "W", interval, 1);
  point("site", "gpu_power", "W", interval, 1);
  const PolicyLaw* law = law_of(site.control.policy);
  if (!law && !site.control.how.oracle) return;
  if (has_domains(site)) {
    site.domain_points = site.points.size();
    for (std::size_t n = 0; n < site.distribution.nodes.size(); ++n) {
      const std::string name = "node/" + site.distribution.name_of(n);
      point(name, "power", "W", interval, 1);
      point(name, "gpu_power", "W", interval, 1);
    }
  }
  if (site.control.how.oracle || law->telemetry) {
    site.group_points = site.points.size();
    const int samples = site.control.how.samples;
    for (const auto& limit : site.limits)
      point(limit.object, "gpu_power", "W", {interval.value / samples}, samples);
  }
  if (law && law->ranks) {
    site.service_points = site.points.size();
    for (const auto& service : site.services) {
      point("service/" + service.name, "lateness", "1", interval, 1);
      point("service/" + service.name, "revenue_per_joule", "USD/J", interval, 1);
    }
  }
}

/// Output tokens a second of one GPU against its power, by service: what its pods complete at most
/// under limits between the least and the most, for requests of the mean length.
void trace_capacity(SiteParameters& site) {
  if (!site.control.how.oracle) return;
  for (const SiteService& service : site.services) {
    const PodParameters& pod = site.pods[idx(service.first_pod)];
    const FlowRequest request = flow_request(service.front, pod);
    const double gpus = service.gpus_per_replica;
    double least = 0, most = 0;
    for (std::size_t row = 0; row < site.placement.size() && most <= 0; ++row)
      if (site.placement[row].use == GpuUse::serving &&
          site.placement[row].pod == service.first_pod && site.limit_of_row[row] >= 0) {
        const auto& range = site.limits[idx(site.limit_of_row[row])];
        least = range.min;
        most = range.max;
      }
    constexpr int samples = 32;
    std::vector<CapacityCurve::Point> points;
    for (int i = 0; i <= samples; ++i) {
      const double w = least + (most - least) * i / samples;
      const SteadyPod steady = steady_pod(pod, request, 1, std::llround(w * gpus * 1e3));
      points.push_back({w, steady.capacity * request.output / (pod.replicas * gpus)});
    }
    site.capacity.push_back(upper_envelope(points));
  }
}

/// W of the GPUs behind a set-point in a sub-step.
double drawn_w(const SiteState& state, const SiteParameters& site, const SiteEpoch& epoch,
               std::size_t i, int bins, int bin) {
  const GpuGroup& row = state.allocation[idx(site.measured_rows[i])];
  const double gpus = site.limited[i].gpus;
  if (is_off(epoch, row.rack)) return 0;
  const double leakage = state.leakage_w[idx(row.rack)] * gpus;
  if (is_stranded(epoch, row)) return site.group(row.rack).idle_gpu_w() * gpus + leakage;
  if (row.use == GpuUse::free) return site.group(row.rack).free_gpu_w() * gpus + leakage;
  const auto service = idx(site.service_of_pod[idx(row.pod)]);
  const std::int64_t* energy = epoch.seen[idx(row.pod)].energy_nj + idx(row.replica) * idx(bins);
  const double joules = static_cast<double>(energy[bin]) * 1e-9;
  return joules / bin_seconds(epoch, site, bin) * gpus / site.services[service].gpus_per_replica +
         leakage;
}

double usd_per_joule(const SiteService& service, const PodCounts& counts) {
  const double joules =
      static_cast<double>(counts.prefill_nj + counts.decode_nj + counts.idle_nj) * 1e-9;
  const double usd = token_revenue(service.price, {static_cast<double>(counts.prompt_tokens)},
                                   {static_cast<double>(counts.output_tokens)})
                         .value;
  return joules > 0 ? usd / joules : 0;
}

}  // namespace

double lateness_of(const Latencies& seen, const Slo& slo) {
  constexpr double quantile = 0.95;
  double late = 0;
  if (slo.ttft && slo.ttft->value > 0) late = seen.ttft.quantile(quantile) / slo.ttft->value;
  if (slo.tpot && slo.tpot->value > 0)
    late = std::max(late, seen.tpot.quantile(quantile) / slo.tpot->value);
  return late;
}

double envelope_at(const SiteParameters& site, sim::Time now) {
  return envelope_under(site.events, now, site.envelope_w);
}

std::string control_refusal(const SiteParameters& site) {
  const PolicyLaw* law = law_of(site.control.policy);
  if (!law || !site.cohort.on()) return {};
  if (site.control.policy == PowerPolicy::slo)
    return "reads the latencies of every interval, which a cohort does not tell";
  if (law->telemetry && site.control.how.groups == LimitGroups::rack)
    return "would move racks apart whose pods all follow a few; write `groups: replica` there";
  return {};
}

void wire_control(SiteParameters& site) {
  if (site.control.how.groups == LimitGroups::rack)
    limits_by_rack(site);
  else
    limits_by_replica(site);
  add_domains(site);
  for (const auto& service : site.services) site.steered.given_rank.push_back(service.power_rank);
  for (std::size_t i = 0; i < site.limits.size(); ++i) {
    const std::int32_t gpus = site.limited[i].gpus;
    site.steered.devices.push_back(gpus);
    const std::int32_t domain = has_domains(site) ? domain_of_rack(site, site.steered_racks[i]) : 0;
    site.steered.tree.groups.push_back(
        {domain, milliwatts(gpus * site.limits[i].min), milliwatts(gpus * site.limits[i].max)});
  }
  wire_switches(site);
  for (const auto& limit : site.limits) site.steered.group_names.push_back(limit.object);
  for (const auto& service : site.services) site.steered.service_names.push_back(service.name);
  set_initial_limits(site);
  wire_points(site);
  trace_capacity(site);
  wire_placement(site);
  wire_settings(site);
}

void publish_groups(SiteState& state, const SiteParameters& site, const SiteEpoch& epoch,
                    int bins) {
  const auto put = [&](std::size_t point, sim::Time until, double value) {
    sim::record(state.points[point], site.points[point],
                {site.seed, static_cast<std::uint32_t>(point)}, until, value);
  };
  const auto bin_end = [&](int b) {
    return std::min(epoch.end, epoch.start + (b + 1) * site.sub_step);
  };
  if (site.domain_points > 0)
    for (int b = 0; b < bins; ++b) {
      const std::vector<double> gpus = sum_by_domain(site, [&](int r) {
        return site.group(r).measured ? 0 : epoch.gpu_bins[idx(r) * idx(bins) + idx(b)];
      });
      const std::size_t nodes = site.distribution.nodes.size();
      for (std::size_t n = 0; n < nodes; ++n) {
        const double* paths = &epoch.flow.output[2 * (idx(b) * nodes + n)];
        put(site.domain_points + 2 * n, bin_end(b), paths[0] + paths[1]);
        put(site.domain_points + 2 * n + 1, bin_end(b), gpus[n + 1]);
      }
    }
  if (site.group_points > 0) {
    if (site.control.how.groups == LimitGroups::rack) {
      for (std::size_t i = 0; i < site.limits.size(); ++i) {
        const double* drawn = &epoch.gpu_bins[idx(site.steered_racks[i]) * idx(bins)];
        for (int b = 0; b < bins; ++b) put(site.group_points + i, bin_end(b), drawn[b]);
      }
    } else {
      for (std::size_t i = 0; i < site.limits.size(); ++i)
        for (int b = 0; b < bins; ++b)
          put(site.group_points + i, bin_end(b), drawn_w(state, site, epoch, i, bins, b));
    }
  }
  if (site.service_points > 0)
    for (std::size_t s = 0; s < site.services.size(); ++s) {
      const std::size_t first = site.service_points + s * points_of_service;
      const Slo& slo = site.pods[idx(site.services[s].first_pod)].slo;
      const double late = s < epoch.latencies.size() ? lateness_of(epoch.latencies[s], slo) : 0;
      if (late > 0) state.lateness[s] = late;
      put(first + lateness_point, epoch.end, state.lateness[s]);
      put(first + value_point, epoch.end, usd_per_joule(site.services[s], epoch.services[s]));
    }
}

double group_draw_w(const SiteState& state, const SiteParameters& site, const SiteEpoch& epoch,
                    std::size_t group) {
  if (site.control.how.groups == LimitGroups::rack)
    return epoch.rack_gpu[idx(site.steered_racks[group])];
  const int bins = bins_of(epoch, site);
  double joules = 0;
  for (int b = 0; b < bins; ++b)
    joules += drawn_w(state, site, epoch, group, bins, b) * bin_seconds(epoch, site, b);
  return joules / epoch.seconds();
}

PowerView read_power(const SiteState& state, const SiteParameters& site) {
  const auto reading = [&](std::size_t point, int back = 0) {
    return sim::read(state.points[point], site.points[point], state.now, back);
  };
  const auto known = [](const sim::PointSample& s) { return s.quality != sim::Quality::missing; };
  const auto domain = [&](const sim::PointSample& power, const sim::PointSample& gpus) {
    return DomainReading{power.value, gpus.value, known(power) && known(gpus)};
  };
  PowerView seen;
  seen.meter = {reading(meter_point), reading(gpu_point)};
  seen.budgets_w = site.budgets_w;
  seen.budgets_w[0] = envelope_at(site, state.now);
  seen.domains = {domain(seen.meter.meter, seen.meter.gpus)};
  for (std::size_t v = 1; v < site.budgets_w.size(); ++v) {
    const std::size_t first = site.domain_points + 2 * (v - 1);
    seen.domains.push_back(domain(reading(first), reading(first + 1)));
  }
  seen.groups.resize(site.limits.size());
  if (site.group_points > 0)
    for (std::size_t i = 0; i < seen.groups.size(); ++i) {
      GroupReading& group = seen.groups[i];
      for (int back = 0; back < site.control.how.samples; ++back) {
        const sim::PointSample sample = reading(site.group_points + i, back);
        if (!known(sample)) break;
        group.drawn = std::max(group.drawn, milliwatts(sample.value));
        group.known = true;
      }
      group.limit = milliwatts(state.limits[i].effective * site.limited[i].gpus);
    }
  seen.services.resize(site.services.size());
  if (site.service_points > 0)
    for (std::size_t s = 0; s < seen.services.size(); ++s) {
      const std::size_t first = site.service_points + s * points_of_service;
      seen.services[s] = {reading(first + lateness_point).value,
                          reading(first + value_point).value};
    }
  return seen;
}

void judge(SiteState& state, const SiteParameters& site, const PowerView& seen) {
  if (!seen.domains[0].known) return;
  const auto& control = site.control;
  std::vector<Milliwatts> rooms = state.steering.rooms;
  if (rooms.empty())
    for (std::size_t v = 0; v < seen.domains.size(); ++v)
      rooms.push_back(std::isfinite(seen.budgets_w[v])
                          ? milliwatts(room_w(seen.budgets_w[v], control.guard_band,
                                              site.steered.domain_per_gpu_watt[v], seen.domains[v]))
                          : unlimited);
  std::vector<OracleGroup> groups(site.limits.size());
  double offered = 0;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    const std::int32_t s = site.steered.service[i];
    const GroupReading& r = seen.groups[i];
    const bool at_limit =
        static_cast<double>(r.drawn) >= control.how.at_limit * static_cast<double>(r.limit);
    groups[i] = {s < 0 ? nullptr : &site.capacity[idx(s)], site.limited[i].gpus,
                 at_limit || !r.known ? site.steered.tree.groups[i].most : r.drawn};
    offered +=
        offered_capacity(groups[i], milliwatts(state.limits[i].requested * site.limited[i].gpus));
  }
  state.totals.offered_capacity += offered;
  state.totals.best_capacity += best_capacity(site.steered.tree, rooms, groups);
}

}  // namespace mw::models
