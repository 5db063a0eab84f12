#include "analysis/calibrate/steady_predictor.hpp"

#include <algorithm>
#include <cmath>

#include "analysis/validate/simulate.hpp"
#include "models/compute/law_value.hpp"
#include "models/compute/steady.hpp"
#include "models/inference/repeated_prompts.hpp"
#include "scenarios/serving.hpp"

namespace mw::analysis {
namespace {

using namespace mw::models;

/// The prices of one engine's iterations.
struct Engine {
  const Point& point;
  double prompt, output, output_cv;  // mean lengths
  SteadyCosts costs;
  double kv_capacity;  // tokens of context that fit
  int block;           // tokens of a block of the KV cache
  double burst;
  bool repeats;  // prompts, some of which the cache may still hold

  SteadyState at(double batch, double requests) const {
    SteadyLoad load;
    load.batch = batch;
    load.prompt_tokens = prompt;
    load.output_tokens = output;
    load.output_cv = output_cv;
    load.requests = requests;
    load.mixed_step_burst = burst;
    const SteadyState all_new = steady_state(costs, load);
    if (!repeats) return all_new;
    load.cached_tokens =
        cached_prompt_tokens({.distinct = double(point.distinct_prompts),
                              .requests = double(point.n_requests) / point.replicas,
                              .batch = batch,
                              .prompt = prompt,
                              .output = output,
                              .prompt_cv = point.isl_cv,
                              .output_cv = output_cv,
                              .context = all_new.context,
                              .capacity = kv_capacity,
                              .block = double(block)});
    return steady_state(costs, load);
  }

  /// Seconds from a request's arrival in a batch to its first token: the rest of the iteration that
  /// runs, then those that carry its prompt.
  double first_token(double batch, const SteadyState& s) const {
    StepLoad load;
    load.decodes = load.sampled = static_cast<std::int32_t>(batch);
    load.kv_tokens = static_cast<std::int64_t>(batch * s.context);
    const double room = std::max(1.0, costs.max_tokens - batch);
    const double rounds = std::ceil(prompt / room);
    load.prefill_tokens = static_cast<std::int32_t>(prompt / rounds);
    load.prefill_pairs = static_cast<std::int64_t>(prompt * prompt / 2 / rounds);
    return 0.5 * s.mean_step + rounds * costs.of(load).time;
  }

  /// Never more than the places in the batch, nor than the cache holds.
  double limited(double batch, const SteadyState& s) const {
    return std::clamp(std::min(batch, kv_capacity / std::max(s.context, 1.0)), 1.0,
                      double(point.max_num_seqs));
  }

  /// The mean batch that the point's arrivals bring about, and the state at it. A few rounds of
  /// substitution: what comes out depends weakly on what goes in.
  SteadyState settle(double& batch) const {
    const double requests = double(point.n_requests) / point.replicas;
    const bool at_once = point.pattern == Pattern::at_once;
    const double finite = at_once ? requests : 0;
    const double users = double(point.concurrency) / point.replicas;
    batch = at_once ? std::min(double(point.max_num_seqs), std::max(1.0, requests))
            : point.pattern == Pattern::closed_loop ? std::min(users, double(point.max_num_seqs))
                                                    : 1;
    SteadyState s = at(batch, finite);
    for (int round = 0; round < 12; ++round) {
      double next = batch;
      if (point.pattern == Pattern::closed_loop) {
        const double decoding = output * s.mean_step;
        next = users * decoding / (decoding + first_token(batch, s));
      } else if (point.pattern == Pattern::poisson) {
        // Little's law over the time in which a request decodes.
        next = point.rate / point.replicas * output * s.mean_step;
      }
      next = limited(next, s);
      if (std::fabs(next - batch) < 1e-3 * batch) break;
      batch = next;
      s = at(batch, finite);
    }
    return s;
  }
};

}  // namespace

SteadyPredictor::SteadyPredictor(const std::vector<Point>& points, const Entries& entries)
    : points_(points), entries_(entries) {
  using Key =
      std::tuple<std::string, std::string, std::string, std::array<int, 5>, Precision, Precision>;
  std::map<Key, std::size_t> known;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const Point& p = points[i];
    const Key key{p.model,     p.gpu, p.stack, {p.tp, p.pp, p.ep, p.attention_dp, p.max_num_seqs},
                  p.precision, p.kv};
    const auto [at, fresh] = known.try_emplace(key, shapes_.size());
    if (fresh) {
      sim::Problems found;
      const auto plan = scenarios::plan_serving(service_of(p, entries), entries.gpus.at(p.gpu),
                                                entries.link_domain(p.gpu), found);
      shapes_.push_back({i, plan.shape, {}});
    }
    shapes_[at->second].points.push_back(i);
  }
}

std::vector<SteadyFigures> SteadyPredictor::predict() const {
  std::vector<SteadyFigures> out(points_.size());
  for (const Shape& shape : shapes_) {
    const Point& first = points_[shape.first];
    const GpuParameters& gpu = entries_.gpus.at(first.gpu);
    const LlmParameters& llm = entries_.llms.at(first.model);
    const StackParameters& stack = entries_.stacks.at(first.stack);
    const StepLaw law(gpu, llm, stack, shape.shape);
    const StepLinear linear = law.linear();
    const LevelLaw level = law.level(1);
    const MemoryFit memory = memory_fit(gpu, llm, stack, shape.shape, first.max_num_seqs);
    for (const std::size_t i : shape.points) {
      const Point& p = points_[i];
      const double mean = 0.5 * (1 + p.shortest);
      const double spread = p.shortest < 1 ? (1 - p.shortest) / std::sqrt(12.0) / mean : p.osl_cv;
      const bool repeats = repeats_prompts(p, llm);
      const Engine engine{
          p,
          p.isl * mean,
          p.osl * mean,
          spread,
          {[&](const StepLoad& load) { return law_value(law, linear, level, load); },
           p.max_num_seqs + 1, p.max_num_batched_tokens},
          p.kv_blocks ? double(*p.kv_blocks) * stack.block_size : double(memory.kv_token_capacity),
          stack.block_size,
          stack.mixed_step_burst.value,
          repeats};
      SteadyFigures& f = out[i];
      const SteadyState s = engine.settle(f.batch);
      f.tok_s = s.tokens_per_second * p.replicas;
      f.itl_s = s.median_gap;
      f.tpot_s = s.mean_step;
      f.gpu_w = s.power * p.replicas;
      f.j_per_token = s.joules_per_token;
    }
  }
  return out;
}

}  // namespace mw::analysis
