#include "models/compute/step_shares.hpp"

#include <algorithm>
#include <cmath>

#include "models/compute/law_value.hpp"
#include "models/compute/step_law.hpp"

namespace mw::models {
namespace {

constexpr std::size_t at(Bound b) {
  return static_cast<std::size_t>(b);
}

/// Seconds of the GPU and joules, by cause.
struct Parts {
  std::array<double, StepShares::causes> time{}, core{}, other{};

  /// Overlapped memory and arithmetic part by the terms of their norm, so that they sum to its
  /// value; what the kernel adds beside them is `rest`.
  void add(const KernelCost& k, Bound rest, double flop_energy, double memory_core) {
    const double x = k.read_time * std::sqrt(k.read_time);
    const double y = k.compute_time * std::sqrt(k.compute_time);
    const double both = overlap(k.read_time, k.compute_time);
    if (x + y > 0) {
      time[at(Bound::memory)] += both * x / (x + y);
      time[at(Bound::compute)] += both * y / (x + y);
    }
    time[at(rest)] += k.time - both;
    core[at(Bound::compute)] += flop_energy;
    core[at(Bound::memory)] += memory_core;
    core[at(rest)] += k.core_energy - flop_energy - memory_core;
    other[at(Bound::memory)] += k.other_energy;
  }
};

}  // namespace

StepShares StepLaw::shares(const StepLoad& load, const LevelLaw& level) const {
  const double s = load.sampled;
  const StepLinear lin = linear();
  const double t = static_cast<double>(lin.tokens_of(load));
  const double waiting = t > 0 && t < lin.stages ? lin.stages / t : 1;
  const double kv = static_cast<double>(load.kv_tokens);
  const double pairs = static_cast<double>(load.prefill_pairs);
  const double windowed = std::min(kv, static_cast<double>(lin.window) * load.decodes);
  const double window_pairs =
      std::min(pairs, static_cast<double>(lin.window) * load.prefill_tokens);

  const auto parts_at = [&](double stretch) {
    Parts p;
    for (const KernelCost& k : {dense(t, stretch), experts(t, stretch), activations(t)}) {
      p.add(k, Bound::memory, k.flop_energy, k.core_energy - k.flop_energy);
    }
    const KernelCost head = sampling(load.sampled, stretch);
    p.add(head, Bound::software, head.flop_energy,
          head.core_energy - head.flop_energy - head.vector_energy);
    p.time[at(Bound::memory)] +=
        (lin.kv_full_time * kv + lin.kv_window_time * windowed + lin.state_time * load.decodes) *
        waiting;
    p.core[at(Bound::memory)] +=
        lin.kv_full_core * kv + lin.kv_window_core * windowed + lin.state_core * load.decodes;
    p.other[at(Bound::memory)] +=
        lin.kv_full_other * kv + lin.kv_window_other * windowed + lin.state_other * load.decodes;
    p.time[at(Bound::compute)] +=
        (lin.pair_full_time * pairs + lin.pair_window_time * window_pairs) * stretch * waiting;
    p.core[at(Bound::compute)] += lin.pair_full_core * pairs + lin.pair_window_core * window_pairs;
    const KernelCost link = collectives(t);
    p.time[at(Bound::link)] += link.time;
    p.other[at(Bound::link)] += link.other_energy;
    p.time[at(Bound::software)] += gaps() * stretch;
    const RankWait wait = rank_wait(
        lin, stretch, load,
        lin.kv_full_time * kv + lin.kv_window_time * windowed + lin.state_time * load.decodes,
        (lin.pair_full_time * pairs + lin.pair_window_time * window_pairs) * stretch);
    p.time[at(Bound::memory)] += wait.memory;
    p.time[at(Bound::compute)] += wait.compute;
    p.time[at(Bound::link)] += wait.link;
    return p;
  };
  const auto sum_of = [](const auto& list) {
    double sum = 0;
    for (double x : list) sum += x;
    return sum;
  };

  const double host = lin.host_base + lin.host_per_sequence * s;
  const Parts slow = parts_at(level.stretch);
  const double gpu = sum_of(slow.time);
  const StepValue value = law_value(*this, lin, level, load);
  StepShares out;
  out.time = value.time;
  out.energy = value.energy;
  if (out.time <= 0) return out;

  // Joules by cause at the level's clock; under the ceiling they keep their proportions.
  const double asked_time = beside_host(gpu, host);
  const double idle = lin.idle_power * asked_time;
  double raw = idle + level.busy_power * gpu;
  for (std::size_t i = 0; i < StepShares::causes; ++i) {
    const double work = slow.core[i] * level.core_scale + slow.other[i];
    raw += work;
    out.energy_shares[i] = work + (gpu > 0 ? level.busy_power * slow.time[i] : 0);
  }
  out.demand = raw / (lin.power_ceiling * asked_time);

  // What a lower clock adds, a level's or the power manager's, is the time against the same
  // iteration at the highest clock.
  const bool slowed = level.stretch > 1 || out.demand > 1;
  const Parts fast = level.stretch > 1 ? parts_at(1) : slow;
  const double fast_gpu = sum_of(fast.time);
  const double fast_time = slowed ? beside_host(fast_gpu, host) : out.time;
  out.time_shares[at(Bound::power)] = (out.time - fast_time) / out.time;
  // The fourth-power norm of GPU and host parts by its terms too.
  const double g4 = fast_gpu * fast_gpu * fast_gpu * fast_gpu;
  const double h4 = host * host * host * host;
  for (std::size_t i = 0; i < StepShares::causes; ++i) {
    if (fast_gpu <= 0) break;
    out.time_shares[i] += fast_time / out.time * g4 / (g4 + h4) * fast.time[i] / fast_gpu;
  }
  out.time_shares[at(Bound::host)] += fast_time / out.time * h4 / (g4 + h4);

  for (std::size_t i = 0; i < StepShares::causes; ++i)
    out.energy_shares[i] = (out.energy_shares[i] + idle * out.time_shares[i]) / raw;
  out.static_share = lin.idle_power * out.time / out.energy;
  out.bound = static_cast<Bound>(std::max_element(out.time_shares.begin(), out.time_shares.end()) -
                                 out.time_shares.begin());
  return out;
}

}  // namespace mw::models
