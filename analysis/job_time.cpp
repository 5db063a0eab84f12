#include "analysis/job_time.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "analysis/training_wall.hpp"
#include "models/power/rack.hpp"
#include "models/training/memory.hpp"
#include "models/training/work.hpp"

namespace mw::analysis {
namespace {

using namespace mw::models;

StepFunction through_rack(const StepFunction& gpus, const JobRacks& kind, const RackInput& input) {
  std::vector<std::pair<double, double>> pieces;
  for (std::size_t i = 0; i < gpus.start.size(); ++i)
    pieces.emplace_back(gpus.start[i], input(kind, gpus.value[i]));
  return step_function(pieces, gpus.end);
}

StepFunction sum_of(const std::vector<StepFunction>& racks, const std::vector<JobRacks>& kinds) {
  std::vector<std::pair<const StepFunction*, double>> parts;
  for (std::size_t i = 0; i < racks.size(); ++i) parts.emplace_back(&racks[i], kinds[i].count);
  return weighted_sum(parts);
}

void describe_power(PowerCase& one, double meter) {
  one.ramps = largest_ramps(one.watts, meter);
  constexpr double low = 0.1, high = 20;  // Hz, the band of arXiv 2508.14318
  const int count = static_cast<int>(high * one.watts.end);
  const auto amplitude = harmonics(one.watts, std::max(count, 1));
  double power = 0, largest = -1;
  for (std::size_t k = 0; k < amplitude.size(); ++k) {
    const double f = static_cast<double>(k + 1) / one.watts.end;
    if (f >= low && f <= high) power += amplitude[k] * amplitude[k] / 2;
    if (amplitude[k] > largest) largest = amplitude[k], one.strongest = f;
  }
  one.band = std::sqrt(power) / one.watts.mean();
}

SmoothingSums difference(const SmoothingSums& a, const SmoothingSums& b, double times) {
  return {times * (a.asked - b.asked), times * (a.burnt - b.burnt),   times * (a.held - b.held),
          times * (a.lost - b.lost),   times * (a.stored - b.stored), times * (a.drawn - b.drawn)};
}
void add(SmoothingSums& to, const SmoothingSums& more) {
  to.asked += more.asked;
  to.burnt += more.burnt;
  to.held += more.held;
  to.lost += more.lost;
  to.stored += more.stored;
  to.drawn += more.drawn;
}

/// A step on a grid, again and again; smoothing starts from rest, the last step stands for all.
constexpr int rounds = 3;
std::vector<double> sampled(const StepFunction& f, std::size_t count, int times) {
  std::vector<double> out(count * static_cast<std::size_t>(times));
  const double dt = f.end / static_cast<double>(count);
  for (std::size_t i = 0; i < count; ++i) {
    const double from = static_cast<double>(i) * dt;
    out[i] = (f.integral(std::min(from + dt, f.end)) - f.integral(from)) / dt;
  }
  for (int k = 1; k < times; ++k)
    std::copy_n(out.begin(), count, out.begin() + static_cast<std::ptrdiff_t>(count) * k);
  return out;
}

struct Grid {
  std::size_t count;
  double dt;
};

PowerCase smoothed(const SmoothingParameters& p, const StepWaveform& w, const TrainingSetup& s,
                   const std::vector<JobRacks>& kinds, const RackInput& input, const Grid& grid) {
  PowerCase out;
  out.name = p.name;
  const double rated = s.gpu.tdp.value.value;
  const std::size_t before = grid.count * (rounds - 1);
  std::vector<std::vector<double>> stages;
  for (const StepFunction& stage : w.stages) {
    auto series = sampled(stage, grid.count, rounds);
    std::vector<double> first(series.begin(), series.begin() + static_cast<std::ptrdiff_t>(before));
    const SmoothingSums early = smooth_gpu(first, grid.dt, p, rated);
    add(out.sums, difference(smooth_gpu(series, grid.dt, p, rated), early, s.job.stage_gpus()));
    stages.push_back(std::move(series));
  }
  std::vector<StepFunction> racks;
  for (const JobRacks& kind : kinds) {
    std::vector<double> series(grid.count * rounds, 0);
    for (const auto& share : kind.shares)
      for (std::size_t i = 0; i < series.size(); ++i)
        series[i] += share.gpus * stages[static_cast<std::size_t>(share.stage)][i];
    std::vector<double> first(series.begin(), series.begin() + static_cast<std::ptrdiff_t>(before));
    SmoothingSums early, all;
    smooth_rack(first, grid.dt, p, kind.gpus(), early);
    smooth_rack(series, grid.dt, p, kind.gpus(), all);
    add(out.sums, difference(all, early, kind.count));
    std::vector<std::pair<double, double>> pieces;
    for (std::size_t i = 0; i < grid.count; ++i)
      pieces.emplace_back(static_cast<double>(i) * grid.dt, input(kind, series[before + i]));
    racks.push_back(step_function(pieces, w.seconds));
  }
  out.watts = sum_of(racks, kinds);
  return out;
}

/// The job stops in the middle of its work: the largest fall that the meter shows, W/s.
double fall_at_stop(const SmoothingParameters& p, const StepWaveform& w, const TrainingSetup& s,
                    const std::vector<JobRacks>& kinds, const RackInput& input, double dt,
                    double meter) {
  const double rated = s.gpu.tdp.value.value;
  double mean = 0;
  for (const auto& stage : w.stages) mean += stage.mean() / static_cast<double>(w.stages.size());
  const double ramp = p.ramp_down > 0 ? 1 / p.ramp_down : 0;
  const double after = p.hysteresis.value + ramp + 10 * p.averaging.value + 5 * meter;
  const double length = 3 * meter + std::min(after, 3600.0);
  std::vector<double> series(static_cast<std::size_t>(std::min(length / dt, 1e7)));
  const auto stop = static_cast<std::size_t>(3 * meter / dt);
  for (std::size_t i = 0; i < series.size(); ++i) series[i] = i < stop ? mean : input.idle_gpu();
  SmoothingSums sums;
  smooth_gpu(series, dt, p, rated);
  smooth_rack(series, dt, p, 1, sums);
  double watts = 0, largest = 0;
  std::vector<double> running{0};
  for (const double x : series) {
    watts = 0;
    for (const JobRacks& kind : kinds) watts += kind.count * input(kind, x * kind.gpus());
    running.push_back(running.back() + watts * dt);
  }
  const auto window = std::max<std::size_t>(1, static_cast<std::size_t>(meter / dt));
  for (std::size_t i = 0; i + 2 * window < running.size(); ++i)
    largest = std::max(largest, (2 * running[i + window] - running[i] - running[i + 2 * window]) /
                                    (meter * meter));
  return largest;
}

JobPowerLevels levels_of(const StepWaveform& w, const TrainingStep& step,
                         const std::vector<JobRacks>& kinds, const RackInput& input) {
  JobPowerLevels out;
  std::vector<StepFunction> racks;
  for (const JobRacks& kind : kinds) {
    const int gpus = kind.gpus();
    racks.push_back(through_rack(rack_waveform(w, kind.shares), kind, input));
    out.waiting += kind.count * input(kind, gpus * w.waiting);
    out.idle += kind.count * input(kind, gpus * input.idle_gpu(), false);
    out.forward += kind.count * input(kind, gpus * forward_power(step));
  }
  out.step = sum_of(racks, kinds);
  return out;
}

void add_runs(JobInTime& out, const scenarios::RunBlock& block, const TrainingSetup& s,
              const TrainingStep& step) {
  TrainingRunParameters p = block.how;
  p.duration = block.duration;
  for (int i = 0; i < block.seeds; ++i)
    out.runs.push_back(
        run_job(p, step.seconds, checkpoint_bytes(s), s.job.gpus,
                static_cast<std::uint64_t>(block.seed) + static_cast<std::uint64_t>(i)));
  const TrainingRun& run = out.runs.front();
  const JobPower power(run, out.levels);
  for (std::size_t i = 0; i < run.spans.size(); ++i) {
    const double to = i + 1 < run.spans.size() ? run.spans[i + 1].start : run.seconds;
    out.energy[static_cast<std::size_t>(run.spans[i].phase)] +=
        power.integral(to) - power.integral(run.spans[i].start);
  }
  out.lowest = 1e300;
  double before = 0, last = -1;
  for (double t = 1; t <= run.seconds; ++t) {
    const double now = power.integral(t);
    const double watts = now - before;
    out.highest = std::max(out.highest, watts);
    out.lowest = std::min(out.lowest, watts);
    if (last >= 0) {
      out.ramps.up = std::max(out.ramps.up, watts - last);
      out.ramps.down = std::max(out.ramps.down, last - watts);
    }
    before = now;
    last = watts;
  }
  out.tokens = run.kept_steps * s.job.step_tokens();
}

}  // namespace

JobInTime job_in_time(const scenarios::TrainingPlan& plan, const TrainingSetup& setup,
                      const TrainingStep& step) {
  JobInTime out;
  const RackParameters& rack = plan.rack.value;
  out.waveform = step_waveform(setup, step);
  const RackInput input(rack);
  const auto kinds = rack_kinds(setup, rack.gpus(), rack.link_domain);
  for (const auto& kind : kinds) out.racks += kind.count;
  out.levels = levels_of(out.waveform, step, kinds, input);
  if (plan.power) {
    const double wished = std::ceil(step.seconds / plan.power->resolution.value);
    const auto count = static_cast<std::size_t>(std::clamp(wished, 1.0, 1e6));
    const Grid grid{count, step.seconds / static_cast<double>(count)};
    const double meter = plan.power->meter.value;
    PowerCase none;
    none.name = "none";
    none.watts = out.levels.step;
    none.stop = (none.watts.mean() - out.levels.idle) / meter;
    out.cases.push_back(none);
    for (const auto& p : plan.power->smoothing) {
      out.cases.push_back(smoothed(p, out.waveform, setup, kinds, input, grid));
      out.cases.back().stop =
          fall_at_stop(p, out.waveform, setup, kinds, input, plan.power->resolution.value, meter);
    }
    for (auto& one : out.cases) {
      describe_power(one, meter);
      one.energy_cost = one.watts.integral() / none.watts.integral() - 1;
    }
  }
  if (plan.run) add_runs(out, *plan.run, setup, step);
  return out;
}

std::vector<Expected> expected(const scenarios::TrainingPlan& plan, const JobInTime& job) {
  using scenarios::PlanFigure;
  const auto mean = [&](auto&& figure) {
    double sum = 0;
    for (const auto& run : job.runs) sum += figure(run) / static_cast<double>(job.runs.size());
    return sum;
  };
  const auto value_of = [&](const scenarios::PlanExpectation& e) {
    const std::string name = e.smoothing.empty() ? "none" : e.smoothing;
    const auto found = std::find_if(job.cases.begin(), job.cases.end(),
                                    [&](const PowerCase& c) { return c.name == name; });
    switch (e.figure) {
      case PlanFigure::peak_cut:
        return 1 - found->watts.highest() / job.cases.front().watts.highest();
      case PlanFigure::swing:
        return found->swing();
      case PlanFigure::band:
        return found->band;
      case PlanFigure::energy_cost:
        return found->energy_cost;
      case PlanFigure::held_back:
        return found->sums.asked > 0 ? found->sums.held / found->sums.asked : 0.0;
      case PlanFigure::interruptions:
        return mean([](const TrainingRun& r) { return double(r.all_interruptions); });
      case PlanFigure::effective:
        return mean([](const TrainingRun& r) { return r.effective(); });
      case PlanFigure::lost:
        return mean([](const TrainingRun& r) {
          return r.lost_steps / std::max(r.lost_steps + r.kept_steps, 1e-9);
        });
    }
    return 0.0;
  };
  std::vector<Expected> out;
  for (const auto& e : plan.expect) {
    const double value = value_of(e);
    out.push_back({value, value >= e.at_least && value <= e.at_most});
  }
  return out;
}

}  // namespace mw::analysis
