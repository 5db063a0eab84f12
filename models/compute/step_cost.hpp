#pragma once
#include <cmath>
#include <cstdint>

#include "sim/host_device.hpp"

// What one iteration of a serving engine costs. Only IEEE additions, products, quotients and square
// roots in a fixed order, so the same bits on every machine; integers at the end.
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

/// Of the whole replica, all its GPUs.
struct StepCost {
  std::int64_t time_ps = 0;
  std::int64_t energy_nj = 0;
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
  std::int64_t window = 0;  // 0: no sliding window
  double stages = 1;        // of a pipeline; fewer tokens than stages leave some of them waiting
  // Data-parallel attention: at the exchange of every layer all ranks wait for the last. Seconds of
  // one rank's own part of a pass: reading its weights, computing a token, moving a token's hidden
  // vectors, sending it. See rank_wait.
  std::int32_t ranks = 1;  // 1: no rank waits for another
  double rank_read = 0, rank_compute = 0, rank_vector = 0, rank_send = 0;
  double prompt_crowding = 0;  // expected maximum of `ranks` standard normals; below 0: prompts are
                               // held back until every rank has one
  double context_spread = 0;   // the same times the variation of running contexts
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

/// Pure-decode iterations at one batch: cells over the KV tokens, fine below the point where
/// sliding windows fill (`knot`), then up to `end`; beyond it the formula is evaluated.
struct DecodeRow {
  std::int64_t knot = 0, end = 0;
  std::uint32_t first_cell = 0, knot_cell = 0;
  std::int32_t shift_below = 0, shift_above = 0;
};
struct DecodeCell {
  std::int64_t time_ps = 0, time_slope = 0;  // at the cell's first KV token; per further one
  std::int64_t energy_nj = 0, energy_slope = 0;
};

struct StepTableView {
  int max_sequences = 0, max_tokens = 0, levels = 0;
  StepLinear linear;
  const LevelLaw* level_laws = nullptr;
  const double* token_time = nullptr;
  const double* token_core_energy = nullptr;
  const double* token_other_energy = nullptr;
  const double* sampled_time = nullptr;
  const double* sampled_core_energy = nullptr;
  const double* sampled_other_energy = nullptr;
  const DecodeRow* decode_rows = nullptr;
  const DecodeCell* decode_cells = nullptr;

  /// Whether both are views of one table.
  bool operator==(const StepTableView&) const = default;
};

/// Tokens on the rank that got most of `prompts` prompts of a step, as a share of all their tokens.
/// Each prompt lies on one of `ranks` ranks by chance: the expected maximum of a multinomial by
/// that of normals of its mean and variance, and at least one whole prompt.
MW_HD inline double fullest_share(double prompts, double ranks, double crowding) {
  if (crowding < 0) return 1 / ranks;
  const double mean = prompts / ranks;
  const double most = mean + crowding * std::sqrt(mean * (1 - 1 / ranks));
  if (most <= 1) return 1 / prompts;
  return most < prompts ? most / prompts : 1;
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
    const double fullest = static_cast<double>(most) * ranks / decodes;
    const double few = decodes < ranks ? 1 : ranks / decodes;
    const double longest = 1 + lin.context_spread * std::sqrt(few);
    last = own(per_sequence * static_cast<double>(most) + prompt / ranks,
               kv_time * (fullest * longest - 1), 0);
  }
  if (load.prefill_tokens > 0) {
    // One prompt from its start has half the square of its tokens as pairs, several have less.
    const double pairs = static_cast<double>(load.prefill_pairs);
    const double alike = pairs > 0 ? prompt * prompt / (2 * pairs) : 1;
    const double share = fullest_share(alike > 1 ? alike : 1, ranks, lin.prompt_crowding);
    const RankWait prompts =
        own(per_sequence * decodes / ranks + share * prompt, 0, pair_time * (share * ranks - 1));
    if (prompts.sum() > last.sum()) last = prompts;
  }
  return last;
}

/// The law itself, in seconds and joules: GPU time is the sum of kernels; host and GPU overlap to
/// the fourth-power norm; average power bends towards the ceiling by an eighth-power norm.
struct StepValue {
  double time = 0, energy = 0, gpu_time = 0;
};
/// How long host and GPU take side by side.
MW_HD inline double beside_host(double gpu, double host) {
  const double gpu2 = gpu * gpu;
  const double host2 = host * host;
  return std::sqrt(std::sqrt(gpu2 * gpu2 + host2 * host2));
}
/// What the energy is divided by under the ceiling, where the work asks for `demand` times it.
MW_HD inline double ceiling_bend(double demand) {
  const double d2 = demand * demand;
  const double d4 = d2 * d2;
  return std::sqrt(std::sqrt(std::sqrt(1.0 + d4 * d4)));
}
/// What the tables hold for one load: all that depends on its tokens, and on its sampled tokens.
struct StepParts {
  double token_time = 0, token_core = 0, token_other = 0;
  double sampled_time = 0, sampled_core = 0, sampled_other = 0;
};
MW_HD inline StepValue step_value(const StepLinear& lin, const LevelLaw& at, const StepParts& parts,
                                  const StepLoad& load) {
  const double full = static_cast<double>(load.kv_tokens);
  const std::int64_t filled = lin.window * load.decodes;
  const double windowed = static_cast<double>(load.kv_tokens < filled ? load.kv_tokens : filled);
  const double pairs = static_cast<double>(load.prefill_pairs);
  const std::int64_t pair_limit = lin.window * load.prefill_tokens;
  const double window_pairs =
      static_cast<double>(load.prefill_pairs < pair_limit ? load.prefill_pairs : pair_limit);
  const double decodes = load.decodes;

  double gpu = parts.token_time + parts.sampled_time + lin.kv_full_time * full +
               lin.kv_window_time * windowed + lin.state_time * decodes +
               (lin.pair_full_time * pairs + lin.pair_window_time * window_pairs) * at.stretch;
  const double tokens = static_cast<double>(lin.tokens_of(load));
  if (tokens > 0 && tokens < lin.stages) {
    gpu += (lin.kv_full_time * full + lin.kv_window_time * windowed + lin.state_time * decodes +
            (lin.pair_full_time * pairs + lin.pair_window_time * window_pairs) * at.stretch) *
           (lin.stages / tokens - 1);
  }
  gpu +=
      rank_wait(lin, at.stretch, load,
                lin.kv_full_time * full + lin.kv_window_time * windowed + lin.state_time * decodes,
                (lin.pair_full_time * pairs + lin.pair_window_time * window_pairs) * at.stretch)
          .sum();
  const double core = parts.token_core + parts.sampled_core + lin.kv_full_core * full +
                      lin.kv_window_core * windowed + lin.state_core * decodes +
                      lin.pair_full_core * pairs + lin.pair_window_core * window_pairs;
  const double other = parts.token_other + parts.sampled_other + lin.kv_full_other * full +
                       lin.kv_window_other * windowed + lin.state_other * decodes;

  const double host = lin.host_base + lin.host_per_sequence * load.sampled;
  const double time = beside_host(gpu, host);

  const double raw = lin.idle_power * time + at.busy_power * gpu + core * at.core_scale + other;
  return {time, raw / ceiling_bend(raw / (lin.power_ceiling * time)), gpu};
}

/// Precondition: the load has a token, and lies within max_sequences and max_tokens.
MW_HD inline StepValue step_value(const StepTableView& v, int level, const StepLoad& load) {
  const std::int64_t tokens = v.linear.tokens_of(load);
  const std::int64_t token_row = std::int64_t{level} * (v.max_tokens + 1) + tokens;
  const std::int64_t sampled_row = std::int64_t{level} * (v.max_sequences + 1) + load.sampled;
  return step_value(v.linear, v.level_laws[level],
                    {v.token_time[token_row], v.token_core_energy[tokens],
                     v.token_other_energy[tokens], v.sampled_time[sampled_row],
                     v.sampled_core_energy[load.sampled], v.sampled_other_energy[load.sampled]},
                    load);
}

MW_HD inline StepCost to_integers(const StepValue& value) {
  return {static_cast<std::int64_t>(value.time * 1e12 + 0.5),
          static_cast<std::int64_t>(value.energy * 1e9 + 0.5)};
}

/// The cell of a pure-decode iteration, with the range of KV tokens [begin, end) where its
/// integers hold: cost = cell + slope * (kv_tokens - begin). Only for kv_tokens < row.end.
struct DecodeSpan {
  DecodeCell cell;
  std::int64_t begin = 0, end = 0;
};
MW_HD inline const DecodeRow& decode_row(const StepTableView& v, int level, std::int32_t decodes) {
  return v.decode_rows[std::int64_t{level} * (v.max_sequences + 1) + decodes];
}
MW_HD inline DecodeSpan decode_span(const StepTableView& v, const DecodeRow& row,
                                    std::int64_t kv_tokens) {
  if (kv_tokens < row.knot) {
    const std::int64_t k = kv_tokens >> row.shift_below;
    const std::int64_t end = (k + 1) << row.shift_below;
    return {v.decode_cells[row.first_cell + k], k << row.shift_below,
            end < row.knot ? end : row.knot};
  }
  const std::int64_t k = (kv_tokens - row.knot) >> row.shift_above;
  const std::int64_t end = row.knot + ((k + 1) << row.shift_above);
  return {v.decode_cells[row.knot_cell + k], row.knot + (k << row.shift_above),
          end < row.end ? end : row.end};
}

/// What an iteration costs. Iterations that only decode read the integer cells (so that a run of
/// them is a closed integer sum); mixed ones, and contexts beyond the cells, evaluate the law.
MW_HD inline StepCost step_cost(const StepTableView& v, int level, const StepLoad& load) {
  if (load.prefill_tokens == 0 && load.sampled == load.decodes) {
    const DecodeRow& row = decode_row(v, level, load.decodes);
    if (load.kv_tokens < row.end) {
      const DecodeSpan span = decode_span(v, row, load.kv_tokens);
      const std::int64_t past = load.kv_tokens - span.begin;
      return {span.cell.time_ps + span.cell.time_slope * past,
              span.cell.energy_nj + span.cell.energy_slope * past};
    }
  }
  return to_integers(step_value(v, level, load));
}

}  // namespace mw::models
