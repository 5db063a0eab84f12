#include "analysis/validate/predict_training.hpp"

#include <algorithm>
#include <map>
#include <string>

#include <fmt/format.h>

#include "analysis/training_wall.hpp"
#include "models/training/plan.hpp"
#include "models/training/work.hpp"
#include "scenarios/reader.hpp"

namespace mw::analysis {
namespace {

using namespace mw::models;

/// Entries that training points name, read once.
template <class T>
const T& known(std::map<std::string, T>& all, const std::string& name,
               const scenarios::Catalog& catalog) {
  auto found = all.find(name);
  if (found == all.end()) found = all.emplace(name, scenarios::read_entry<T>(catalog, name)).first;
  return found->second;
}

std::string shares_of(const TrainingStep& step) {
  std::string out;
  std::vector<std::pair<double, std::size_t>> shares;
  for (std::size_t i = 0; i < step_bounds; ++i) shares.emplace_back(step.bounds[i], i);
  std::stable_sort(shares.begin(), shares.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  for (const auto& [share, i] : shares) {
    if (share < 0.05) break;
    out += fmt::format("{}{} {:.0f} %", out.empty() ? "" : ", ", enum_names(StepBound{})[i],
                       100 * share);
  }
  return out;
}

Prediction predict_one(const Point& point, const TrainingSetup& setup, const RackParameters* rack) {
  Prediction out;
  // What was measured did run: then it is the account of its memory that errs.
  const bool ran = point.measured.any();
  const auto problems = ran ? layout_problems(setup) : plan_problems(setup);
  if (!problems.empty()) {
    out.problem = problems.front().at + ": " + problems.front().problem;
    out.advice = problems.front().advice;
    return out;
  }
  const TrainingJob& job = setup.job;
  const TrainingStep step =
      point.cap_w ? training_step_under(setup, *point.cap_w) : training_step(setup);
  Figures& f = out.predicted;
  f[Figure::tok_s_gpu] = step.tokens_per_gpu_second;
  f[Figure::tok_s] = step.tokens_per_gpu_second * job.gpus;
  f[Figure::gpu_w] = step.watts() * job.gpus;
  f[Figure::j_per_token] = step.joules_per_token();
  // The roofline at efficiency 1, and 85 % of the rated power, as for serving.
  Figures& naive = out.baseline;
  const double rate = tensor_rate(setup.gpu, units_of(job.precision)) /
                      model_flops_per_token(setup.llm, job.sequence, job.mtp);
  naive[Figure::tok_s_gpu] = rate;
  naive[Figure::tok_s] = rate * job.gpus;
  naive[Figure::gpu_w] = 0.85 * setup.gpu.tdp.value.value * job.gpus;
  naive[Figure::j_per_token] = 0.85 * setup.gpu.tdp.value.value / rate;
  if (rack) {
    f[Figure::wall_w] = training_wall_power(*rack, step.watts()) * job.gpus;
    naive[Figure::wall_w] = 0.85 * rack->design_power.value.value * job.gpus / rack->gpus();
  }
  if (point.train_steps > 0) {
    const double steps = static_cast<double>(point.train_steps);
    f[Figure::minutes] = steps * step.seconds * (1 + setup.stack.run_overhead.value) / 60;
    naive[Figure::minutes] = steps * job.step_tokens() / (rate * job.gpus) / 60;
  }
  out.basis = shares_of(step);
  if (ran && !training_memory(setup).fits())
    out.weak.emplace_back("memory that would not hold it by the twin's account");
  if (!point.weak.empty()) out.weak.push_back(point.weak);
  if (setup.llm.mamba_layers > 0) out.weak.emplace_back("state-space layers");
  if (setup.llm.window_layers > 0) out.weak.emplace_back("windows and sinks in attention");
  return out;
}

}  // namespace

void predict_training(const std::vector<Point>& points, const Entries& entries,
                      std::vector<Prediction>& predictions, const scenarios::Catalog& catalog,
                      const std::function<void()>& done) {
  std::map<std::string, GpuParameters> gpus;
  std::map<std::string, LlmParameters> llms;
  std::map<std::string, TrainingStackParameters> stacks;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const Point& point = points[i];
    if (point.kind != PointKind::training) continue;
    TrainingSetup setup;
    setup.gpu = known(gpus, point.gpu, catalog);
    setup.llm = known(llms, point.model, catalog);
    setup.stack = known(stacks, point.stack, catalog);
    setup.job = point.job;
    setup.domain = entries.link_domain(point.gpu);
    setup.gpu_factor = gpu_factor(setup.stack, point.gpu);
    predictions[i] = predict_one(point, setup, entries.rack_of(point));
    done();
  }
}

}  // namespace mw::analysis
