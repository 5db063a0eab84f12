#include "analysis/plan.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "analysis/enum_word.hpp"
#include "analysis/job_time.hpp"
#include "analysis/training_wall.hpp"
#include "analysis/write_file.hpp"
#include "models/training/plan.hpp"
#include "models/training/work.hpp"
#include "scenarios/training.hpp"
#include "sim/input_error.hpp"

namespace mw::analysis {
namespace {

using namespace mw::models;
using nlohmann::ordered_json;

/// What `plan` finds out.
struct Planned {
  scenarios::TrainingPlan plan;
  TrainingSetup setup;
  TrainingStep step;
  TrainingMemory memory;
  double wall_watts_per_gpu = 0;  // at the inlets of the racks' supplies
};

Planned make_plan(const PlanOptions& options) {
  const scenarios::Catalog catalog;
  const auto document =
      scenarios::read_document<scenarios::TrainingPlan>(options.plan, {options.sets}, catalog);
  Planned out;
  out.plan = document.value;
  out.setup = scenarios::training_setup(document);
  out.step = out.plan.gpu_limit ? training_step_under(out.setup, out.plan.gpu_limit->value)
                                : training_step(out.setup);
  out.memory = training_memory(out.setup);
  out.wall_watts_per_gpu = training_wall_power(out.plan.rack.value, out.step.watts());
  return out;
}

struct Line {
  StepPart part;
  double seconds, dynamic, steady;
};
std::vector<Line> lines_of(const TrainingStep& step) {
  std::vector<Line> out;
  for (std::size_t i = 0; i < step_parts; ++i) {
    const auto part = static_cast<StepPart>(i);
    const Line line{part, step.time.of(part), step.dynamic_energy.of(part),
                    step.static_energy.of(part)};
    if (line.seconds > 0 || line.dynamic > 0) out.push_back(line);
  }
  return out;
}

std::string text_of(const Planned& p) {
  const TrainingJob& job = p.setup.job;
  const TrainingStep& s = p.step;
  std::string out = fmt::format(
      "{}: {} on {} {}, {}, tp {} cp {} pp {} x {} dp {}{}, {} samples of {} tokens in "
      "micro-batches of {}\n\n",
      p.plan.name, p.plan.model.name, job.gpus, p.plan.rack.value.gpu.name, name_of(job.precision),
      job.tp, job.cp, job.pp, job.chunks(), job.dp(),
      job.ep > 1 ? fmt::format(" ep {}", job.ep) : "", job.global_batch, job.sequence,
      job.micro_batch);
  out += fmt::format("  step     {:.4g} s, {:.4g} tokens/s/GPU, {:.4g} TFLOP/s/GPU, MFU {:.1f} %\n",
                     s.seconds, s.tokens_per_gpu_second, s.model_flops * 1e-12, 100 * s.mfu);
  out += fmt::format(
      "  power    {:.0f} W a GPU, {:.0f} W with its share of the rack; {:.4g} J/token, {:.4g} at "
      "the rack's inlet\n",
      s.watts(), p.wall_watts_per_gpu, s.joules_per_token(),
      p.wall_watts_per_gpu / s.tokens_per_gpu_second);
  if (p.plan.gpu_limit)
    out += fmt::format("  clock    {:.1f} % of the highest, under {:.0f} W\n", 100 * s.clock,
                       p.plan.gpu_limit->value);
  else if (s.demand > 1)
    out +=
        fmt::format("  clock    the work asks for {:.0f} % of the power ceiling\n", 100 * s.demand);
  const TrainingMemory& m = p.memory;
  out += fmt::format(
      "  memory   {:.1f} of {:.1f} GB on stage {}: weights {:.1f}, gradients {:.1f}, optimizer "
      "{:.1f}, activations {:.1f}, buffers {:.1f}, workspace {:.1f}\n",
      m.total() / 1e9, m.usable / 1e9, m.stage, m.weights / 1e9, m.gradients / 1e9,
      m.optimizer / 1e9, m.activations / 1e9, m.buffers / 1e9, m.workspace / 1e9);
  out += "  bound by ";
  std::vector<std::pair<double, std::size_t>> bounds;
  for (std::size_t i = 0; i < step_bounds; ++i) bounds.emplace_back(s.bounds[i], i);
  std::stable_sort(bounds.begin(), bounds.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  bool first = true;
  for (const auto& [share, i] : bounds) {
    if (share < 0.0005) continue;
    out += fmt::format("{}{} {:.1f} %", first ? "" : ", ", name_of(static_cast<StepBound>(i)),
                       100 * share);
    first = false;
  }
  out += fmt::format("\n\n  {:<12} {:>10} {:>7} {:>10} {:>10} {:>7}\n", "class", "s", "%",
                     "J by work", "J at rest", "%");
  for (const Line& line : lines_of(s))
    out += fmt::format("  {:<12} {:>10.4g} {:>7.1f} {:>10.4g} {:>10.4g} {:>7.1f}\n",
                       name_of(line.part), line.seconds, 100 * line.seconds / s.seconds,
                       line.dynamic, line.steady, 100 * (line.dynamic + line.steady) / s.joules);
  out += fmt::format("  {:<12} {:>10.4g} {:>7.1f} {:>10.4g} {:>10.4g} {:>7.1f}\n", "all", s.seconds,
                     100.0, s.dynamic_energy.sum(), s.static_energy.sum(), 100.0);
  out +=
      "  seconds: a GPU of the slowest stage; joules: the mean GPU, with what it waits for "
      "others\n";
  return out;
}

ordered_json table_json(const TrainingTable& table) {
  ordered_json out = ordered_json::object();
  for (std::size_t i = 0; i < step_parts; ++i) {
    const auto part = static_cast<StepPart>(i);
    ordered_json phases = ordered_json::object();
    for (std::size_t j = 0; j < step_phases; ++j)
      phases[name_of(static_cast<StepPhase>(j))] = table.at(part, static_cast<StepPhase>(j));
    out[name_of(part)] = std::move(phases);
  }
  return out;
}

ordered_json json_of(const scenarios::TrainingPlan& plan, const JobInTime& job) {
  ordered_json out = ordered_json::object();
  for (const auto& c : job.cases)
    out["power"].push_back({{"smoothing", c.name},
                            {"highest_w", c.watts.highest()},
                            {"lowest_w", c.watts.lowest()},
                            {"mean_w", c.watts.mean()},
                            {"up_w_per_s", c.ramps.up},
                            {"down_w_per_s", c.ramps.down},
                            {"stop_w_per_s", c.stop},
                            {"band", c.band},
                            {"strongest_hz", c.strongest},
                            {"energy_cost", c.energy_cost},
                            {"asked_j", c.sums.asked},
                            {"burnt_j", c.sums.burnt},
                            {"held_j", c.sums.held},
                            {"lost_j", c.sums.lost},
                            {"stored_j", c.sums.stored}});
  for (const auto& run : job.runs) {
    ordered_json one = {{"interruptions", run.all_interruptions},
                        {"effective", run.effective()},
                        {"kept_steps", run.kept_steps},
                        {"lost_steps", run.lost_steps},
                        {"checkpoints", run.checkpoints},
                        {"waits", run.waits},
                        {"checkpoint_bytes", run.checkpoint_bytes},
                        {"checkpoint_pause_s", run.pause},
                        {"checkpoint_every_s", run.every}};
    for (std::size_t i = 0; i < job_phases; ++i)
      one["seconds"][name_of(static_cast<JobPhase>(i))] = run.time[i];
    for (std::size_t i = 0; i < run.interruptions.size(); ++i)
      one["by_cause"][plan.run->how.failures->value.causes[i].cause] = run.interruptions[i];
    if (out.contains("runs")) {
      out["runs"].push_back(std::move(one));
      continue;
    }
    for (std::size_t i = 0; i < job_phases; ++i)
      one["joules"][name_of(static_cast<JobPhase>(i))] = job.energy[i];
    one["tokens"] = job.tokens;
    one["highest_w"] = job.highest;
    one["lowest_w"] = job.lowest;
    out["runs"].push_back(std::move(one));
  }
  const auto values = expected(plan, job);
  for (std::size_t i = 0; i < values.size(); ++i)
    out["expected"].push_back({{"figure", name_of(plan.expect[i].figure)},
                               {"smoothing", plan.expect[i].smoothing},
                               {"value", values[i].value},
                               {"holds", values[i].holds}});
  return out;
}

ordered_json json_of(const Planned& p, const JobInTime* time) {
  const TrainingJob& job = p.setup.job;
  const TrainingStep& s = p.step;
  ordered_json out = {{"name", p.plan.name},
                      {"model", p.plan.model.name},
                      {"gpu", p.plan.rack.value.gpu.name},
                      {"rack", p.plan.rack.name},
                      {"stack", p.plan.stack.name}};
  out["layout"] = {{"gpus", job.gpus},
                   {"tp", job.tp},
                   {"cp", job.cp},
                   {"pp", job.pp},
                   {"vpp", job.chunks()},
                   {"dp", job.dp()},
                   {"ep", job.ep},
                   {"micro_batches", job.micro_batches()},
                   {"precision", name_of(job.precision)}};
  out["weights"] = trained_weights(p.setup.llm, job);
  out["flops_per_token"] = model_flops_per_token(p.setup.llm, job.sequence, job.mtp);
  out["step_s"] = s.seconds;
  out["tokens_per_s_per_gpu"] = s.tokens_per_gpu_second;
  out["flops_per_s_per_gpu"] = s.model_flops;
  out["mfu"] = s.mfu;
  out["clock"] = s.clock;
  out["demand"] = s.demand;
  out["gpu_w"] = s.watts();
  out["wall_w_per_gpu"] = p.wall_watts_per_gpu;
  out["j_per_token"] = s.joules_per_token();
  out["joules_per_gpu"] = s.joules;
  const TrainingMemory& m = p.memory;
  out["memory_bytes"] = {
      {"weights", m.weights},         {"gradients", m.gradients}, {"optimizer", m.optimizer},
      {"activations", m.activations}, {"buffers", m.buffers},     {"workspace", m.workspace},
      {"total", m.total()},           {"usable", m.usable},       {"stage", m.stage}};
  ordered_json bounds = ordered_json::object();
  for (std::size_t i = 0; i < step_bounds; ++i)
    bounds[name_of(static_cast<StepBound>(i))] = s.bounds[i];
  out["bound_shares"] = std::move(bounds);
  out["seconds"] = table_json(s.time);
  out["dynamic_joules"] = table_json(s.dynamic_energy);
  out["static_joules"] = table_json(s.static_energy);
  double waiting = 0;
  for (std::size_t i = 0; i < step_parts; ++i)
    if (is_exposed(static_cast<StepPart>(i)))
      waiting += s.static_energy.of(static_cast<StepPart>(i));
  out["exposed_joules"] = waiting;
  ordered_json stages = ordered_json::array();
  for (const auto& stage : s.stages)
    stages.push_back({{"forward_s", stage.forward},
                      {"backward_s", stage.backward},
                      {"forward_j", stage.forward_energy},
                      {"backward_j", stage.backward_energy}});
  out["stages"] = std::move(stages);
  if (time) out["in_time"] = json_of(p.plan, *time);
  return out;
}

/// Each stage's passes from the highest clock down to half of it, as `plan --profile` reads them.
std::string profile_csv(const Planned& p) {
  constexpr int levels = 26;
  std::string out = "stage,instruction,frequency,time,energy\n";
  const double highest = p.setup.gpu.max_clock.value.value * 1e-6;
  for (int level = 0; level < levels; ++level) {
    const double clock = 1 - 0.5 * level / (levels - 1);
    const TrainingStep step = training_step(p.setup, clock);
    for (std::size_t i = 0; i < step.stages.size(); ++i) {
      const auto& s = step.stages[i];
      out += fmt::format(
          "{0},forward,{1:.1f},{2:.9g},{3:.9g}\n{0},backward,{1:.1f},{4:.9g},{5:.9g}\n", i,
          clock * highest, s.forward, s.forward_energy, s.backward, s.backward_energy);
    }
  }
  return out;
}

}  // namespace

int plan_step(const PlanOptions& options) {
  const Planned planned = make_plan(options);
  const auto& plan = planned.plan;
  if (!options.power.empty() && !plan.power)
    throw sim::InputError(options.plan, 0, 0, "has no `power` to write", "add `power: {}`");
  if (!options.run.empty() && !plan.run)
    throw sim::InputError(options.plan, 0, 0, "has no `run` to write", "add `run`");
  std::optional<JobInTime> time;
  if (plan.power || plan.run) time = job_in_time(plan, planned.setup, planned.step);
  if (!options.power.empty())
    write_file(options.power, power_csv(*time, plan.power->resolution.value));
  if (!options.run.empty()) write_file(options.run, run_csv(*time));
  if (!options.profile.empty()) write_file(options.profile, profile_csv(planned));
  if (options.json)
    fmt::print("{}\n", json_of(planned, time ? &*time : nullptr).dump(1));
  else
    fmt::print("{}{}", text_of(planned), time ? text_of(plan, *time) : "");
  if (!time) return 0;
  for (const auto& one : expected(plan, *time))
    if (!one.holds) return 3;
  return 0;
}

}  // namespace mw::analysis
