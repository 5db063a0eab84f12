#pragma once
#include <cmath>
#include <cstdint>

#include "sim/host_device.hpp"

// Time and energy of one iteration, from its parts. Only IEEE additions, products, quotients and
// square roots in a fixed order, so the same bits on every machine.
namespace mw::models {

/// One serving iteration of one replica.
struct StepLoad {
  std::int32_t decodes = 0;         // sequences that decode one token
  std::int32_t prefill_tokens = 0;  // prompt tokens processed, all sequences together
  std::int32_t sampled = 0;    // sequences that sample a token: decodes + prefills finished here
  std::int64_t kv_tokens = 0;  // sum over decoding sequences of their context length
  std::int64_t prefill_pairs =
      0;  // sum over chunks of chunk * (2 start + chunk) / 2: query-key pairs
};

/// The terms that grow in proportion to something; seconds and joules over the whole replica.
/// Energies at the maximum clock: `core` follows the core voltage, `other` does not.
struct StepLinear {
  double kv_full_time = 0, kv_full_core = 0, kv_full_other = 0;        // per context token
  double kv_window_time = 0, kv_window_core = 0, kv_window_other = 0;  // per token in the window
  double state_time = 0, state_core = 0, state_other = 0;              // per decoding sequence
  double pair_full_time = 0, pair_full_core = 0;      // per query-key pair, maximum clock
  double pair_window_time = 0, pair_window_core = 0;  // per pair inside the window
  double host_base = 0, host_per_sequence = 0;
  double idle_power = 0, power_ceiling = 0;
  // How far the power manager lowers the clock: to the knee of the voltage. f / f_max and V / V_max
  // there; a ratio of 1 leaves it nothing but pauses.
  double knee_ratio = 1, knee_volts = 1;
  std::int64_t window = 0;  // 0: no sliding window
  double stages = 1;        // of a pipeline; fewer tokens than stages leave some of them waiting
  // Data-parallel attention: at the exchange of every layer all ranks wait for the last. Seconds of
  // one rank's own part of a pass: reading its weights, computing a token, moving a token's hidden
  // vectors, sending it. See rank_wait.
  std::int32_t ranks = 1;  // 1: no rank waits for another
  double rank_read = 0, rank_compute = 0, rank_vector = 0, rank_send = 0;
  double crowding = 0;        // expected maximum of `ranks` standard normals
  double context_spread = 0;  // the same times the variation of running contexts
  bool prompts_even = false;  // held back until every rank has one
  // Speculative decoding: tokens of a decoding sequence that an iteration passes through the
  // model, and how many it yields on average.
  std::int32_t tokens_per_decode = 1;
  double yield_per_decode = 1;

  MW_HD std::int64_t tokens_of(const StepLoad& load) const {
    return std::int64_t{load.decodes} * tokens_per_decode + load.prefill_tokens;
  }
  bool operator==(const StepLinear&) const = default;
};

struct LevelLaw {
  double clock_ratio = 1;  // f / f_max
  double stretch = 1;      // f_max / f: of compute time
  double core_scale = 1;   // (V / V_max)^2: of core energy
  double busy_power = 0;   // replica, while kernels run
};

/// Tokens on the rank that got most of `prompts` prompts of a step, as a share of all their tokens.
/// Each prompt lies on one of `ranks` ranks by chance: the expected maximum of a multinomial by
/// that of normals of its mean and variance, and at least one whole prompt.
MW_HD inline double fullest_share(double prompts, double ranks, double crowding) {
  const double mean = prompts / ranks;
  const double most = mean + crowding * std::sqrt(mean * (1 - 1 / ranks));
  if (most <= 1) return 1 / prompts;
  return most < prompts ? most / prompts : 1;
}

/// Contexts on the rank that holds most of `decodes` sequences, over what it would hold if they
/// were spread evenly; 1 at least. Sequences go to the rank with the fewest, so a rank has `even` =
/// decodes / ranks of them rounded up, as a share f of the ranks do, or down; their contexts vary
/// by c about the mean. So a rank holds `even` mean contexts with a variance of c^2 even + f (1 -
/// f), and the fullest one has the mean plus the expected maximum of `ranks` standard normals times
/// the deviation; not less than a rank's whole number of sequences, rounded up.
MW_HD inline double fullest_contexts(const StepLinear& lin, std::int32_t decodes) {
  const double even = static_cast<double>(decodes) / lin.ranks;
  const double fuller = static_cast<double>(decodes % lin.ranks) / lin.ranks;
  const double of_counts = lin.crowding * lin.crowding * fuller * (1 - fuller);
  const double most = even + std::sqrt(lin.context_spread * lin.context_spread * even + of_counts);
  const std::int64_t whole = (std::int64_t{decodes} + lin.ranks - 1) / lin.ranks;
  return (most > static_cast<double>(whole) ? most : static_cast<double>(whole)) / even;
}

/// What a step takes longer than with tokens and contexts spread evenly over the ranks.
struct RankWait {
  double memory = 0, compute = 0, link = 0;
  MW_HD double sum() const { return memory + compute + link; }
};
/// `kv_time`, `pair_time`: of all ranks' contexts and prompts, spread evenly. Sequences are routed
/// to the rank with the fewest, so their counts differ by one at most. Two ranks may be the last
/// to arrive: the one with the most sequences, or one that works on a prompt.
MW_HD inline RankWait rank_wait(const StepLinear& lin, double stretch, const StepLoad& load,
                                double kv_time, double pair_time) {
  if (lin.ranks <= 1) return {};
  const double ranks = lin.ranks;
  const double per_sequence = lin.tokens_per_decode;
  const std::int64_t most = (std::int64_t{load.decodes} + lin.ranks - 1) / lin.ranks;
  const double decodes = load.decodes, prompt = load.prefill_tokens;
  const double evenly = (per_sequence * decodes + prompt) / ranks;
  const auto own = [&](double tokens, double kv, double pairs) {
    const double even = stretch * lin.rank_compute * evenly;
    const double mine = stretch * lin.rank_compute * tokens;
    const double read2 = lin.rank_read * lin.rank_read;
    RankWait wait;
    wait.memory = kv + lin.rank_vector * (tokens - evenly);
    wait.compute = std::sqrt(read2 + mine * mine) - std::sqrt(read2 + even * even) + pairs;
    wait.link = lin.rank_send * (tokens - evenly);
    return wait;
  };
  RankWait last;
  if (load.decodes > 0) {
    last = own(per_sequence * static_cast<double>(most) + prompt / ranks,
               kv_time * (fullest_contexts(lin, load.decodes) - 1), 0);
  }
  if (load.prefill_tokens > 0) {
    // One prompt from its start has half the square of its tokens as pairs, several have less.
    const double pairs = static_cast<double>(load.prefill_pairs);
    const double alike = pairs > 0 ? prompt * prompt / (2 * pairs) : 1;
    const double share =
        lin.prompts_even ? 1 / ranks : fullest_share(alike > 1 ? alike : 1, ranks, lin.crowding);
    const RankWait prompts =
        own(per_sequence * decodes / ranks + share * prompt, 0, pair_time * (share * ranks - 1));
    if (prompts.sum() > last.sum()) last = prompts;
  }
  return last;
}

/// The law itself, in seconds and joules: GPU time is the sum of kernels; host and GPU overlap to
/// the fourth-power norm; at the ceiling the clock falls until the average power fits.
struct StepValue {
  double time = 0, energy = 0, gpu_time = 0;
};
/// How long host and GPU take side by side.
MW_HD inline double beside_host(double gpu, double host) {
  const double gpu2 = gpu * gpu;
  const double host2 = host * host;
  return std::sqrt(std::sqrt(gpu2 * gpu2 + host2 * host2));
}
/// What the tables hold for one load: all that depends on its tokens, and on its sampled tokens.
struct StepParts {
  double token_time = 0, token_core = 0, token_other = 0;
  double sampled_time = 0, sampled_core = 0, sampled_other = 0;
};

/// Seconds of GPU that one load takes where its tokens and sampled tokens take `parts_time`.
MW_HD inline double gpu_time_of(const StepLinear& lin, double stretch, double parts_time,
                                const StepLoad& load) {
  const double full = static_cast<double>(load.kv_tokens);
  const std::int64_t filled = lin.window * load.decodes;
  const double windowed = static_cast<double>(load.kv_tokens < filled ? load.kv_tokens : filled);
  const double pairs = static_cast<double>(load.prefill_pairs);
  const std::int64_t pair_limit = lin.window * load.prefill_tokens;
  const double window_pairs =
      static_cast<double>(load.prefill_pairs < pair_limit ? load.prefill_pairs : pair_limit);
  const double kv = lin.kv_full_time * full + lin.kv_window_time * windowed +
                    lin.state_time * static_cast<double>(load.decodes);
  const double prompt =
      (lin.pair_full_time * pairs + lin.pair_window_time * window_pairs) * stretch;
  double gpu = parts_time + kv + prompt;
  const double tokens = static_cast<double>(lin.tokens_of(load));
  if (tokens > 0 && tokens < lin.stages) gpu += (kv + prompt) * (lin.stages / tokens - 1);
  return gpu + rank_wait(lin, stretch, load, kv, prompt).sum();
}

/// One iteration at any clock up to a level's: what of its GPU time goes with 1/f, and its energies
/// at the maximum clock.
struct ClockedStep {
  double top_ratio = 1, top_gpu = 0;  // the level's clock, and the GPU time there
  double elastic = 0;                 // further GPU time per unit of f_max / f
  double host = 0, busy_power = 0, core = 0, other = 0;  // busy power at the maximum clock

  MW_HD StepValue at(const StepLinear& lin, double ratio) const {
    const double fall = ratio > lin.knee_ratio ? (1 - ratio) / (1 - lin.knee_ratio) : 1;
    const double volts = 1 - (1 - lin.knee_volts) * fall;
    const double scale = volts * volts;
    const double gpu = top_gpu + elastic * (1 / ratio - 1 / top_ratio);
    const double time = beside_host(gpu, host);
    return {time, lin.idle_power * time + busy_power * ratio * scale * gpu + core * scale + other,
            gpu};
  }
};

/// What the power manager makes of an iteration that asks for more than the ceiling: the highest
/// clock at which its average power fits. Between the last two clocks that were tried it divides
/// the work, so that the average is the ceiling itself. What asks for too much even at the knee,
/// below which a lower clock saves nothing, waits until the average fits.
MW_HD inline StepValue held_at_ceiling(const StepLinear& lin, const ClockedStep& step) {
  const double ceiling = lin.power_ceiling;
  double low = lin.knee_ratio < step.top_ratio ? lin.knee_ratio : step.top_ratio;
  StepValue fits = step.at(lin, low);
  if (fits.energy >= ceiling * fits.time) {
    // Nothing runs while it waits: (E + idle w) / (t + w) = ceiling.
    const double wait = (fits.energy - ceiling * fits.time) / (ceiling - lin.idle_power);
    const double time = fits.time + wait;
    return {time, ceiling * time, fits.gpu_time + wait};
  }
  double high = step.top_ratio;
  StepValue over = step.at(lin, high);
  for (int halving = 0; halving < 5; ++halving) {
    const double middle = 0.5 * (low + high);
    const StepValue tried = step.at(lin, middle);
    if (tried.energy < ceiling * tried.time) {
      low = middle;
      fits = tried;
    } else {
      high = middle;
      over = tried;
    }
  }
  const double spare = ceiling * fits.time - fits.energy;
  const double excess = over.energy - ceiling * over.time;
  const double part = spare / (spare + excess);  // of the work, at the higher clock
  const double time = fits.time + (over.time - fits.time) * part;
  return {time, ceiling * time, fits.gpu_time + (over.gpu_time - fits.gpu_time) * part};
}

/// `knee_time()`: what token_time and sampled_time take together at the knee; asked for at the
/// ceiling only.
template <class KneeTime>
MW_HD inline StepValue step_value(const StepLinear& lin, const LevelLaw& at, const StepParts& parts,
                                  const StepLoad& load, const KneeTime& knee_time) {
  const double full = static_cast<double>(load.kv_tokens);
  const std::int64_t filled = lin.window * load.decodes;
  const double windowed = static_cast<double>(load.kv_tokens < filled ? load.kv_tokens : filled);
  const double pairs = static_cast<double>(load.prefill_pairs);
  const std::int64_t pair_limit = lin.window * load.prefill_tokens;
  const double window_pairs =
      static_cast<double>(load.prefill_pairs < pair_limit ? load.prefill_pairs : pair_limit);
  const double decodes = load.decodes;

  const double gpu = gpu_time_of(lin, at.stretch, parts.token_time + parts.sampled_time, load);
  const double core = parts.token_core + parts.sampled_core + lin.kv_full_core * full +
                      lin.kv_window_core * windowed + lin.state_core * decodes +
                      lin.pair_full_core * pairs + lin.pair_window_core * window_pairs;
  const double other = parts.token_other + parts.sampled_other + lin.kv_full_other * full +
                       lin.kv_window_other * windowed + lin.state_other * decodes;

  const double host = lin.host_base + lin.host_per_sequence * load.sampled;
  const double time = beside_host(gpu, host);
  const double energy = lin.idle_power * time + at.busy_power * gpu + core * at.core_scale + other;
  if (energy <= lin.power_ceiling * time) return {time, energy, gpu};

  ClockedStep step;
  step.top_ratio = at.clock_ratio;
  step.top_gpu = gpu;
  step.host = host;
  step.busy_power = at.busy_power / (at.clock_ratio * at.core_scale);
  step.core = core;
  step.other = other;
  if (lin.knee_ratio < at.clock_ratio) {
    const double knee_stretch = 1 / lin.knee_ratio;
    step.elastic =
        (gpu_time_of(lin, knee_stretch, knee_time(), load) - gpu) / (knee_stretch - at.stretch);
  }
  return held_at_ceiling(lin, step);
}

}  // namespace mw::models
