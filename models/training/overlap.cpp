#include "models/training/overlap.hpp"

#include <algorithm>
#include <cmath>

#include "models/compute/kernel_cost.hpp"
#include "sim/index.hpp"

namespace mw::models {
namespace {

/// Memory still runs at full rate with this share of the multiprocessors (assumed: loads in flight
/// of half the chip suffice).
constexpr double memory_share = 0.5;

struct Clocked {
  double ratio, core;  // f / f_max, (V / V_max)^2
};
Clocked clocked(const GpuParameters& gpu, double clock) {
  const double ratio = clock / gpu.max_clock.value.value;
  const double volts = core_voltage(gpu, ratio) / gpu.max_voltage.value.value;
  return {ratio, volts * volts};
}

/// A kernel on a share of the multiprocessors; arithmetic and memory overlap as in serving.
double kernel_time(const GpuParameters& gpu, const OverlapParameters& p, const OverlapKernel& k,
                   double ratio, double share) {
  const double compute = k.flops / (p.tensor_efficiency * gpu.bf16.value.value * ratio * share);
  const double memory = k.bytes / (p.memory_efficiency * gpu.memory_bandwidth.value.value *
                                   std::min(1.0, share / memory_share));
  return overlap(compute, memory) + k.launches * p.kernel_gap.value;
}

double send_rate(const GpuParameters& gpu, const OverlapParameters& p, double ratio,
                 std::int32_t multiprocessors) {
  return std::min(p.link_efficiency * gpu.link_bandwidth.value.value,
                  multiprocessors * p.multiprocessor_copy.value * ratio);
}

}  // namespace

void check(const OverlapParameters& p, sim::Problems& problems) {
  if (p.crowding * p.default_multiprocessors > 0.75 * p.multiprocessors)
    problems.add("default_multiprocessors", "leaves the kernels less than a quarter of the GPU",
                 "give fewer, or a lower `crowding`");
}

OverlapCost overlap_cost(const GpuParameters& gpu, const OverlapParameters& p,
                         const OverlapPartition& partition, const OverlapSetting& setting,
                         double blocking_power) {
  const auto [ratio, core] = clocked(gpu, setting.clock);
  double left = 0;  // s of the collective
  if (partition.sent > 0)
    left = p.collective_start.value +
           partition.sent / send_rate(gpu, p, ratio, setting.multiprocessors);
  const double share = 1 - p.crowding * setting.multiprocessors / p.multiprocessors;
  OverlapCost cost;
  double flops = 0, bytes = 0;
  for (std::size_t i = 0; i < partition.kernels.size(); ++i) {
    const OverlapKernel& k = partition.kernels[i];
    flops += k.flops;
    bytes += k.bytes;
    const double alone = kernel_time(gpu, p, k, ratio, 1);
    if (static_cast<std::int32_t>(i) < setting.start || left <= 0) {
      cost.time += alone;
      continue;
    }
    const double beside = kernel_time(gpu, p, k, ratio, share);
    if (beside <= left) {
      cost.time += beside;
      left -= beside;
    } else {  // the collective ends within the kernel, which then has the whole GPU
      cost.time += left + (1 - left / beside) * alone;
      left = 0;
    }
  }
  cost.exposed = left;
  cost.time += left;
  const double per_byte = gpu.memory_energy.value.value;
  const double in_core = gpu.memory_core_share.value;
  const double working = cost.time - cost.exposed;
  const double running =
      (gpu.idle.value.value + gpu.busy_share.value * gpu.tdp.value.value * ratio * core) * working;
  const double raw = running + flops * gpu.flop_energy.value.value * core +
                     bytes * per_byte * (in_core * core + 1 - in_core);
  cost.energy = raw + partition.sent * gpu.link_energy.value.value + blocking_power * cost.exposed;
  return cost;
}

std::vector<OverlapChoice> overlap_choices(const GpuParameters& gpu, const OverlapParameters& p,
                                           const OverlapPartition& partition,
                                           const std::vector<double>& clocks,
                                           double blocking_power) {
  std::vector<OverlapChoice> all;
  const auto kernels = static_cast<std::int32_t>(partition.kernels.size());
  for (const double clock : clocks) {
    for (std::int32_t n = 2; p.crowding * n <= 0.75 * p.multiprocessors; n += 2) {
      for (std::int32_t start = 0; start <= kernels; ++start) {
        const OverlapSetting setting{start, n, clock};
        all.push_back({setting, overlap_cost(gpu, p, partition, setting, blocking_power)});
      }
      if (partition.sent <= 0) break;
    }
  }
  const auto eta = [&](const OverlapChoice& c) {
    return c.cost.energy - blocking_power * c.cost.time;
  };
  std::stable_sort(all.begin(), all.end(), [&](const OverlapChoice& a, const OverlapChoice& b) {
    return a.cost.time != b.cost.time ? a.cost.time < b.cost.time : eta(a) < eta(b);
  });
  std::vector<OverlapChoice> kept;
  for (const OverlapChoice& c : all)
    if (kept.empty() || eta(c) < eta(kept.back())) kept.push_back(c);
  return kept;
}

std::vector<OpChoice> joint_choices(const std::vector<std::vector<OverlapChoice>>& partitions,
                                    const std::vector<double>& times, double blocking_power) {
  struct Piece {
    double slope;  // saved per second
    std::size_t partition, to;
  };
  std::vector<Piece> pieces;
  std::vector<std::size_t> at(partitions.size(), 0);
  const auto eta = [&](const OverlapChoice& c) {
    return c.cost.energy - blocking_power * c.cost.time;
  };
  for (std::size_t k = 0; k < partitions.size(); ++k) {
    const auto& choices = partitions[k];
    for (std::size_t i = 0; i + 1 < choices.size();) {
      // The next corner of the hull: the steepest way down from here.
      std::size_t best = i + 1;
      double steepest = -1;
      for (std::size_t j = i + 1; j < choices.size(); ++j) {
        const double slope =
            (eta(choices[i]) - eta(choices[j])) / (choices[j].cost.time - choices[i].cost.time);
        if (slope > steepest) {
          steepest = slope;
          best = j;
        }
      }
      pieces.push_back({steepest, k, best});
      i = best;
    }
  }
  std::stable_sort(pieces.begin(), pieces.end(),
                   [](const Piece& a, const Piece& b) { return a.slope > b.slope; });
  const auto sum = [&] {
    OpChoice c;
    double cycles = 0;
    for (std::size_t k = 0; k < partitions.size(); ++k) {
      const OverlapChoice& one = partitions[k][at[k]];
      c.time += times[k] * one.cost.time;
      c.energy += times[k] * one.cost.energy;
      cycles += times[k] * one.cost.time * one.setting.clock;
    }
    c.clock = cycles / c.time;
    return c;
  };
  std::vector<OpChoice> out{sum()};
  for (const Piece& piece : pieces) {
    at[piece.partition] = piece.to;
    out.push_back(sum());
  }
  return out;
}

}  // namespace mw::models
