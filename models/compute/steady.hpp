#pragma once
#include <functional>

#include "models/compute/step_cost.hpp"

// A replica in steady state, without simulating arrivals: mean context, share of iterations that
// also prefill. For calibration against published batch sweeps and for quick estimates; the
// simulated engine needs none of it.
namespace mw::models {

struct SteadyLoad {
  double batch = 1;             // mean running sequences
  double prompt_tokens = 0;     // mean
  double cached_tokens = 0;     // of them: found in a cache of prefixes, mean over requests
  double output_tokens = 1;     // mean
  double output_cv = 1;         // standard deviation of the output length over its mean
  double requests = 0;          // of a finite run that starts empty; 0: a live service
  double mixed_step_burst = 1;  // StackParameters::mixed_step_burst
};

struct SteadyState {
  double tokens_per_second = 0;
  double power = 0;  // W, whole replica
  double joules_per_token = 0;
  double median_gap = 0;   // s between two tokens of a sequence; under speculation, on average
  double mean_step = 0;    // s
  double mixed_share = 0;  // of iterations
  double context = 0;      // mean tokens per running sequence
  double busy = 0;         // GPU time over step time
};
/// Where an iteration's cost comes from: a table, or the law itself.
struct SteadyCosts {
  std::function<StepValue(const StepLoad&)> of;
  int max_sequences = 1;
  int max_tokens = 1;           // decodes and prefill tokens of one iteration
  int tokens_per_decode = 1;    // StepLinear's
  double yield_per_decode = 1;  // StepLinear's
};
SteadyState steady_state(const SteadyCosts& costs, const SteadyLoad& load);
SteadyState steady_state(const StepTableView& table, int level, const SteadyLoad& load);

}  // namespace mw::models
