#include "analysis/frontier_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "analysis/enum_word.hpp"

namespace mw::analysis {
namespace {

using namespace mw::models;
using nlohmann::ordered_json;

/// F3, B3, I3, W3; F3B1 for a pair.
std::string short_name(const PipelineOp& op) {
  constexpr const char* letters[] = {"F", "B", "I", "W", "F"};
  std::string name = letters[static_cast<std::size_t>(op.instruction)];
  name += std::to_string(op.microbatch);
  if (op.instruction == Instruction::overlapped) name += "B" + std::to_string(op.other_microbatch);
  return name;
}

double mean_power(const PipelineFrontier& f, const ClockPlan& plan) {
  return plan.energy() / plan.period / f.stages;
}

ordered_json plan_figures(const PipelineFrontier& f, const ClockPlan& plan) {
  return {{"time_s", plan.time},
          {"period_s", plan.period},
          {"energy_j", plan.energy()},
          {"active_j", plan.active_energy},
          {"blocking_j", plan.blocking_energy},
          {"mean_gpu_w", mean_power(f, plan)}};
}

/// The fastest time at which the frontier's energy is no more than this; its cheapest time if none.
double time_at_energy(const PipelineFrontier& f, double energy) {
  std::int64_t fast = f.frontier.shortest(), slow = cheapest_time(f);
  if (energy_at(f, fast) <= energy) return static_cast<double>(fast) * f.step;
  while (slow - fast > 1) {  // E falls with T up to the cheapest time
    const std::int64_t middle = fast + (slow - fast) / 2;
    (energy_at(f, middle) <= energy ? slow : fast) = middle;
  }
  return static_cast<double>(slow) * f.step;
}

}  // namespace

FrontierFigures frontier_figures(const PipelineFrontier& f) {
  FrontierFigures out{.fastest_clocks = fastest_plan(f),
                      .fastest = plan_at(f, f.frontier.shortest()),
                      .cheapest = plan_at(f, cheapest_time(f)),
                      .slowest = plan_at(f, f.frontier.longest()),
                      .one_clock_plan = {}};
  // The solver's durations are rounded up by less than a step each, so its fastest iteration may be
  // a little longer than the real one: the comparison is at its time.
  const double waited =
      out.fastest_clocks.energy() +
      f.blocking_power * f.stages * std::max(0.0, out.fastest.time - out.fastest_clocks.time);
  out.saved_at_equal_time = 1 - out.fastest.energy() / waited;

  std::set<double> clocks;
  for (const auto& choices : f.choices)
    for (const OpChoice& c : choices) clocks.insert(c.clock);
  for (const double clock : clocks) {
    ClockPlan plan = models::one_clock_plan(f, clock);
    if (out.one_clock == 0 || plan.energy() < out.one_clock_plan.energy()) {
      out.one_clock = clock;
      out.one_clock_plan = std::move(plan);
    }
  }
  const ClockPlan& one = out.one_clock_plan;
  out.saved_against_one_clock = 1 - plan_for_period(f, one.time).energy() / one.energy();
  out.time_saved_against_one_clock = 1 - time_at_energy(f, one.energy()) / one.time;
  return out;
}

std::string frontier_text(const PipelineFrontier& f, const PipelineParameters& p, CostModel cost,
                          const FrontierFigures& figures, const ClockPlan& plan) {
  std::string out = fmt::format(
      "{} stages, {}{}, {} microbatches: {} ops; waiting draws {:g} W\n"
      "  {} cost, steps of {:.3g} ms, {} corners\n\n"
      "  {:<34}{:>10}{:>12}{:>12}{:>12}\n",
      p.stages, name_of(p.schedule), p.chunks > 1 ? fmt::format(" of {} chunks", p.chunks) : "",
      p.microbatches, f.graph.size(), f.blocking_power, name_of(cost), f.step * 1e3,
      f.frontier.corners.size(), "", "period s", "energy J", "waiting J", "GPU W");
  const auto line = [&](const std::string& name, const ClockPlan& at) {
    out += fmt::format("  {:<34}{:>10.4f}{:>12.2f}{:>12.2f}{:>12.1f}\n", name, at.period,
                       at.energy(), at.blocking_energy, mean_power(f, at));
  };
  line("every op as fast as it can", figures.fastest_clocks);
  line("frontier, fastest", figures.fastest);
  line("frontier, least energy", figures.cheapest);
  line("frontier, slowest", figures.slowest);
  line(fmt::format("all ops at {:g} MHz", figures.one_clock / 1e6), figures.one_clock_plan);
  line("the plan", plan);
  out += fmt::format(
      "\n  At the fastest time the frontier takes {:.1f} % less energy than all ops at full "
      "speed.\n"
      "  Against the best single clock: {:.1f} % less energy at its time, {:.1f} % less time at "
      "its\n"
      "  energy. Energies are of one GPU of each stage.\n",
      100 * figures.saved_at_equal_time, 100 * figures.saved_against_one_clock,
      100 * figures.time_saved_against_one_clock);
  return out;
}

ordered_json frontier_json(const PipelineFrontier& f, const PipelineParameters& p, CostModel cost,
                           const FrontierFigures& figures, const ClockPlan& plan) {
  return {{"schedule", name_of(p.schedule)},
          {"stages", p.stages},
          {"microbatches", p.microbatches},
          {"chunks", p.chunks},
          {"ops", f.graph.size()},
          {"blocking_w", f.blocking_power},
          {"cost", name_of(cost)},
          {"step_s", f.step},
          {"corners", f.frontier.corners.size()},
          {"steps", f.frontier.longest() - f.frontier.shortest()},
          {"planned",
           {{"fastest_s", f.shortest()},
            {"fastest_j", energy_at(f, f.frontier.shortest())},
            {"slowest_s", f.longest()},
            {"slowest_j", energy_at(f, f.frontier.longest())}}},
          {"every_op_fastest", plan_figures(f, figures.fastest_clocks)},
          {"fastest", plan_figures(f, figures.fastest)},
          {"cheapest", plan_figures(f, figures.cheapest)},
          {"slowest", plan_figures(f, figures.slowest)},
          {"one_clock", plan_figures(f, figures.one_clock_plan)},
          {"one_clock_hz", figures.one_clock},
          {"energy_saved_at_equal_time", figures.saved_at_equal_time},
          {"energy_saved_against_one_clock", figures.saved_against_one_clock},
          {"time_saved_against_one_clock", figures.time_saved_against_one_clock},
          {"plan", plan_figures(f, plan)}};
}

std::string frontier_csv(const PipelineFrontier& f, int points) {
  std::string out = "time_s,energy_J,plan_time_s,plan_energy_J,plan_waiting_J\n";
  const std::int64_t fast = f.frontier.shortest(), range = f.frontier.longest() - fast;
  std::int64_t last = -1;
  for (int i = 0; i < points; ++i) {
    const std::int64_t at = fast + (points > 1 ? range * i / (points - 1) : 0);
    if (at == last) continue;
    last = at;
    const ClockPlan plan = plan_at(f, at);
    out += fmt::format("{:.9g},{:.9g},{:.9g},{:.9g},{:.9g}\n", static_cast<double>(at) * f.step,
                       energy_at(f, at), plan.time, plan.energy(), plan.blocking_energy);
  }
  return out;
}

std::string plan_csv(const PipelineFrontier& f, const ClockPlan& plan) {
  std::string out =
      "stage,order,instruction,part,microbatch,backward_part,backward_microbatch,frequency,start,"
      "time,energy\n";
  for (const auto& program : f.graph.program) {
    for (std::size_t k = 0; k < program.size(); ++k) {
      const PipelineOp& op = f.graph.op(program[k]);
      const OpChoice& c = plan.ops[program[k]];
      const bool pair = op.instruction == Instruction::overlapped;
      out += fmt::format("{},{},{},{},{},{},{},{:.9g},{:.9g},{:.9g},{:.9g}\n", op.stage, k,
                         name_of(op.instruction), op.part, op.microbatch,
                         pair ? std::to_string(op.other_part) : "",
                         pair ? std::to_string(op.other_microbatch) : "", c.clock / 1e6,
                         plan.start[program[k]], c.time, c.energy);
    }
  }
  return out;
}

ordered_json plan_json(const PipelineFrontier& f, const ClockPlan& plan) {
  ordered_json stages = ordered_json::array();
  for (std::size_t s = 0; s < f.graph.program.size(); ++s) {
    ordered_json ops = ordered_json::array();
    for (const std::size_t v : f.graph.program[s]) {
      const PipelineOp& op = f.graph.op(v);
      ordered_json one{{"instruction", name_of(op.instruction)},
                       {"part", op.part},
                       {"microbatch", op.microbatch}};
      if (op.instruction == Instruction::overlapped) {
        one["backward_part"] = op.other_part;
        one["backward_microbatch"] = op.other_microbatch;
      }
      one["frequency_mhz"] = plan.ops[v].clock / 1e6;
      ops.push_back(std::move(one));
    }
    stages.push_back({{"stage", s}, {"ops", std::move(ops)}});
  }
  return {{"plan", plan_figures(f, plan)}, {"stages", std::move(stages)}};
}

ordered_json trace_json(const PipelineFrontier& f, const ClockPlan& plan) {
  ordered_json events = ordered_json::array();
  for (std::size_t s = 0; s < f.graph.program.size(); ++s) {
    events.push_back({{"name", "thread_name"},
                      {"ph", "M"},
                      {"pid", 0},
                      {"tid", s},
                      {"args", {{"name", fmt::format("stage {}", s)}}}});
    for (const std::size_t v : f.graph.program[s]) {
      const PipelineOp& op = f.graph.op(v);
      const OpChoice& c = plan.ops[v];
      events.push_back({{"name", short_name(op)},
                        {"cat", name_of(op.instruction)},
                        {"ph", "X"},
                        {"pid", 0},
                        {"tid", s},
                        {"ts", plan.start[v] * 1e6},
                        {"dur", c.time * 1e6},
                        {"args",
                         {{"part", op.part},
                          {"frequency_mhz", c.clock / 1e6},
                          {"energy_j", c.energy},
                          {"power_w", c.energy / c.time}}}});
    }
  }
  return {{"displayTimeUnit", "ms"}, {"traceEvents", std::move(events)}};
}

}  // namespace mw::analysis
