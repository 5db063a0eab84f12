#include "analysis/validate/simulate.hpp"

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "models/inference/prefix_law.hpp"
#include "models/inference/replica.hpp"
#include "sim/random.hpp"

namespace mw::analysis {
namespace {

using namespace mw::models;

// A benchmark is one service: its draws are those of the first service of a scenario with seed 1.
constexpr std::uint64_t seed = 1;
constexpr std::uint32_t entity = 0, length_stream = 1, gap_stream = 2;

std::vector<Arrival> arrivals_of(const Point& point, const LlmParameters& llm,
                                 const PrefixLaw* prefixes) {
  std::vector<Arrival> arrivals;
  if (point.pattern == Pattern::closed_loop) return arrivals;  // the pod's users ask
  const LengthParameters lengths = point_lengths(point, llm);
  arrivals.reserve(static_cast<std::size_t>(point.n_requests));
  double t = 0;
  for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(point.n_requests); ++i) {
    Lengths drawn = draw_lengths(lengths, {seed, entity, length_stream}, i);
    if (prefixes)
      drawn.prompt =
          draw_lengths(lengths, {seed, entity, length_stream}, prefixes->prompt_of(i)).prompt;
    if (point.pattern == Pattern::poisson)
      t += sim::exponential({seed, entity, gap_stream}, i) / point.rate;
    arrivals.push_back({sim::from_seconds(t), i, drawn.prompt, drawn.output});
  }
  return arrivals;
}

/// What its prompts have in common; null: nothing that its engines keep.
std::shared_ptr<const PrefixLaw> prefixes_of(const Point& point, const LlmParameters& llm,
                                             const EngineParameters& engine) {
  if (!repeats_prompts(point, llm)) return nullptr;
  PrefixLaw law;
  law.group_tokens = engine.block_size;
  law.distinct = static_cast<std::uint64_t>(point.distinct_prompts);
  return std::make_shared<const PrefixLaw>(std::move(law));
}

/// About how long the run takes: its requests, as many at a time as may run, at the pace of the
/// mean iteration.
double expected_seconds(const Point& point, const PodParameters& pod) {
  const double batch = std::max(
      1.0, std::min({double(pod.engine.max_num_seqs), double(point.n_requests) / pod.replicas,
                     double(kv_blocks(pod.engine, *pod.table)) * pod.engine.block_size /
                         (point.isl + point.osl),
                     point.concurrency > 0 ? double(point.concurrency) / pod.replicas : 1e9}));
  StepLoad load;
  load.decodes = load.sampled = static_cast<std::int32_t>(batch);
  load.kv_tokens = static_cast<std::int64_t>(batch * (point.isl + point.osl / 2));
  const double step = step_value(pod.table->view(), 0, load).time;
  const double waves = double(point.n_requests) / pod.replicas / batch;
  const double work = std::max(1.0, waves) * point.osl * step;
  return point.pattern == Pattern::poisson ? std::max(work, double(point.n_requests) / point.rate)
                                           : work;
}

/// Sums over some epochs.
struct Part {
  PodCounts counts;
  Latencies latencies;
  double seconds = 0, energy_j = 0, running_s = 0;
  sim::Time from = 0, to = 0;
};

class Bench {
 public:
  /// `most`: the most that ran at any time, where the window is the time near it.
  Bench(const Point& point, const LlmParameters& llm, const PodParameters& pod, double way_s,
        std::optional<std::int64_t> most)
      : way_s_(way_s), point_(point), pod_(pod), near_(most) {
    pod_.prefixes = prefixes_of(point, llm, pod.engine);
    arrivals_ = arrivals_of(point, llm, pod_.prefixes.get());
    pod_.replicas = point.replicas;
    pod_.seed = seed;
    pod_.keep_records = true;
    if (point.pattern == Pattern::closed_loop)
      pod_.users = {.users = point.concurrency,
                    .all = point.concurrency,
                    .requests = point.n_requests,
                    // A user's next request spends its way to the engine first.
                    .think = sim::from_seconds(way_s),
                    .lengths = point_lengths(point, llm),
                    .draws = {seed, entity, length_stream},
                    .prefixes = pod_.prefixes};
    state_ = initial_pod(pod_);
    if (point.cap_w) {
      const int engine = point.n_gpus / point.replicas;
      for (auto& replica : state_.replicas)
        replica.power_limit_mw = static_cast<std::int64_t>(*point.cap_w * engine * 1e3);
    }
  }

  void run(const std::function<bool()>& stop) {
    const int cuts = point_.pattern == Pattern::at_once ? 2000 : 100;
    sim::Time step = std::clamp(sim::from_seconds(expected_seconds(point_, pod_) / cuts),
                                sim::millisecond, 100 * sim::second);
    for (int epochs = 1; done_ < point_.n_requests && !stop(); ++epochs) {
      advance_by(step);
      if (epochs % (4 * cuts) == 0) step *= 2;  // slower than thought: fewer cuts
    }
  }

  double end_s() const { return sim::to_seconds(last_finish_); }
  double window_s() const { return window_.seconds; }
  std::int64_t most() const { return most_; }

  BenchmarkResult result(Window window) const {
    BenchmarkResult out;
    out.window = window;
    out.end_s = end_s();
    Part part = window == Window::whole ? whole_ : window_;
    out.from_s = sim::to_seconds(part.from);
    out.to_s = sim::to_seconds(part.to);
    if (window == Window::whole) {
      // The last epoch goes on after the last token, idle.
      const double idle_w = double(pod_.table->idle_power_mw) * 1e-3 * pod_.replicas;
      part.energy_j -= idle_w * (out.to_s - out.end_s);
      part.seconds = out.to_s = out.end_s;
    }
    fill_latencies(out);
    fill_rates(out, part);
    out.completed = whole_.counts.completed;
    out.refused = whole_.counts.refused;
    out.preemptions = whole_.counts.preemptions;
    return out;
  }

 private:
  void advance_by(sim::Time step) {
    const sim::Time start = state_.now, end = start + step;
    Part part;
    part.from = start;
    part.to = end;
    part.seconds = sim::to_seconds(step);
    begin_epoch(epoch_, pod_.replicas, start, end, step);
    epoch_.latencies = &part.latencies;
    std::size_t last = next_;
    while (last < arrivals_.size() && arrivals_[last].t < end) ++last;
    advance(state_, pod_, std::span(arrivals_).subspan(next_, last - next_), end, epoch_);
    next_ = last;

    part.counts = epoch_.counts;
    for (const std::int64_t nj : epoch_.energy_nj) part.energy_j += double(nj) * 1e-9;
    const std::int64_t running = epoch_.counts.running;
    part.running_s = 0.5 * double(running_before_ + running) * part.seconds;
    for (const auto& record : epoch_.records) note(record);
    add_to(whole_, part);
    if (in_window(running)) add_to(window_, part);
    started_ += part.latencies.ttft.total;
    done_ += epoch_.counts.completed + epoch_.counts.refused;
    most_ = std::max(most_, running);
    running_before_ = running;
  }

  /// Of the epoch, by what was before it: as many requests as there are places have their first
  /// tokens, and one more than that is still to be answered.
  bool in_window(std::int64_t running) const {
    if (point_.pattern != Pattern::at_once) return false;
    if (near_) return running > 0 && 10 * running >= 9 * *near_;
    const std::int64_t places = std::int64_t{pod_.engine.max_num_seqs} * pod_.replicas;
    return started_ >= places && done_ < point_.n_requests - places - 1;
  }

  static void add_to(Part& sum, const Part& part) {
    if (sum.seconds == 0) sum.from = part.from;
    sum.to = part.to;
    add(sum.counts, part.counts);
    merge(sum.latencies, part.latencies);
    sum.seconds += part.seconds;
    sum.energy_j += part.energy_j;
    sum.running_s += part.running_s;
  }

  void note(const RequestRecord& record) {
    const sim::FineTime arrival{record.arrival, 0};
    ttft_.push_back(double(sim::ps_between(arrival, record.first)) * 1e-12);
    if (record.output_tokens > 1)
      tpot_.push_back(double(sim::ps_between(record.first, record.finished)) * 1e-12 /
                      (record.output_tokens - 1));
    if (last_finish_ < record.finished) last_finish_ = record.finished;
  }

  void fill_latencies(BenchmarkResult& out) const {
    const auto mean = [](const std::vector<double>& values) {
      double sum = 0;
      for (const double v : values) sum += v;
      return values.empty() ? 0 : sum / double(values.size());
    };
    std::vector<double> sorted = ttft_;
    std::sort(sorted.begin(), sorted.end());
    out.ttft_mean_s = way_s_ + mean(ttft_);
    out.ttft_median_s = sorted.empty() ? 0 : way_s_ + sorted[sorted.size() / 2];
    out.tpot_mean_s = mean(tpot_);
    // Of the whole run, as the clients of benchmarks note it: the last answers come from an
    // emptying batch.
    out.itl_median_s = whole_.latencies.itl.quantile(0.5);
  }

  void fill_rates(BenchmarkResult& out, const Part& part) const {
    if (part.seconds <= 0 || part.counts.iterations == 0) return;
    const double busy_s = double(part.counts.busy_ps) * 1e-12;
    out.tok_s = double(part.counts.output_tokens) / part.seconds;
    out.gpu_w = part.energy_j / part.seconds;
    out.running = part.running_s / part.seconds / pod_.replicas;
    out.busy = busy_s / part.seconds / pod_.replicas;
    const double n = double(part.counts.iterations);
    out.decodes = double(part.counts.output_tokens) / n;
    const auto prompts = double(part.counts.prompt_tokens + part.counts.cached_tokens);
    out.cached_share = prompts > 0 ? double(part.counts.cached_tokens) / prompts : 0;
    out.prefill_tokens = double(part.counts.prompt_tokens + part.counts.recomputed_tokens) / n;
    out.iteration_s = busy_s / n;
    out.iterations = part.counts.iterations;
    out.capped_iterations = part.counts.capped_iterations;
  }

  double way_s_;  // from a client to the engine and back, seconds
  const Point& point_;
  PodParameters pod_;
  std::vector<Arrival> arrivals_;
  std::optional<std::int64_t> near_;
  std::size_t next_ = 0;
  PodState state_;
  PodEpoch epoch_;
  Part whole_, window_;
  std::vector<double> ttft_, tpot_;
  std::int64_t running_before_ = 0, most_ = 0, started_ = 0, done_ = 0;
  sim::FineTime last_finish_{};
};

LengthDistribution length(double mean, double cv, double shortest, std::int32_t max) {
  LengthDistribution out;
  const auto whole = static_cast<std::int32_t>(mean + 0.5);
  if (cv > 0) {
    out.lognormal = LognormalLength{mean, cv};
    out.max = std::max(whole, max);
  } else if (shortest < 1) {
    const auto least = static_cast<std::int32_t>(mean * shortest + 0.5);
    out.empirical = EmpiricalLength{{0, 1}, {std::max(1, least), whole}};
  } else {
    out.fixed = whole;
  }
  return out;
}

}  // namespace

bool repeats_prompts(const Point& point, const LlmParameters& llm) {
  return point.distinct_prompts > 0 && point.n_requests > point.distinct_prompts &&
         llm.mamba_layers == 0;
}

LengthParameters point_lengths(const Point& point, const LlmParameters& llm) {
  // Together a prompt and its answer stay within the model's context.
  const auto context = static_cast<std::int32_t>(std::min<std::int64_t>(llm.max_context, 1 << 24));
  LengthParameters out;
  out.prompt = length(point.isl, point.isl_cv, point.shortest, context / 4);
  out.output = length(point.osl, point.osl_cv, point.shortest, context - context / 4 - 1);
  return out;
}

BenchmarkResult simulate(const Point& point, const LlmParameters& llm, const PodParameters& pod,
                         double way_s, const std::function<bool()>& stop) {
  Bench bench(point, llm, pod, way_s, std::nullopt);
  bench.run(stop);
  if (point.pattern != Pattern::at_once || point.whole_run) return bench.result(Window::whole);
  // A window of a few iterations says little: a twentieth of the run at least.
  if (bench.window_s() > 0.05 * bench.end_s()) return bench.result(Window::batch_full);
  Bench again(point, llm, pod, way_s, bench.most());
  again.run(stop);
  return again.result(again.window_s() > 0 ? Window::most_run : Window::whole);
}

}  // namespace mw::analysis
