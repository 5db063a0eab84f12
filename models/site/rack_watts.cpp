#include "models/site/rack_watts.hpp"

#include <algorithm>
#include <cmath>

#include "models/inference/host_work.hpp"
#include "models/site/availability.hpp"
#include "models/site/epoch_bins.hpp"
#include "models/site/power_turn.hpp"
#include "sim/host_device.hpp"
#include "sim/index.hpp"

namespace mw::models {
namespace {

using sim::idx;

/// Rows of the allocation that threads share out, each piece from its begin to the next. Rows are
/// in the order of racks and pieces end where a rack does, so they share no sum.
std::vector<std::size_t> pieces_of(const std::vector<GpuGroup>& rows) {
  constexpr std::size_t rows_of_piece = 2048;
  std::vector<std::size_t> begin{0};
  for (std::size_t i = 1; i <= rows.size(); ++i)
    if (i == rows.size() || (rows[i].rack != rows[i - 1].rack && i - begin.back() >= rows_of_piece))
      begin.push_back(i);
  return begin;
}

/// GPUs of a replica that is on: what they leak beyond the reference, and their share of what the
/// replica spends in each sub-step.
struct EngineRow {
  double* watt;
  double leakage, share;
  const std::int64_t* energy_nj;
};
MW_WIDE_VECTORS void add_engines(const EngineRow* rows, std::size_t count, const double* seconds,
                                 int bins) {
  for (std::size_t i = 0; i < count; ++i) {
    const auto [watt, leakage, share, energy_nj] = rows[i];
    for (int b = 0; b < bins; ++b)
      watt[b] = watt[b] + leakage + share * static_cast<double>(energy_nj[b]) * 1e-9 / seconds[b];
  }
}

/// GPU power of each rack on the sub-grid: a sum over the allocation table.
void gpu_watts(const SiteState& state, const SiteParameters& site, sim::ThreadPool& pool,
               SiteEpoch& epoch, const std::vector<std::size_t>& pieces, int bins) {
  epoch.gpu_bins.assign(idx(site.rack_count()) * idx(bins), 0);
  std::vector<double> seconds;
  for (int b = 0; b < bins; ++b) seconds.push_back(bin_seconds(epoch, site, b));
  // Rows of GPUs that run no engine.
  const auto add_other = [&](const GpuGroup& g, double* row) {
    const double leakage = state.leakage_w[idx(g.rack)] * g.gpus;
    for (int b = 0; b < bins; ++b) row[b] += leakage;
    if (g.use == GpuUse::training) {
      const JobPower& power = site.jobs[idx(g.service)].course->power[idx(g.replica)];
      double before = power.integral(sim::to_seconds(epoch.start));
      for (int b = 0; b < bins; ++b) {
        const sim::Time to = std::min(epoch.end, epoch.start + (b + 1) * site.sub_step);
        const double now = power.integral(sim::to_seconds(to));
        row[b] += (now - before) / seconds[idx(b)];
        before = now;
      }
      return;
    }
    const SiteRacks& racks = site.group(g.rack);
    const double each = g.use == GpuUse::free
                            ? racks.free_gpu_w(state.rack_states[idx(g.rack)].clock_ceiling)
                            : racks.idle_gpu_w();  // stranded
    for (int b = 0; b < bins; ++b) row[b] += each * g.gpus;
  };
  const auto& rows = state.allocation;
  pool.for_each(pieces.size() - 1, [&](std::size_t piece) {
    std::vector<EngineRow> engines;  // that are still to be added
    const auto add = [&] {
      add_engines(engines.data(), engines.size(), seconds.data(), bins);
      engines.clear();
    };
    for (std::size_t i = pieces[piece]; i < pieces[piece + 1]; ++i) {
      const GpuGroup& g = rows[i];
      if (is_off(epoch, g.rack)) continue;
      double* row = &epoch.gpu_bins[idx(g.rack) * idx(bins)];
      if (g.use != GpuUse::serving || is_stranded(epoch, g)) {
        add();  // a rack's rows are summed in their order
        add_other(g, row);
        continue;
      }
      const auto service = idx(site.service_of_pod[idx(g.pod)]);
      engines.push_back({row, state.leakage_w[idx(g.rack)] * g.gpus,
                         static_cast<double>(g.gpus) / site.services[service].gpus_per_replica,
                         epoch.seen[idx(g.pod)].energy_nj + idx(g.replica) * idx(bins)});
    }
    add();
  });
}

/// What each rack's hosts and network do, as a mean over the epoch.
struct RackWork {
  // By rack.
  std::vector<double> busy;       // share of GPU-time in which engines ran iterations
  std::vector<double> host_load;  // see host_load_of()
  std::vector<double> byte_rate;  // B/s
};
/// Bytes between link domains of the replicas that passed these tokens.
double exchanged(const PodCounts& counts, const SiteService& service) {
  return static_cast<double>(counts.prompt_tokens + counts.output_tokens) *
         service.network_bytes_per_token;
}
RackWork rack_work(const SiteState& state, const SiteParameters& site, sim::ThreadPool& pool,
                   const SiteEpoch& epoch, const std::vector<std::size_t>& pieces) {
  const std::vector<double> none(idx(site.rack_count()), 0);
  RackWork w{none, none, none};
  const double seconds = epoch.seconds();
  struct PodWork {
    double busy, work, gpus;
  };
  std::vector<PodWork> of(site.pods.size(), {0, 0, 1});
  for (std::size_t p = 0; p < of.size(); ++p) {
    const auto& pod = site.pods[p];
    const auto& counts = *epoch.seen[p].counts;
    // Of those that are on.
    const double off = static_cast<double>(counts.unavailable_ps) * 1e-12;
    const double replica_seconds = seconds * pod.replicas - off;
    if (replica_seconds < 1e-9) continue;
    of[p].busy = std::min(static_cast<double>(counts.busy_ps) * 1e-12 / replica_seconds, 1.0);
    of[p].work = host_work(pod.table->linear, counts, replica_seconds);
    of[p].gpus =
        replica_seconds / seconds * site.services[idx(site.service_of_pod[p])].gpus_per_replica;
  }
  // What one row adds to its rack.
  struct RowWork {
    double busy, host_load;
    double to_users, between_domains;  // B/s
  };
  const auto engine_row = [&](const GpuGroup& g) -> RowWork {
    const auto& counts = *epoch.seen[idx(g.pod)].counts;
    const auto& racks = site.group(g.rack);
    const double share = static_cast<double>(g.gpus) / racks.rack.gpus();
    const auto [busy, work, pod_gpus] = of[idx(g.pod)];
    return {share * busy, share * host_load_of(racks.law.host_polling, busy, work),
            // A pod's tokens come and go through the network cards of the racks that hold it.
            static_cast<double>(counts.arrived_prompt_tokens + counts.output_tokens) *
                site.bytes_per_token / seconds * g.gpus / pod_gpus,
            // So does what GPUs of one replica exchange over several link domains.
            exchanged(counts, site.services[idx(site.service_of_pod[idx(g.pod)])]) / seconds *
                g.gpus / pod_gpus};
  };
  const auto& rows = state.allocation;
  pool.for_each(pieces.size() - 1, [&](std::size_t piece) {
    const GpuGroup* as = nullptr;  // the row that `same` is of
    RowWork same{};
    for (std::size_t i = pieces[piece]; i < pieces[piece + 1]; ++i) {
      const GpuGroup& g = rows[i];
      if (g.use == GpuUse::free) {
        const auto& racks = site.group(g.rack);
        w.host_load[idx(g.rack)] += racks.load * g.gpus / racks.rack.gpus();
      }
      if (g.use == GpuUse::training && !is_off(epoch, g.rack)) {
        const StepFunction& working = site.jobs[idx(g.service)].course->working;
        const double busy = (working.integral(sim::to_seconds(epoch.end)) -
                             working.integral(sim::to_seconds(epoch.start))) /
                            seconds;
        const auto& racks = site.group(g.rack);
        const double share = busy * g.gpus / racks.rack.gpus();
        w.busy[idx(g.rack)] += share;
        w.host_load[idx(g.rack)] += share * host_load_of(racks.law.host_polling, 1, 0);
      }
      if (g.use != GpuUse::serving || is_off(epoch, g.rack) || is_stranded(epoch, g)) continue;
      // Rows of one pod in racks of one kind add alike.
      if (!as || as->pod != g.pod || as->gpus != g.gpus ||
          site.group_of_rack[idx(as->rack)] != site.group_of_rack[idx(g.rack)]) {
        as = &g;
        same = engine_row(g);
      }
      w.busy[idx(g.rack)] += same.busy;
      w.host_load[idx(g.rack)] += same.host_load;
      w.byte_rate[idx(g.rack)] += same.to_users;
      w.byte_rate[idx(g.rack)] += same.between_domains;
    }
  });
  // Racks whose power is replayed move what they moved then.
  const auto moves = [&](int r) {
    const SiteRacks& racks = site.group(r);
    return !racks.measured && !is_off(epoch, r) &&
           (racks.rack.kind == RackKind::network || racks.rack.kind == RackKind::storage);
  };
  int movers = 0, switches = 0;
  for (int r = 0; r < site.rack_count(); ++r) {
    movers += moves(r) ? 1 : 0;
    switches += moves(r) && site.group(r).rack.kind == RackKind::network ? 1 : 0;
  }
  double tokens = 0, between_domains = 0;  // B
  for (std::size_t s = 0; s < epoch.services.size(); ++s) {
    const PodCounts& c = epoch.services[s];
    tokens += static_cast<double>(c.arrived_prompt_tokens + c.output_tokens);
    between_domains += exchanged(c, site.services[s]);
  }
  for (int r = 0; r < site.rack_count(); ++r) {
    if (!moves(r)) continue;
    w.byte_rate[idx(r)] = tokens * site.bytes_per_token / seconds / movers;
    if (site.group(r).rack.kind == RackKind::network)
      w.byte_rate[idx(r)] += between_domains / seconds / switches;
  }
  return w;
}

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

}  // namespace

RackWatts rack_watts(SiteState& state, const SiteParameters& site, sim::ThreadPool& pool,
                     SiteEpoch& epoch, int bins) {
  const std::vector<std::size_t> pieces = pieces_of(state.allocation);
  gpu_watts(state, site, pool, epoch, pieces, bins);
  const RackWork doing = rack_work(state, site, pool, epoch, pieces);
  const double inlet_c = sim::to_degc(site.cooling.air.supply.value);
  const std::vector<MeasuredRackLaw> laws = measured_watts(site, epoch, bins, inlet_c);
  const std::size_t series = site.measured ? site.measured->series() : 0;
  epoch.rack_input.assign(idx(site.rack_count()), 0);
  epoch.rack_gpu.assign(idx(site.rack_count()), 0);
  epoch.rack_bins.resize(idx(site.rack_count()) * idx(bins));
  epoch.rack_liquid.assign(idx(site.rack_count()), 0);
  std::vector<double> weights;
  for (int b = 0; b < bins; ++b) weights.push_back(bin_seconds(epoch, site, b) / epoch.seconds());
  const auto measured_input = [&](int r, int b) {
    const MeasuredRack& from = site.measured_racks[idx(r)];
    return from.share * epoch.measured[idx(b) * series + idx(from.series)];
  };
  // A rack in each sub-step.
  const auto powers_of = [&](int r, std::span<RackPower> p) {
    const auto& racks = site.group(r);
    if (racks.measured) {
      for (int b = 0; b < bins; ++b)
        p[idx(b)] = measured_rack(laws[idx(site.group_of_rack[idx(r)])], measured_input(r, b));
      return;
    }
    const auto gpu = std::span(epoch.gpu_bins).subspan(idx(r) * idx(bins), idx(bins));
    // A rack that idles does so all the time.
    const bool constant =
        std::all_of(gpu.begin(), gpu.end(), [&](double w) { return w == gpu[0]; });
    const auto own = p.first(constant ? 1 : idx(bins));
    for (std::size_t b = 0; b < own.size(); ++b) {
      const RackPower drawn = rack_loads(racks.law, {.gpu_w = gpu[b],
                                                     .host_load = doing.host_load[idx(r)],
                                                     .byte_rate = doing.byte_rate[idx(r)],
                                                     .inlet_c = inlet_c});
      // Not the record as a whole: stored in parts and loaded again at once, it would be waited
      // for.
      own[b].gpu = drawn.gpu;
      own[b].host = drawn.host;
      own[b].link_switches = drawn.link_switches;
      own[b].fan = drawn.fan;
      own[b].auxiliary = drawn.auxiliary;
      own[b].tray_loss = own[b].shelf_loss = 0;
    }
    rack_losses(racks.law, own);
    std::fill(p.begin() + static_cast<std::ptrdiff_t>(own.size()), p.end(), own.back());
  };
  const auto add_to = [&](std::vector<RackSums>& sums, std::vector<double>& gpus,
                          std::span<RackPower> powers, int r) {
    const auto& racks = site.group(r);
    double* input = &epoch.rack_bins[idx(r) * idx(bins)];
    std::fill(input, input + bins, 0.0);
    // Racks whose power is replayed draw it, but not without a source.
    if (is_off(epoch, r) && (!racks.measured || state.rack_states[idx(r)].off_for(OffCause::power)))
      return;
    RackFeedState& feed = state.rack_feeds[idx(r)];
    const bool fed = rack_is_fed(site, state, epoch.feeding, r);
    powers_of(r, powers);
    const double busy = doing.busy[idx(r)];
    const double leakage = state.leakage_w[idx(r)] * racks.rack.gpus();
    double mean_input = 0, mean_gpu = 0, mean_liquid = 0;
    for (int b = 0; b < bins; ++b) {
      const RackPower& p = powers[idx(b)];
      add_rack(sums[idx(b)], racks, busy, leakage, p);
      input[b] = p.input;
      if (!fed || feed.stored_j < racks.store.capacity) {
        const double seconds = bin_seconds(epoch, site, b);
        const StorageFlow flow = fed ? charge(racks.store, feed.stored_j, seconds)
                                     : discharge(racks.store, feed.stored_j, p.input, seconds);
        input[b] += flow.drawn - flow.delivered;
        sums[idx(b)].input += flow.drawn - flow.delivered;
        sums[idx(b)].loss += flow.loss;
        sums[idx(b)].air_heat += flow.loss;
        sums[idx(b)].stored += flow.change;
      }
      const double weight = weights[idx(b)];
      mean_input += p.input * weight;
      mean_gpu += p.gpu * weight;
      mean_liquid += p.liquid_heat * weight;
      // What controllers see: GPUs whose power they can move.
      if (!racks.measured) gpus[idx(b)] += p.gpu;
    }
    feed.watt = powers.back().input;
    epoch.rack_input[idx(r)] = mean_input;
    epoch.rack_gpu[idx(r)] = mean_gpu;
    epoch.rack_liquid[idx(r)] = mean_liquid;
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
    std::vector<RackPower> powers(idx(bins));
    const int first = static_cast<int>(block) * of_block;
    for (int r = first; r < std::min(first + of_block, site.rack_count()); ++r)
      add_to(sums[block], gpus[block], powers, r);
  });
  RackWatts sum{std::vector<RackSums>(idx(bins)), std::vector<double>(idx(bins), 0)};
  for (std::size_t block = 0; block < blocks; ++block)
    for (int b = 0; b < bins; ++b) {
      sum.racks[idx(b)].add(sums[block][idx(b)], 1);
      sum.gpu_w[idx(b)] += gpus[block][idx(b)];
    }
  return sum;
}

}  // namespace mw::models
