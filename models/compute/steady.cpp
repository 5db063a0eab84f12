#include "models/compute/steady.hpp"

#include <algorithm>
#include <cmath>

#include "sim/portable_math.hpp"

namespace mw::models {
namespace {

using sim::portable::exp;

/// The law at a batch between whole numbers.
StepValue at_batch(const SteadyCosts& costs, double batch, double context, double prefill_tokens,
                   double prompt) {
  const auto value = [&](std::int32_t b) {
    StepLoad load;
    load.decodes = b;
    load.sampled = b;
    load.kv_tokens = static_cast<std::int64_t>(b * context);
    load.prefill_tokens = static_cast<std::int32_t>(
        std::min(prefill_tokens, costs.max_tokens - double(b) * costs.tokens_per_decode) + 0.5);
    load.prefill_pairs = static_cast<std::int64_t>(load.prefill_tokens * prompt / 2);
    return costs.of(load);
  };
  const auto low = std::min(static_cast<std::int32_t>(batch), costs.max_sequences - 1);
  const double part = batch - low;
  const StepValue a = value(low);
  const StepValue b = value(low + 1);
  return {a.time + (b.time - a.time) * part, a.energy + (b.energy - a.energy) * part,
          a.gpu_time + (b.gpu_time - a.gpu_time) * part};
}

}  // namespace

SteadyState steady_state(const SteadyCosts& costs, const SteadyLoad& load) {
  SteadyState out;
  // Mean age of a running sequence, length-biased: E[L^2] / (2 E[L]). A finite run that starts
  // empty has not reached it; it relaxes over the run.
  const double age = load.output_tokens * (1 + load.output_cv * load.output_cv) / 2;
  double reached = 1;
  if (load.requests > 0) {
    const double length = (load.requests / load.batch - 1) * load.output_tokens;
    reached = length > 0 ? 1 - age / length * (1 - exp(-length / age)) : 0;
  }
  out.context = load.prompt_tokens + age * reached;

  // Admissions come in bursts: with rate a per iteration, a share 1 - exp(-g a) of iterations
  // carries all prompt tokens, as far as they fit.
  // An iteration yields more than one token for a sequence under speculative decoding.
  const double yield = load.batch * costs.yield_per_decode;
  const double admissions = yield / load.output_tokens;
  const double room = std::max(1.0, costs.max_tokens - load.batch * costs.tokens_per_decode);
  const double computed = load.prompt_tokens - load.cached_tokens;
  out.mixed_share = std::clamp(
      std::max(1 - exp(-load.mixed_step_burst * admissions), admissions * computed / room), 1e-12,
      1.0);
  const double prefill = admissions * computed / out.mixed_share;

  const StepValue plain = at_batch(costs, load.batch, out.context, 0, load.prompt_tokens);
  const StepValue mixed = at_batch(costs, load.batch, out.context, prefill, load.prompt_tokens);
  const double p = out.mixed_share;
  out.mean_step = (1 - p) * plain.time + p * mixed.time;
  out.tokens_per_second = yield / out.mean_step;
  out.power = ((1 - p) * plain.energy + p * mixed.energy) / out.mean_step;
  out.joules_per_token = out.power / out.tokens_per_second;
  out.busy = ((1 - p) * plain.gpu_time + p * mixed.gpu_time) / out.mean_step;
  // The median changes sides where half the iterations are mixed; runs blur it (width 0.08,
  // calibrated with the rest).
  const double side = 1 / (1 + exp(-(p - 0.5) / 0.08));
  out.median_gap = (plain.time * (1 - side) + mixed.time * side) / costs.yield_per_decode;
  return out;
}

SteadyState steady_state(const StepTableView& v, int level, const SteadyLoad& load) {
  return steady_state(
      {[&](const StepLoad& step) { return step_value(v, level, step); }, v.max_sequences,
       v.max_tokens, v.linear.tokens_per_decode, v.linear.yield_per_decode},
      load);
}

}  // namespace mw::models
