#include "models/site/epoch.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "gpu/launch.hpp"
#include "models/cooling/chip.hpp"
#include "models/inference/host_work.hpp"
#include "models/site/service_share.hpp"
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

double bin_seconds(const SiteEpoch& epoch, const SiteParameters& site, int bin) {
  const sim::Time from = epoch.start + bin * site.sub_step;
  return sim::to_seconds(std::min(epoch.end, from + site.sub_step) - from);
}

int bins_of(const SiteEpoch& epoch, const SiteParameters& site) {
  return static_cast<int>((epoch.end - epoch.start + site.sub_step - 1) / site.sub_step);
}

/// Where the state of a pod stands; -1: it is not simulated.
std::int32_t state_of_pod(const SiteParameters& site, std::int32_t pod) {
  if (!site.cohort.on()) return pod;
  const std::int32_t leader = site.cohort.leader[idx(pod)];
  return site.cohort.sampled[idx(leader)] == pod ? leader : -1;
}

/// A replica's limit is the sum over its GPUs, whichever racks they are in, less what leaks there
/// beyond its tables: engines know their GPUs at the reference temperature. One whose GPUs are all
/// at rated power has no limit: the GPUs' own law keeps them there already.
void apply_limits(SiteState& state, const SiteParameters& site) {
  std::vector<double> limit(idx(site.rack_count()), 0), rated(idx(site.rack_count()), 0);
  for (std::size_t i = 0; i < site.limits.size(); ++i) {
    limit[idx(site.rack_of_limit[i])] = state.limits[i].effective;
    rated[idx(site.rack_of_limit[i])] = site.limited[i].rated_w;
  }
  std::vector<std::vector<double>> below(state.pods.size());  // W under rated, by replica
  for (std::size_t p = 0; p < state.pods.size(); ++p) {
    below[p].assign(state.pods[p].replicas.size(), 0);
    for (auto& replica : state.pods[p].replicas) replica.power_limit_mw = 0;
  }
  for (const auto& g : state.allocation) {
    if (g.use != GpuUse::serving) continue;
    const std::int32_t pod = state_of_pod(site, g.pod);
    if (pod < 0) continue;  // follows one that has limits
    state.pods[idx(pod)].replicas[idx(g.replica)].power_limit_mw +=
        std::llround((limit[idx(g.rack)] - state.leakage_w[idx(g.rack)]) * g.gpus * 1000);
    below[idx(pod)][idx(g.replica)] += (rated[idx(g.rack)] - limit[idx(g.rack)]) * g.gpus;
  }
  for (std::size_t p = 0; p < state.pods.size(); ++p)
    for (std::size_t r = 0; r < below[p].size(); ++r)
      if (below[p][r] <= 0) state.pods[p].replicas[r].power_limit_mw = no_power_limit;
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
  }
}

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

/// GPU power of each rack on the sub-grid: a sum over the allocation table.
void gpu_watts(const SiteState& state, const SiteParameters& site, sim::ThreadPool& pool,
               SiteEpoch& epoch, int bins) {
  epoch.gpu_bins.assign(idx(site.rack_count()) * idx(bins), 0);
  std::vector<double> seconds;
  for (int b = 0; b < bins; ++b) seconds.push_back(bin_seconds(epoch, site, b));
  const auto add_row = [&](const GpuGroup& g) {
    double* row = &epoch.gpu_bins[idx(g.rack) * idx(bins)];
    const double leakage = state.leakage_w[idx(g.rack)] * g.gpus;
    for (int b = 0; b < bins; ++b) row[b] += leakage;
    if (g.use == GpuUse::free) {
      const double free = site.group(g.rack).free_gpu_w() * g.gpus;
      for (int b = 0; b < bins; ++b) row[b] += free;
      return;
    }
    const auto service = idx(site.service_of_pod[idx(g.pod)]);
    const double share = static_cast<double>(g.gpus) / site.services[service].gpus_per_replica;
    const std::int64_t* energy = epoch.seen[idx(g.pod)].energy_nj + idx(g.replica) * idx(bins);
    for (int b = 0; b < bins; ++b)
      row[b] += share * static_cast<double>(energy[b]) * 1e-9 / seconds[idx(b)];
  };
  // Rows are in the order of racks, so pieces that end where a rack does share no sum.
  constexpr std::size_t rows_of_piece = 2048;
  std::vector<std::size_t> begin{0};
  const auto& rows = state.allocation;
  for (std::size_t i = 1; i <= rows.size(); ++i)
    if (i == rows.size() || (rows[i].rack != rows[i - 1].rack && i - begin.back() >= rows_of_piece))
      begin.push_back(i);
  pool.for_each(begin.size() - 1, [&](std::size_t piece) {
    for (std::size_t i = begin[piece]; i < begin[piece + 1]; ++i) add_row(rows[i]);
  });
}

/// What each rack's hosts and network do, as a mean over the epoch.
struct RackWork {
  // By rack.
  std::vector<double> busy;       // share of GPU-time in which engines ran iterations
  std::vector<double> host_load;  // see host_load_of()
  std::vector<double> byte_rate;  // B/s
};
RackWork rack_work(const SiteState& state, const SiteParameters& site, const SiteEpoch& epoch) {
  const std::vector<double> none(idx(site.rack_count()), 0);
  RackWork w{none, none, none};
  const double seconds = epoch.seconds();
  struct PodWork {
    double busy, work, gpus;
  };
  std::vector<PodWork> of(site.pods.size());
  for (std::size_t p = 0; p < of.size(); ++p) {
    const auto& pod = site.pods[p];
    const auto& counts = *epoch.seen[p].counts;
    const double replica_seconds = seconds * pod.replicas;
    of[p].busy = std::min(static_cast<double>(counts.busy_ps) * 1e-12 / replica_seconds, 1.0);
    of[p].work = host_work(pod.table->linear, counts, replica_seconds);
    of[p].gpus = pod.replicas * site.services[idx(site.service_of_pod[p])].gpus_per_replica;
  }
  for (const auto& g : state.allocation) {
    if (g.use == GpuUse::free) {
      const auto& racks = site.group(g.rack);
      w.host_load[idx(g.rack)] += racks.load * g.gpus / racks.rack.gpus();
    }
    if (g.use != GpuUse::serving) continue;
    const auto& counts = *epoch.seen[idx(g.pod)].counts;
    const auto& racks = site.group(g.rack);
    const double share = static_cast<double>(g.gpus) / racks.rack.gpus();
    const auto [busy, work, pod_gpus] = of[idx(g.pod)];
    w.busy[idx(g.rack)] += share * busy;
    w.host_load[idx(g.rack)] += share * host_load_of(racks.law.host_polling, busy, work);
    // A pod's tokens come and go through the network cards of the racks that hold it.
    w.byte_rate[idx(g.rack)] +=
        static_cast<double>(counts.arrived_prompt_tokens + counts.output_tokens) *
        site.bytes_per_token / seconds * g.gpus / pod_gpus;
  }
  int movers = 0;
  for (const auto& racks : site.racks)
    if (racks.rack.kind == RackKind::network || racks.rack.kind == RackKind::storage)
      movers += racks.count;
  double tokens = 0;
  for (const auto& s : epoch.services)
    tokens += static_cast<double>(s.arrived_prompt_tokens + s.output_tokens);
  for (int r = 0; r < site.rack_count(); ++r) {
    const RackKind kind = site.group(r).rack.kind;
    if (kind == RackKind::network || kind == RackKind::storage)
      w.byte_rate[idx(r)] = tokens * site.bytes_per_token / seconds / movers;
  }
  return w;
}

/// Sums over racks of one sub-step, W, or (weighted with time) of the epoch.
struct RackSums {
  double input = 0, dc = 0, gpu = 0, loss = 0, liquid_heat = 0, air_heat = 0;
  double compute = 0;  // GPUs and hosts of compute racks
  // What compute racks hold beside GPUs (hosts, link switches, fans, auxiliaries), by whether it
  // served GPUs that worked or stood by for idle ones.
  double beside_working = 0, beside_idle = 0;
  double network = 0, storage = 0, cpu = 0;  // such racks without their converters' losses
  double measured = 0;                       // the same of racks whose power was measured

  void add(const RackSums& o, double weight) {
    input += o.input * weight;
    dc += o.dc * weight;
    gpu += o.gpu * weight;
    loss += o.loss * weight;
    liquid_heat += o.liquid_heat * weight;
    air_heat += o.air_heat * weight;
    compute += o.compute * weight;
    beside_working += o.beside_working * weight;
    beside_idle += o.beside_idle * weight;
    network += o.network * weight;
    storage += o.storage * weight;
    cpu += o.cpu * weight;
    measured += o.measured * weight;
  }
};
void add_rack(RackSums& sums, const SiteRacks& racks, double busy, double leakage,
              const RackPower& p) {
  const double loss = p.tray_loss + p.busbar_loss + p.shelf_loss;
  sums.input += p.input;
  sums.dc += p.dc;
  sums.gpu += p.gpu;
  sums.loss += loss;
  sums.liquid_heat += p.liquid_heat;
  sums.air_heat += p.air_heat;
  if (racks.measured) {
    sums.measured += p.input - loss;
    if (racks.rack.kind == RackKind::compute) sums.compute += p.gpu + p.host;
    return;
  }
  switch (racks.rack.kind) {
    case RackKind::compute: {
      // The load-dependent host power belongs to the work that caused it, the rest to GPU-time.
      const double for_work = p.host - racks.law.host_idle;
      const double always = racks.law.host_idle + p.link_switches + p.fan + p.auxiliary + leakage;
      sums.compute += p.gpu + p.host;
      sums.beside_working += for_work + always * busy;
      sums.beside_idle += always * (1 - busy);
      break;
    }
    case RackKind::network:
      sums.network += p.input - loss;
      break;
    case RackKind::storage:
      sums.storage += p.input - loss;
      break;
    case RackKind::cpu:
      sums.cpu += p.input - loss;
      break;
  }
}

/// Power of the measured series on the sub-grid, and the laws of the racks that drew it, by group.
std::vector<MeasuredRackLaw> measured_watts(const SiteParameters& site, SiteEpoch& epoch, int bins,
                                            double inlet_c) {
  std::vector<MeasuredRackLaw> laws(site.measured ? site.racks.size() : 0);
  if (!site.measured) return laws;
  for (std::size_t g = 0; g < laws.size(); ++g)
    if (site.racks[g].measured) laws[g] = make_measured_rack(site.racks[g].rack, inlet_c);
  const std::size_t series = site.measured->series();
  epoch.measured.resize(idx(bins) * series);
  const double from = static_cast<double>(site.start.unix_ns) * 1e-9;
  for (int b = 0; b < bins; ++b) {
    const double begin = from + sim::to_seconds(epoch.start + b * site.sub_step);
    site.measured->mean(begin, begin + bin_seconds(epoch, site, b),
                        std::span(epoch.measured).subspan(idx(b) * series, series));
  }
  return laws;
}

/// Rack powers of every sub-step; fills the per-rack means and gpu_w of the epoch.
std::vector<RackSums> rack_watts(const SiteState& state, const SiteParameters& site,
                                 sim::ThreadPool& pool, SiteEpoch& epoch, int bins,
                                 std::vector<double>& gpu_w) {
  const RackWork doing = rack_work(state, site, epoch);
  const double inlet_c = sim::to_degc(site.cooling.air.supply.value);
  const std::vector<MeasuredRackLaw> laws = measured_watts(site, epoch, bins, inlet_c);
  const std::size_t series = site.measured ? site.measured->series() : 0;
  epoch.rack_input.assign(idx(site.rack_count()), 0);
  epoch.rack_gpu.assign(idx(site.rack_count()), 0);
  std::vector<double> weights;
  for (int b = 0; b < bins; ++b) weights.push_back(bin_seconds(epoch, site, b) / epoch.seconds());
  const auto measured_input = [&](int r, int b) {
    const MeasuredRack& from = site.measured_racks[idx(r)];
    return from.share * epoch.measured[idx(b) * series + idx(from.series)];
  };
  const auto add_to = [&](std::vector<RackSums>& sums, std::vector<double>& gpus, int r) {
    const auto& racks = site.group(r);
    for (int b = 0; b < bins; ++b) {
      const RackPower p =
          racks.measured
              ? measured_rack(laws[idx(site.group_of_rack[idx(r)])], measured_input(r, b))
              : rack_step(racks.law, {.gpu_w = epoch.gpu_bins[idx(r) * idx(bins) + idx(b)],
                                      .host_load = doing.host_load[idx(r)],
                                      .byte_rate = doing.byte_rate[idx(r)],
                                      .inlet_c = inlet_c});
      add_rack(sums[idx(b)], racks, doing.busy[idx(r)], state.leakage_w[idx(r)] * racks.rack.gpus(),
               p);
      const double weight = weights[idx(b)];
      epoch.rack_input[idx(r)] += p.input * weight;
      epoch.rack_gpu[idx(r)] += p.gpu * weight;
      // What controllers see: GPUs whose power they can move.
      if (!racks.measured) gpus[idx(b)] += p.gpu;
    }
  };
  // Sums are made in the order of racks, or block by block: the blocks, not the threads, decide
  // what is added to what.
  const int of_block = site.cohort.on() ? 64 : std::max(site.rack_count(), 1);
  const auto blocks = idx((site.rack_count() + of_block - 1) / of_block);
  std::vector<std::vector<RackSums>> sums(blocks);
  std::vector<std::vector<double>> gpus(blocks);
  pool.for_each(blocks, [&](std::size_t block) {
    sums[block].resize(idx(bins));
    gpus[block].assign(idx(bins), 0);
    const int first = static_cast<int>(block) * of_block;
    for (int r = first; r < std::min(first + of_block, site.rack_count()); ++r)
      add_to(sums[block], gpus[block], r);
  });
  std::vector<RackSums> sum(idx(bins));
  gpu_w.assign(idx(bins), 0);
  for (std::size_t block = 0; block < blocks; ++block)
    for (int b = 0; b < bins; ++b) {
      sum[idx(b)].add(sums[block][idx(b)], 1);
      gpu_w[idx(b)] += gpus[block][idx(b)];
    }
  return sum;
}

void chip_temperatures(const SiteParameters& site, SiteEpoch& epoch) {
  const double rise = epoch.cooling.tcs_return - epoch.cooling.tcs_supply;
  const double air_supply = sim::to_degc(site.cooling.air.supply.value);
  epoch.rack_junction_c.assign(idx(site.rack_count()), std::nan(""));
  epoch.hottest_junction_c = -sim::zero_celsius_in_kelvin;
  for (int r = 0; r < site.rack_count(); ++r) {
    const auto& rack = site.group(r).rack;
    if (rack.gpus() == 0) continue;
    const bool liquid = rack.liquid_fraction.value > 0;
    const sim::Temperature supply =
        sim::temperature_from_degc(liquid ? epoch.cooling.tcs_supply : air_supply);
    const sim::TemperatureDifference through{liquid ? rise : site.cooling.air.air_rise.value.value};
    const sim::Temperature t = junction_temperature(
        supply, through, {epoch.rack_gpu[idx(r)] / rack.gpus()}, rack.junction_resistance.value);
    epoch.rack_junction_c[idx(r)] = sim::to_degc(t);
    epoch.hottest_junction_c = std::max(epoch.hottest_junction_c, sim::to_degc(t));
  }
}

/// What one GPU of each rack leaks in the next epoch, from its junction in this one: whole watts,
/// so that limits need not move with every ripple. Says whether any changed.
bool leak(SiteState& state, const SiteParameters& site, const SiteEpoch& epoch) {
  bool changed = false;
  for (int r = 0; r < site.rack_count(); ++r) {
    const auto& rack = site.group(r).rack;
    if (rack.gpus() == 0 || site.group(r).measured) continue;  // leakage was measured too
    const double watts =
        std::floor(leakage_beyond_reference(
                       rack.gpu.value, sim::temperature_from_degc(epoch.rack_junction_c[idx(r)]))
                       .value +
                   0.5);
    changed = changed || watts != state.leakage_w[idx(r)];
    state.leakage_w[idx(r)] = watts;
  }
  return changed;
}

/// Losses of the IT branch warm electrical rooms, which the air side cools.
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

/// The chain on the sub-grid: power at the meter, held against the envelope and published.
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

/// GPU power limits in force over rated power.
double limit_share(const SiteState& state, const SiteParameters& site) {
  double limit_sum = 0, rated_sum = 0;
  for (std::size_t i = 0; i < state.limits.size(); ++i) {
    limit_sum += state.limits[i].effective * site.limited[i].gpus;
    rated_sum += site.limited[i].rated_w * site.limited[i].gpus;
  }
  return rated_sum > 0 ? limit_sum / rated_sum : 1;
}

/// GPU energy by purpose is exact, in nanojoules from the engines; what compute racks hold beside
/// GPUs that work follows those GPUs' split between prefill and decode.
void book(SiteState& state, const SiteParameters& site, SiteEpoch& epoch, const RackSums& mean) {
  const double dt = epoch.seconds();
  std::int64_t prefill = 0, decode = 0, idle = 0;
  for (const auto& s : epoch.services) {
    prefill += s.prefill_nj;
    decode += s.decode_nj;
    idle += s.idle_nj;
  }
  double free_w = 0;
  for (const auto& g : state.allocation)
    if (g.use == GpuUse::free) free_w += site.group(g.rack).free_gpu_w() * g.gpus;

  const double prefill_w = static_cast<double>(prefill) * 1e-9 / dt;
  const double decode_w = static_cast<double>(decode) * 1e-9 / dt;
  const double idle_w = static_cast<double>(idle) * 1e-9 / dt + free_w;
  const double working_w = prefill_w + decode_w;
  const double prefill_other = working_w > 0 ? mean.beside_working * prefill_w / working_w : 0;
  // Without services nothing tells what a constant load is for.
  const double unserved = site.services.empty() ? mean.beside_working : 0;
  const double decode_other = mean.beside_working - prefill_other - unserved;
  const double beside_idle = mean.beside_idle + unserved;

  auto& p = epoch.purpose;
  const auto set = [&](Purpose which, double w) { p[static_cast<std::size_t>(which)] = w; };
  set(Purpose::prefill, prefill_w + prefill_other);
  set(Purpose::decode, decode_w + decode_other);
  set(Purpose::training, 0);
  set(Purpose::ingest, mean.cpu);
  set(Purpose::network, mean.network);
  set(Purpose::storage, mean.storage);
  set(Purpose::idle, idle_w + beside_idle);
  set(Purpose::conversion, epoch.rack_loss + epoch.electrical_loss);
  set(Purpose::pumping, epoch.pumping);
  set(Purpose::heat_rejection, epoch.heat_rejection);
  set(Purpose::lighting, epoch.lighting);
  set(Purpose::measured, mean.measured);

  // The engines' part enters as the integers they are, the rest rounded to the nanojoule.
  state.ledger[Purpose::prefill] += ExactEnergy::of_nj(prefill);
  state.ledger[Purpose::decode] += ExactEnergy::of_nj(decode);
  state.ledger[Purpose::idle] += ExactEnergy::of_nj(idle);
  state.ledger[Purpose::prefill] += ExactEnergy::of_joules(prefill_other * dt);
  state.ledger[Purpose::decode] += ExactEnergy::of_joules(decode_other * dt);
  state.ledger[Purpose::idle] += ExactEnergy::of_joules((free_w + beside_idle) * dt);
  for (const Purpose q :
       {Purpose::ingest, Purpose::network, Purpose::storage, Purpose::conversion, Purpose::pumping,
        Purpose::heat_rejection, Purpose::lighting, Purpose::measured})
    state.ledger[q] += ExactEnergy::of_joules(p[static_cast<std::size_t>(q)] * dt);

  auto& t = state.totals;
  t.it += ExactEnergy::of_joules(epoch.it * dt);
  t.dc += ExactEnergy::of_joules(mean.dc * dt);
  t.gpu += ExactEnergy::of_joules(epoch.gpu * dt);
  t.compute += ExactEnergy::of_joules(epoch.compute * dt);
  t.water_m3 += epoch.cooling.water * dt;
  t.hottest_junction_c = std::max(t.hottest_junction_c, epoch.hottest_junction_c);
  t.supply_excess_k = std::max(t.supply_excess_k, epoch.cooling.supply_excess);
  add(t.cooling, epoch.cooling, epoch.hottest_junction_c, dt);
  t.unmet_air_heat_j += epoch.cooling.unmet_air_heat * dt;
  for (std::size_t s = 0; s < epoch.services.size(); ++s) {
    PodCounts& sum = state.counts[s];
    // Levels are not summed over time: the newest stands.
    sum.running = sum.waiting = sum.kv_blocks_used = sum.kv_blocks_total = 0;
    add(sum, epoch.services[s]);
    state.engines[s].add(epoch.services[s]);
  }
}

void control(SiteState& state, const SiteParameters& site) {
  if (state.now < state.next_decision) return;
  state.next_decision += sim::from_seconds(site.control.interval.value);
  if (site.control.policy == PowerPolicy::none || !std::isfinite(site.envelope_w)) return;
  const PowerReadings readings{
      sim::read(state.points[meter_point], site.points[meter_point], state.now),
      sim::read(state.points[gpu_point], site.points[gpu_point], state.now)};
  const auto below = power_control_step(site.control, site.envelope_w, readings, site.limited,
                                        site.limits, state.limits, state.now);
  ++state.totals.decisions;
  if (below > 0) ++state.totals.unpromised_decisions;
}

/// The controller's turn, if it is due; then every limit that has changed by now, whether asked for
/// earlier or at this moment without delay, reaches the engines.
void move_limits(SiteState& state, const SiteParameters& site, bool leakage_changed) {
  std::vector<double> before;
  for (const auto& limit : state.limits) before.push_back(limit.effective);
  control(state, site);
  bool changed = leakage_changed;
  for (std::size_t i = 0; i < state.limits.size(); ++i) {
    sim::advance(state.limits[i], site.limits[i], state.now);
    if (state.limits[i].effective == before[i]) continue;
    changed = true;
    constexpr std::uint32_t limit_effective = 1;  // kinds of control transitions start here
    state.control_hash.fold(
        state.now, limit_effective, i,
        static_cast<std::uint64_t>(std::llround(state.limits[i].effective * 1000)));
  }
  if (changed) apply_limits(state, site);
}

}  // namespace

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
  s.next_decision = sim::from_seconds(site.control.interval.value);
  s.counts.resize(site.services.size());
  s.engines.resize(site.services.size());
  s.service_racks.resize(site.services.size());
  s.latencies.resize(site.services.size());
  s.leakage_w.assign(idx(site.rack_count()), 0);
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
  next = std::min({next, state.next_decision, site.duration});
  for (const auto& limit : state.limits) next = std::min(next, sim::next_effect(limit));
  return next;
}

std::string use_device(SiteEpoch& epoch, const SiteParameters& site,
                       std::unique_ptr<gpu::Space> space) {
  if (site.cohort.fluid()) return "fluid: there are no requests for a device";
  std::vector<const PodParameters*> pods;
  for (std::size_t i = 0; i < simulated_pods(site); ++i)
    pods.push_back(&site.pods[simulated_pod(site, i)]);
  epoch.device.reset();  // before the space it lies in
  epoch.space = std::move(space);
  epoch.device = std::make_unique<FlatPods>(*epoch.space, std::move(pods));
  return epoch.device->notice();
}

void fetch_pods(SiteState& state, SiteEpoch& epoch) {
  if (epoch.device) epoch.device->fetch(state.pods);
}

void step_epoch(SiteState& state, const SiteParameters& site, sim::ThreadPool& pool,
                SiteEpoch& epoch) {
  epoch.start = state.now;
  epoch.end = next_boundary(state, site);
  const int bins = bins_of(epoch, site);

  work(state, site, pool, epoch);
  collect_latencies(state, epoch);

  gpu_watts(state, site, pool, epoch, bins);
  std::vector<double> gpu_w;
  const auto racks = rack_watts(state, site, pool, epoch, bins, gpu_w);
  RackSums mean;
  for (int b = 0; b < bins; ++b)
    mean.add(racks[idx(b)], bin_seconds(epoch, site, b) / epoch.seconds());
  epoch.it = mean.input;
  epoch.gpu = mean.gpu;
  epoch.compute = mean.compute;
  epoch.rack_loss = mean.loss;
  epoch.lighting = site.lighting_w;

  epoch.room_heat = room_heat(site, epoch, racks);
  const double utc = static_cast<double>(site.start.unix_ns) * 1e-9 + sim::to_seconds(epoch.end);
  epoch.weather = site.weather ? weather_at(*site.weather, utc) : weather_at(site.climate, utc);
  epoch.cooling = cooling_step(site.cooling, site.cooling_sizing,
                               {.liquid_heat = {mean.liquid_heat},
                                .air_heat = {mean.air_heat + epoch.room_heat},
                                .supply = site.cooling.supply},
                               epoch.weather);
  const CoolingPower& c = epoch.cooling;
  epoch.pumping = c.tcs_pump + c.fws_pump + c.cdu + c.air_pump;
  epoch.heat_rejection = c.rejection_fan + c.trim + c.crah_fan + c.air_chiller + c.air_free_fan;
  chip_temperatures(site, epoch);

  meter(state, site, epoch, racks, gpu_w);
  book(state, site, epoch, mean);
  book_services(state, site, epoch);
  remember(state, site, epoch);

  epoch.capped_share = limit_share(state, site);
  state.now = epoch.end;
  move_limits(state, site, leak(state, site, epoch));
}

}  // namespace mw::models
