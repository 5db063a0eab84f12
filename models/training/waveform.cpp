#include "models/training/waveform.hpp"

#include <algorithm>

#include "models/training/pipeline_graph.hpp"
#include "models/training/work.hpp"

namespace mw::models {
namespace {

using P = StepPart;

PipelineParameters pipeline_of(const TrainingJob& job) {
  PipelineParameters p;
  p.schedule = job.chunks() > 1 ? Schedule::interleaved : Schedule::one_f_one_b;
  p.stages = job.pp;
  p.microbatches = job.micro_batches();
  p.chunks = job.chunks();
  return p;
}

}  // namespace

StepWaveform step_waveform(const TrainingSetup& setup, const TrainingStep& step) {
  const TrainingJob& job = setup.job;
  const PipelineGraph graph = pipeline_graph(pipeline_of(job));
  const double passes = double(job.micro_batches()) * job.chunks();
  const double rest = step.static_energy.sum() / step.seconds;

  // Seconds and joules of work of each op. Hand-overs belong to the op that sends.
  std::vector<double> duration(graph.size()), work(graph.size());
  for (std::size_t i = 0; i < graph.size(); ++i) {
    const PipelineOp& op = graph.op(i);
    const bool forward = op.instruction == Instruction::forward;
    const StepPhase phase = forward ? StepPhase::forward : StepPhase::backward;
    const StagePass& pass = step.stages[static_cast<std::size_t>(op.stage)];
    const double seconds = forward ? pass.forward : pass.backward;
    const double joules = forward ? pass.forward_energy : pass.backward_energy;
    duration[i] = seconds / job.chunks() + step.time.at(P::hand_over, phase) / passes;
    work[i] = (joules - rest * seconds) / job.chunks() +
              step.dynamic_energy.at(P::hand_over, phase) / passes;
  }
  const PipelineTimes times = earliest_times(graph, duration, 0);

  StepWaveform out;
  out.seconds = step.seconds;
  out.waiting = rest;
  double exchange = step.time.at(P::data, StepPhase::step);
  double optimizer = step.time.at(P::optimizer, StepPhase::step);
  out.pipeline = step.seconds - exchange - optimizer - step.time.at(P::straggler, StepPhase::step);
  // The step's law takes the bubble of uneven stages from a closed form; the graph is brought to
  // it.
  const double scale = out.pipeline / times.total;
  double exchange_work = step.dynamic_energy.at(P::data, StepPhase::step);
  double optimizer_work = step.dynamic_energy.at(P::optimizer, StepPhase::step);
  // No GPU draws more than its ceiling lets it for as long as an optimizer takes: such work is
  // stretched into the wait that follows; what that does not hold is spread over the passes.
  const double most =
      std::max(setup.gpu.power_ceiling.value * setup.gpu.tdp.value.value - rest, 1e-3);
  const double left = step.seconds - out.pipeline;
  const double both = exchange_work + optimizer_work;
  const double kept = std::min(1.0, most * left / std::max(both, 1e-300));
  const double spread = (1 - kept) * both / out.pipeline;  // W
  exchange_work *= kept;
  optimizer_work *= kept;
  exchange = std::min(std::max(exchange, exchange_work / most), left - optimizer_work / most);
  optimizer = std::min(std::max(optimizer, optimizer_work / most), left - exchange);

  for (const auto& program : graph.program) {
    std::vector<std::pair<double, double>> pieces;
    double free = 0;
    for (const std::size_t op : program) {
      const double begin = scale * times.start[op];
      const double length = scale * duration[op];
      constexpr double gap = 1e-9;  // s; rounding leaves no gaps
      if (begin > free + gap) pieces.emplace_back(free, rest + spread);
      pieces.emplace_back(std::max(free, begin), rest + spread + work[op] / length);
      free = begin + length;
    }
    pieces.emplace_back(free, rest + spread);
    double t = out.pipeline;
    if (exchange > 0) pieces.emplace_back(t, rest + exchange_work / exchange);
    t += exchange;
    if (optimizer > 0) pieces.emplace_back(t, rest + optimizer_work / optimizer);
    pieces.emplace_back(t + optimizer, rest);
    out.stages.push_back(step_function(pieces, step.seconds));
  }
  return out;
}

double forward_power(const TrainingStep& step) {
  double joules = 0, seconds = 0;
  for (const auto& stage : step.stages) {
    joules += stage.forward_energy;
    seconds += stage.forward;
  }
  return joules / seconds;
}

std::vector<StageShare> stages_in_rack(const TrainingJob& job, int first, int gpus) {
  std::vector<StageShare> out;
  const int of_stage = job.stage_gpus();
  for (int rank = first; rank < std::min(first + gpus, job.gpus);) {
    const int stage = rank / of_stage;
    const int end = std::min({(stage + 1) * of_stage, first + gpus, job.gpus});
    out.push_back({stage, end - rank});
    rank = end;
  }
  return out;
}

int JobRacks::gpus() const {
  int sum = 0;
  for (const auto& share : shares) sum += share.gpus;
  return sum;
}

std::vector<std::size_t> kinds_of_racks(const TrainingSetup& s, int rack_gpus, int link_domain,
                                        std::vector<JobRacks>& kinds) {
  const int domains = std::max(1, rack_gpus / std::max(1, link_domain));
  const int used = std::min(rack_gpus, domains * training_fabric(s).domain);
  std::vector<std::size_t> out;
  for (int first = 0; first < s.job.gpus; first += used) {
    const auto shares = stages_in_rack(s.job, first, used);
    auto same = std::find_if(kinds.begin(), kinds.end(),
                             [&](const JobRacks& k) { return k.shares == shares; });
    if (same == kinds.end()) {
      kinds.push_back({shares, 0, 0});
      same = kinds.end() - 1;
      same->spare_gpus = rack_gpus - same->gpus();
    }
    ++same->count;
    out.push_back(static_cast<std::size_t>(same - kinds.begin()));
  }
  return out;
}

std::vector<JobRacks> rack_kinds(const TrainingSetup& s, int rack_gpus, int link_domain) {
  std::vector<JobRacks> kinds;
  kinds_of_racks(s, rack_gpus, link_domain, kinds);
  return kinds;
}

double checkpoint_bytes(const TrainingSetup& s) {
  return trained_weights(s.llm, s.job) * (2 + 4 + 2.0 * s.job.moment_bytes);
}

StepFunction rack_waveform(const StepWaveform& w, const std::vector<StageShare>& shares) {
  std::vector<std::pair<const StepFunction*, double>> parts;
  for (const auto& share : shares)
    parts.emplace_back(&w.stages[static_cast<std::size_t>(share.stage)], share.gpus);
  return weighted_sum(parts);
}

}  // namespace mw::models
