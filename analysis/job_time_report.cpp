#include <cmath>

#include <fmt/format.h>

#include "analysis/enum_word.hpp"
#include "analysis/job_time.hpp"

namespace mw::analysis {
namespace {

using namespace mw::models;

std::string power_text(const JobInTime& job) {
  std::string out = fmt::format(
      "\n  power of one step at the inlets of {} racks\n  {:<14} {:>8} {:>8} {:>8} {:>7} {:>8} "
      "{:>8} {:>8} {:>7} {:>9} {:>7} {:>7}\n  {:<14} {:>8} {:>8} {:>8} {:>7} {:>8} {:>8} {:>8} "
      "{:>7} {:>9} {:>7} {:>7}\n",
      job.racks, "smoothing", "peak", "lowest", "mean", "swing", "up", "down", "stop", "band",
      "strongest", "energy", "held", "", "MW", "MW", "MW", "%", "MW/s", "MW/s", "MW/s", "%", "Hz",
      "+%", "%");
  for (const PowerCase& c : job.cases)
    out += fmt::format(
        "  {:<14} {:>8.4g} {:>8.4g} {:>8.4g} {:>7.1f} {:>8.3g} {:>8.3g} {:>8.3g} {:>7.2f} "
        "{:>9.3g} {:>7.2f} {:>7.2f}\n",
        c.name, c.watts.highest() * 1e-6, c.watts.lowest() * 1e-6, c.watts.mean() * 1e-6,
        100 * c.swing(), c.ramps.up * 1e-6, c.ramps.down * 1e-6, c.stop * 1e-6, 100 * c.band,
        c.strongest, 100 * c.energy_cost,
        c.sums.asked > 0 ? 100 * c.sums.held / c.sums.asked : 0.0);
  out +=
      "  up, down: as the meter shows them; stop: when the job stops; band: rms of 0.1 to 20 Hz "
      "over the mean; held: work held back\n";
  return out;
}

struct Spread {
  double mean = 0, deviation = 0;
};
template <class F>
Spread spread_of(const JobInTime& job, F&& figure) {
  Spread out;
  const auto n = static_cast<double>(job.runs.size());
  for (const auto& run : job.runs) out.mean += figure(run) / n;
  for (const auto& run : job.runs) {
    const double off = figure(run) - out.mean;
    out.deviation += off * off / std::max(n - 1, 1.0);
  }
  out.deviation = std::sqrt(out.deviation);
  return out;
}

std::string run_text(const scenarios::TrainingPlan& plan, const JobInTime& job) {
  const TrainingRun& run = job.runs.front();
  const auto& p = *plan.run;
  double joules = 0;
  for (const double j : job.energy) joules += j;
  std::string out = fmt::format(
      "\n  run of {:.4g} d, seed {}: {} interruptions, {:.2f} % of the time in steps that are "
      "kept, {:.4g} steps lost of {:.6g}\n",
      run.seconds / 86400, p.seed, run.all_interruptions, 100 * run.effective(), run.lost_steps,
      run.lost_steps + run.kept_steps);
  if (job.runs.size() > 1) {
    const Spread count =
        spread_of(job, [](const TrainingRun& r) { return double(r.all_interruptions); });
    const Spread effective =
        spread_of(job, [](const TrainingRun& r) { return 100 * r.effective(); });
    out += fmt::format("  over {} seeds: {:.1f} +- {:.1f} interruptions, {:.2f} +- {:.2f} %\n",
                       job.runs.size(), count.mean, count.deviation, effective.mean,
                       effective.deviation);
  }
  out += fmt::format(
      "  checkpoints of {:.4g} TB every {:.4g} s of steps: each stops the job {:.3g} s and is of "
      "use after {:.3g} s\n",
      run.checkpoint_bytes * 1e-12, run.every, run.pause, run.write);
  if (run.waits > 0)
    out += fmt::format("  waited {} times for a node, as no spare was left\n", run.waits);
  out += fmt::format(
      "  {:.4g} tokens kept, {:.4g} GWh at the racks' inlets, {:.4g} tokens/MWh\n"
      "  means over 1 s: {:.4g} to {:.4g} MW, up {:.3g}, down {:.3g} MW from second to second\n\n"
      "  {:<12} {:>10} {:>8} {:>10} {:>8}\n",
      job.tokens, joules / 3.6e12, job.tokens / (joules / 3.6e9), job.lowest * 1e-6,
      job.highest * 1e-6, job.ramps.up * 1e-6, job.ramps.down * 1e-6, "phase", "h", "%", "MWh",
      "%");
  for (std::size_t i = 0; i < job_phases; ++i)
    out += fmt::format("  {:<12} {:>10.4g} {:>8.3f} {:>10.4g} {:>8.3f}\n",
                       name_of(static_cast<JobPhase>(i)), run.time[i] / 3600,
                       100 * run.time[i] / run.seconds, job.energy[i] / 3.6e9,
                       100 * job.energy[i] / joules);
  return out;
}

}  // namespace

std::string text_of(const scenarios::TrainingPlan& plan, const JobInTime& job) {
  std::string out;
  if (plan.power) out += power_text(job);
  if (plan.run) out += run_text(plan, job);
  const auto values = expected(plan, job);
  if (!values.empty()) out += "\n  expected\n";
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto& e = plan.expect[i];
    const bool count = e.figure == scenarios::PlanFigure::interruptions;
    const double unit = count ? 1 : 100;
    const char* sign = count ? "" : " %";
    out += fmt::format("  {:<14} {:<14} {:>8.2f}{}", name_of(e.figure), e.smoothing,
                       unit * values[i].value, sign);
    if (e.published) out += fmt::format(", published {:.4g}{}", unit * *e.published, sign);
    if (!values[i].holds) {
      out += "; does not hold:";
      if (e.at_least > -1e300) out += fmt::format(" at least {:.4g}{}", unit * e.at_least, sign);
      if (e.at_most < 1e300) out += fmt::format(" at most {:.4g}{}", unit * e.at_most, sign);
    }
    out += '\n';
  }
  return out;
}

std::string power_csv(const JobInTime& job, double resolution) {
  std::string out = "seconds";
  for (const auto& c : job.cases) out += "," + c.name;
  out += '\n';
  const double end = job.cases.front().watts.end;
  const auto count = static_cast<std::int64_t>(std::ceil(end / resolution));
  for (std::int64_t i = 0; i < count; ++i) {
    const double from = static_cast<double>(i) * resolution;
    const double to = std::min(end, from + resolution);
    if (!(to > from)) break;
    out += fmt::format("{:.6g}", from);
    for (const auto& c : job.cases)
      out += fmt::format(",{:.7g}", (c.watts.integral(to) - c.watts.integral(from)) / (to - from));
    out += '\n';
  }
  return out;
}

std::string run_csv(const JobInTime& job) {
  const TrainingRun& run = job.runs.front();
  const JobPower power(run, job.levels);
  std::string out = "start_s,phase,watts\n";
  for (std::size_t i = 0; i < run.spans.size(); ++i) {
    const double from = run.spans[i].start;
    const double to = i + 1 < run.spans.size() ? run.spans[i + 1].start : run.seconds;
    if (!(to > from)) continue;
    out +=
        fmt::format("{:.9g},{},{:.7g}\n", from, name_of(run.spans[i].phase), power.mean(from, to));
  }
  return out;
}

}  // namespace mw::analysis
