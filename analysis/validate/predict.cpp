#include "analysis/validate/predict.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "analysis/validate/baseline.hpp"
#include "analysis/validate/tasks.hpp"
#include "models/compute/step_law.hpp"
#include "models/power/rack.hpp"
#include "scenarios/reader.hpp"
#include "scenarios/serving.hpp"
#include "sim/thread_pool.hpp"

namespace mw::analysis {
namespace {

using namespace mw::models;

/// Points whose engines are alike but for their limits and their load.
std::string configuration(const Point& p) {
  return fmt::format("{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}", p.gpu, p.model, p.stack,
                     p.n_gpus / p.replicas, p.tp, p.pp, p.ep, p.attention_dp,
                     static_cast<int>(p.precision), static_cast<int>(p.kv),
                     p.max_num_batched_tokens, p.cap_w.has_value());
}

std::vector<std::string> weak_cases(const Point& point, const LlmParameters& llm,
                                    const BenchmarkResult& run) {
  std::vector<std::string> weak;
  if (!point.weak.empty()) weak.push_back(point.weak);
  if (point.contended) weak.emplace_back("contended host");
  // The batch turns over less than twice: lengths of the first wave are not those of a long run.
  const bool short_run = double(point.n_requests) < 2 * run.running * point.replicas;
  if (point.pattern == Pattern::at_once && short_run) weak.emplace_back("no steady state");
  if (point.attention_dp > 1) weak.emplace_back("data-parallel attention");
  if (llm.experts > 0 && llm.experts_per_token == 1) weak.emplace_back("one expert per token");
  if (llm.mamba_layers > 0) weak.emplace_back("state-space layers");
  const BenchmarkTask* task = task_named(point.task);
  if (task && task->multimodal) weak.emplace_back("images or videos in the prompt");
  if (!point.notes.empty()) weak.emplace_back("number format");
  if (10 * run.preemptions > point.n_requests) weak.emplace_back("preemptions");
  return weak;
}

/// The servers' input power: a rack of such servers, all under this load, and the row's share of
/// it.
double wall_power(const Point& point, const RackParameters& rack, const BenchmarkResult& run,
                  double host_work) {
  const double racks = double(point.n_gpus) / rack.gpus();
  RackLoad load;
  load.gpu_w = run.gpu_w / racks;
  load.host_load = host_load_of(rack.host_polling.value, run.busy, std::min(1.0, host_work));
  return rack_step(make_rack_law(rack), load).input * racks;
}

/// What a request spends outside the engine before its first token, and what the launching of
/// kernels adds to the pass of its prompt.
double way_of(const Point& point, const LlmParameters& llm, const StackParameters& stack,
              const StepTableView& table) {
  const int latent_layers = llm.attention == Attention::mla ? llm.full_attention_layers : 0;
  const double launches = latent_layers * stack.latent_prompt_launch.value.value;
  StepLoad prompt;
  prompt.prefill_tokens =
      static_cast<std::int32_t>(std::min<double>(point.isl, point.max_num_batched_tokens));
  prompt.prefill_pairs = std::int64_t{prompt.prefill_tokens} * prompt.prefill_tokens / 2;
  prompt.sampled = 1;
  const double pass = step_value(table, 0, prompt).time;
  return point.request_latency_s.value_or(stack.request_latency.value.value) +
         beside_host(pass, launches) - pass;
}

Prediction predict_point(const Point& point, const Entries& entries,
                         const scenarios::ServiceBlock& service, const scenarios::ServingPlan& plan,
                         const std::shared_ptr<const StepTable>& table,
                         const std::function<bool()>& stop) {
  const auto& gpu = entries.gpus.at(point.gpu);
  const auto& llm = entries.llms.at(point.model);
  const auto& stack = entries.stacks.at(point.stack);
  Prediction out;

  PodParameters pod;
  pod.table = table;
  pod.engine = plan.engine;
  pod.router = service.engine.router;
  // The table may have been built for more sequences than this point allows: its own memory counts.
  if (!pod.engine.kv_blocks)
    pod.engine.kv_blocks =
        memory_fit(gpu, llm, stack, plan.shape, point.max_num_seqs).kv_token_capacity /
        pod.engine.block_size;
  out.run = simulate(point, llm, pod, way_of(point, llm, stack, table->view()), stop);
  const BenchmarkResult& run = out.run;
  if (run.completed == 0) {
    out.problem = fmt::format("no request of {:g} + {:g} tokens fits the KV cache of {} tokens",
                              point.isl, point.osl, *pod.engine.kv_blocks * pod.engine.block_size);
    out.advice = "use more GPUs or a narrower format";
    return out;
  }

  Figures& f = out.predicted;
  f[Figure::tok_s] = run.tok_s;
  f[Figure::tok_s_gpu] = run.tok_s / point.n_gpus;
  f[Figure::itl_ms] = 1e3 * run.itl_median_s;
  f[Figure::tpot_ms] = 1e3 * run.tpot_mean_s;
  f[Figure::ttft_ms] = 1e3 * (point.ttft == TtftKind::mean ? run.ttft_mean_s : run.ttft_median_s);
  f[Figure::gpu_w] = run.gpu_w;
  f[Figure::minutes] = run.end_s / 60;
  f[Figure::j_per_token] = run.gpu_w / run.tok_s;

  const StepLaw law(gpu, llm, stack, plan.shape);
  const StepLinear linear = law.linear();
  const double host_s = linear.host_base + linear.host_per_sequence * run.decodes;
  if (const RackParameters* rack = entries.rack_of(point); rack && point.kind == PointKind::wall) {
    f[Figure::wall_w] = wall_power(point, *rack, run, host_s / run.iteration_s);
    f[Figure::j_per_token] = *f[Figure::wall_w] / run.tok_s;
  }

  StepLoad load;
  load.decodes = load.sampled = std::max(1, static_cast<int>(run.decodes + 0.5));
  load.prefill_tokens = static_cast<std::int32_t>(run.prefill_tokens + 0.5);
  const double age = point.osl * (1 + point.osl_cv * point.osl_cv) / 2;
  load.kv_tokens =
      static_cast<std::int64_t>(load.decodes * (point.isl + std::min(age, 2 * point.osl)));
  load.prefill_pairs = static_cast<std::int64_t>(run.prefill_tokens * point.isl / 2);
  out.shares = law.shares(load, law.level(1.0));
  if (run.capped_iterations > 0) out.shares.bound = Bound::power;

  out.baseline = naive_baseline(point, gpu, llm, std::max(1.0, run.running));
  if (f[Figure::wall_w] && out.baseline[Figure::gpu_w]) {
    const auto* rack = entries.rack_of(point);
    // The rated power of the servers' design.
    out.baseline[Figure::wall_w] =
        0.85 * rack->design_power.value.value * point.n_gpus / rack->gpus();
    out.baseline[Figure::j_per_token] =
        *out.baseline[Figure::wall_w] / *out.baseline[Figure::tok_s];
  }
  out.weak = weak_cases(point, llm, run);
  return out;
}

}  // namespace

void Entries::read(const std::vector<Point>& points) {
  for (const auto& point : points) {
    const bool serves = point.kind == PointKind::serving || point.kind == PointKind::wall;
    if (!serves && point.kind != PointKind::cap) continue;
    if (!gpus.contains(point.gpu))
      gpus[point.gpu] = scenarios::read_entry<GpuParameters>(catalog_, point.gpu);
    if (!serves) continue;
    if (!llms.contains(point.model))
      llms[point.model] = scenarios::read_entry<LlmParameters>(catalog_, point.model);
    if (!stacks.contains(point.stack))
      stacks[point.stack] = scenarios::read_entry<StackParameters>(catalog_, point.stack);
  }
  if (racks.empty())
    for (const auto& name : catalog_.list("racks")) {
      auto rack = scenarios::read_entry<RackParameters>(catalog_, name);
      if (rack.gpus() > 0) racks[name] = std::move(rack);
    }
}

int Entries::link_domain(const std::string& gpu) const {
  int largest = 0;
  for (const auto& [name, rack] : racks)
    if (rack.gpu.name == gpu) largest = std::max(largest, rack.link_domain);
  return largest > 0 ? largest : 8;
}

const RackParameters* Entries::rack_of(const Point& point) const {
  if (!point.rack.empty()) {
    const auto found = racks.find(point.rack);
    return found == racks.end() ? nullptr : &found->second;
  }
  const RackParameters* best = nullptr;
  for (const auto& [name, rack] : racks) {  // by name: air before liquid
    if (rack.gpu.name == point.gpu && !best) best = &rack;
  }
  return best;
}

scenarios::ServiceBlock service_of(const Point& point, const Entries& entries) {
  scenarios::ServiceBlock service;
  service.name = point.id;
  service.model = {point.model, entries.llms.at(point.model)};
  service.precision = point.precision;
  auto& engine = service.engine;
  engine.gpus = point.n_gpus / point.replicas;
  engine.tp = point.tp;
  engine.ep = point.ep;
  engine.pp = point.pp;
  engine.attention_dp = point.attention_dp;
  engine.kv = point.kv;
  engine.stack = {point.stack, entries.stacks.at(point.stack)};
  engine.max_num_seqs = point.max_num_seqs;
  engine.max_num_batched_tokens = point.max_num_batched_tokens;
  engine.admission_interval = point.admission_interval;
  engine.batch_wait = point.batch_wait;
  engine.batch_wait_fill = point.batch_wait_fill;
  engine.kv_blocks = point.kv_blocks;
  // Under a limit clocks lie nearly as close as those of the driver.
  engine.clock_levels = point.cap_w ? 64 : 1;
  return service;
}

std::vector<Prediction> predict_serving(const std::vector<Point>& points, const Entries& entries,
                                        int threads, const std::function<void()>& done,
                                        const std::function<bool()>& stop) {
  std::vector<Prediction> out(points.size());
  std::map<std::string, std::vector<std::size_t>> grouped;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const PointKind kind = points[i].kind;
    if (kind == PointKind::serving || kind == PointKind::wall)
      grouped[configuration(points[i])].push_back(i);
  }
  std::vector<const std::vector<std::size_t>*> groups;
  for (const auto& [key, rows] : grouped) groups.push_back(&rows);

  sim::ThreadPool pool(threads);
  pool.for_each(groups.size(), [&](std::size_t g) {
    std::shared_ptr<const StepTable> table;
    std::vector<std::size_t> rows = *groups[g];
    // The first point has the most sequences, so its table serves them all.
    std::stable_sort(rows.begin(), rows.end(), [&](std::size_t a, std::size_t b) {
      return points[a].max_num_seqs > points[b].max_num_seqs;
    });
    for (const std::size_t i : rows) {
      if (stop()) return;
      const Point& point = points[i];
      const auto& gpu = entries.gpus.at(point.gpu);
      const scenarios::ServiceBlock service = service_of(point, entries);
      sim::Problems problems;
      const auto plan =
          scenarios::plan_serving(service, gpu, entries.link_domain(point.gpu), problems);
      if (!problems.items.empty()) {
        const auto& first = problems.items.front();
        out[i].problem = first.at.substr(first.at.rfind('.') + 1) + ": " + first.problem;
        out[i].advice = first.advice;
      } else {
        if (!table) table = scenarios::serving_table(service, gpu, plan);
        out[i] = predict_point(point, entries, service, plan, table, stop);
      }
      done();
    }
  });
  return out;
}

}  // namespace mw::analysis
