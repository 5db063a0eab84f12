#include "models/site/regime.hpp"

#include <algorithm>
#include <cmath>

#include "models/numerics/root.hpp"

namespace mw::models {
namespace {

double mean(std::int64_t sum, std::int64_t n) {
  return static_cast<double>(sum) / static_cast<double>(n);
}

struct Mix {
  StepLoad decoding, mixed;
  double mixed_share = 0;  // of the iterations
};

Mix mix_of(const PodCounts& c, int max_tokens) {
  const double decodes = mean(c.output_tokens, c.iterations);
  const double prompts = mean(c.prompt_tokens + c.recomputed_tokens, c.iterations);
  // Of those that ended, if any did: the ones asked for include what still waits.
  const bool ended = c.completed > 0;
  const std::int64_t requests = std::max<std::int64_t>(ended ? c.completed : c.arrivals, 1);
  const double prompt = mean(ended ? c.completed_prompt_tokens : c.arrived_prompt_tokens, requests);
  const double output = mean(ended ? c.completed_output_tokens : c.arrived_output_tokens, requests);

  Mix mix;
  const double room = std::max(1.0, max_tokens - decodes);
  const double chunk = std::clamp(prompt, 1.0, room);
  mix.mixed_share = std::clamp(prompts / chunk, 0.0, 1.0);
  mix.decoding.decodes = mix.decoding.sampled =
      static_cast<std::int32_t>(std::max(1.0, std::round(decodes)));
  mix.decoding.kv_tokens = static_cast<std::int64_t>(mix.decoding.decodes * (prompt + output / 2));
  mix.mixed = mix.decoding;
  if (mix.mixed_share > 0) {
    const double tokens = std::min(prompts / mix.mixed_share, room);
    mix.mixed.prefill_tokens = static_cast<std::int32_t>(std::max(1.0, std::round(tokens)));
    mix.mixed.prefill_pairs = static_cast<std::int64_t>(tokens * prompt / 2);
  }
  return mix;
}

/// Seconds by cause of the mean iteration.
std::array<double, StepShares::causes> seconds_by_cause(const StepLaw& law, const Mix& mix,
                                                        double clock_ratio) {
  std::array<double, StepShares::causes> sum{};
  const LevelLaw level = law.level(clock_ratio);
  const auto add = [&](const StepLoad& load, double weight) {
    if (weight <= 0) return;
    const StepShares part = law.shares(load, level);
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += weight * part.time * part.time_shares[i];
  };
  add(mix.decoding, 1 - mix.mixed_share);
  add(mix.mixed, mix.mixed_share);
  return sum;
}
double total(const std::array<double, StepShares::causes>& seconds) {
  double sum = 0;
  for (const double s : seconds) sum += s;
  return sum;
}

}  // namespace

std::optional<Regime> regime_of(const RegimeLaw& how, const PodCounts& counts, double busy_s) {
  if (!how.law || counts.iterations <= 0) return std::nullopt;
  const Mix mix = mix_of(counts, how.max_tokens);
  double clock = 1;
  if (counts.capped_iterations > 0) {
    const double took = busy_s / static_cast<double>(counts.iterations);
    clock = find_root(
        [&](double ratio) { return took - total(seconds_by_cause(*how.law, mix, ratio)); }, 0.1,
        1.0);
  }
  const auto seconds = seconds_by_cause(*how.law, mix, clock);
  Regime regime;
  const double all = total(seconds);
  for (std::size_t i = 0; i < seconds.size(); ++i) regime.time_shares[i] = seconds[i] / all;
  const auto largest = std::max_element(seconds.begin(), seconds.end());
  regime.bound = static_cast<Bound>(largest - seconds.begin());
  return regime;
}

}  // namespace mw::models
