#pragma once
#include <cstdint>
#include <functional>

#include "analysis/validate/point.hpp"
#include "models/compute/llm.hpp"
#include "models/compute/step_cost.hpp"
#include "models/inference/lengths.hpp"
#include "models/inference/pod.hpp"

namespace mw::analysis {

/// Which part of a run is reported.
enum class Window {
  whole,       // from the first request to the last token: closed loops, streams, and where asked
  batch_full,  // from as many first tokens as places until one request more is left: all at once
  most_run,    // the same without such a time: while at least nine tenths of the most run
};
inline std::span<const char* const> enum_names(Window) {
  static constexpr const char* names[] = {"whole", "batch_full", "most_run"};
  return names;
}

/// What a benchmark sees of the simulated engines; power and rates of the whole row.
struct BenchmarkResult {
  Window window = Window::whole;
  double from_s = 0, to_s = 0, end_s = 0;  // the window; the last token
  double tok_s = 0, gpu_w = 0;
  double itl_median_s = 0, tpot_mean_s = 0, ttft_mean_s = 0, ttft_median_s = 0;
  // A mean iteration of one engine in the window.
  double running = 0, decodes = 0, prefill_tokens = 0, iteration_s = 0;
  double busy = 0;          // share of the time that engines iterate
  double cached_share = 0;  // of the prompts' tokens in the window: found in the cache of prefixes
  std::int64_t completed = 0, refused = 0, preemptions = 0, capped_iterations = 0, iterations = 0;
};

/// Whether requests of the point find prompts in their engine's cache of prefixes: they repeat, and
/// the model is one whose prefixes are kept. State-space layers keep a running state in place of
/// what a prefix was, and servers leave them without such a cache (vLLM 0.11, hybrid models).
bool repeats_prompts(const Point& point, const models::LlmParameters& llm);

/// Lengths of the point's requests.
models::LengthParameters point_lengths(const Point& point, const models::LlmParameters& llm);

/// `way_s`: what a request spends outside the engine, seconds.
/// Runs the benchmark of `point` on `point.replicas` engines of `pod` behind one router. Stops
/// early, with a result that means nothing, when `stop` says so.
BenchmarkResult simulate(const Point& point, const models::LlmParameters& llm,
                         const models::PodParameters& pod, double way_s,
                         const std::function<bool()>& stop);

}  // namespace mw::analysis
