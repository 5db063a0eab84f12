#include "models/training/pipeline_frontier.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include "sim/index.hpp"
#include "sim/invariant.hpp"

namespace mw::models {
namespace {

const OpTable* table_of(const PipelineCosts& costs, std::int32_t part, Instruction instruction) {
  for (const OpTable& t : costs.tables)
    if (t.part == part && t.instruction == instruction) return &t;
  return nullptr;
}

/// Two ops one after the other, at each clock that both have.
std::vector<OpChoice> in_turn(const std::vector<OpChoice>& a, const std::vector<OpChoice>& b) {
  std::vector<OpChoice> both;
  for (const OpChoice& x : a)
    for (const OpChoice& y : b)
      if (x.clock == y.clock) both.push_back({x.clock, x.time + y.time, x.energy + y.energy});
  return both;
}

/// Whether the tables speak of chunks rather than of whole stages.
bool by_chunk(const PipelineCosts& costs) {
  return std::any_of(costs.tables.begin(), costs.tables.end(),
                     [&](const OpTable& t) { return t.part >= costs.pipeline.stages; });
}

std::vector<OpChoice> choices_of(const PipelineCosts& costs, std::int32_t part,
                                 Instruction instruction) {
  if (const OpTable* t = table_of(costs, part, instruction)) return t->choices;
  if (instruction != Instruction::backward) return {};
  return in_turn(choices_of(costs, part, Instruction::backward_input),
                 choices_of(costs, part, Instruction::backward_weight));
}

ClockPlan played(const PipelineFrontier& f, std::vector<OpChoice> ops, double period) {
  ClockPlan plan{.ops = std::move(ops)};
  std::vector<double> duration;
  double busy = 0;
  for (const OpChoice& c : plan.ops) {
    duration.push_back(c.time);
    busy += c.time;
    plan.active_energy += c.energy;
  }
  PipelineTimes times = earliest_times(f.graph, duration, f.transfer);
  plan.start = std::move(times.start);
  plan.time = times.total;
  plan.period = std::max(period, plan.time);
  plan.blocking_energy = f.blocking_power * (f.stages * plan.period - busy);
  return plan;
}

/// Rounding to clocks leaves slack before the deadline. Each op in turn takes its next slower clock
/// if it then still ends before the latest moment that those after it allow; again until none can.
void use_slack(const PipelineFrontier& f, std::vector<const OpChoice*>& ops, double deadline) {
  const OpGraph& g = f.graph.graph;
  const auto delay = [&](auto arc) { return g[arc].crosses ? f.transfer : 0; };
  std::vector<double> start(ops.size()), latest(ops.size());
  constexpr int most_rounds = 16;
  bool changed = true;
  for (int round = 0; changed && round < most_rounds; ++round) {
    changed = false;
    for (auto at = f.graph.order.rbegin(); at != f.graph.order.rend(); ++at) {
      latest[*at] = deadline;  // end
      const auto [begin, end] = boost::out_edges(*at, g);
      for (auto e = begin; e != end; ++e) {
        const std::size_t w = boost::target(*e, g);
        latest[*at] = std::min(latest[*at], latest[w] - ops[w]->time - delay(*e));
      }
    }
    for (const std::size_t v : f.graph.order) {
      start[v] = 0;
      const auto [begin, end] = boost::in_edges(v, g);
      for (auto e = begin; e != end; ++e) {
        const std::size_t u = boost::source(*e, g);
        start[v] = std::max(start[v], start[u] + ops[u]->time + delay(*e));
      }
      const auto& choices = f.choices[f.problem.curve_of[v]];
      if (ops[v] != &choices.back() && start[v] + (ops[v] + 1)->time <= latest[v]) {
        ++ops[v];
        changed = true;
      }
    }
  }
}

ClockPlan plan(const PipelineFrontier& f, std::int64_t steps, double period) {
  const auto durations = durations_at(f.frontier, steps);
  std::vector<const OpChoice*> chosen;
  for (std::size_t i = 0; i < durations.size(); ++i)
    chosen.push_back(&choice_within(f.choices[f.problem.curve_of[i]], durations[i] * f.step));
  use_slack(f, chosen, std::max(period, static_cast<double>(steps) * f.step));
  std::vector<OpChoice> ops;
  for (const OpChoice* c : chosen) ops.push_back(*c);
  return played(f, std::move(ops), period);
}

}  // namespace

std::vector<OpChoice> choices_of(const PipelineCosts& costs, const PipelineOp& op) {
  if (op.instruction == Instruction::overlapped) {
    if (const OpTable* t = table_of(costs, op.stage, Instruction::overlapped)) return t->choices;
    return in_turn(choices_of(costs, op.part, Instruction::forward),
                   choices_of(costs, op.other_part, Instruction::backward));
  }
  if (costs.pipeline.chunks == 1 || by_chunk(costs))
    return choices_of(costs, op.part, op.instruction);
  auto choices = choices_of(costs, op.stage, op.instruction);
  for (OpChoice& c : choices) {
    c.time /= costs.pipeline.chunks;
    c.energy /= costs.pipeline.chunks;
  }
  return choices;
}

double default_step(const PipelineGraph& graph, const std::vector<std::vector<OpChoice>>& choices,
                    const std::vector<std::size_t>& curve_of, double transfer) {
  double shortest = choices.front().front().time;
  for (const auto& c : choices) shortest = std::min(shortest, c.front().time);
  std::vector<double> slowest;
  for (const std::size_t c : curve_of) slowest.push_back(choices[c].back().time);
  return std::max(shortest / 200, earliest_times(graph, slowest, transfer).total / 100e3);
}

std::optional<PipelineFrontier> pipeline_frontier(const PipelineCosts& costs) {
  PipelineFrontier f{.graph = pipeline_graph(costs.pipeline),
                     .blocking_power = costs.blocking_power,
                     .transfer = costs.transfer,
                     .stages = costs.pipeline.stages};
  std::map<std::tuple<Instruction, std::int32_t, std::int32_t, std::int32_t>, std::size_t> found;
  std::vector<std::vector<OpChoice>> given;
  for (std::size_t v = 0; v < f.graph.size(); ++v) {
    const PipelineOp& op = f.graph.op(v);
    const auto [at, is_new] =
        found.try_emplace({op.instruction, op.stage, op.part, op.other_part}, given.size());
    if (is_new) {
      given.push_back(choices_of(costs, op));
      MW_INVARIANT(!given.back().empty(), "the caller has seen to it that each op has choices");
      f.choices.push_back(pareto(given.back(), costs.blocking_power));
    }
    f.problem.curve_of.push_back(at->second);
  }
  f.step = costs.step > 0 ? costs.step
                          : default_step(f.graph, f.choices, f.problem.curve_of, costs.transfer);
  for (const auto& choices : given) {
    if (costs.cost == CostModel::piecewise_linear) {
      f.problem.curves.push_back(piecewise_linear_cost(choices, costs.blocking_power, f.step));
    } else {
      auto curve = exponential_cost(choices, costs.blocking_power, f.step);
      if (!curve) return std::nullopt;
      f.problem.curves.push_back(std::move(*curve));
    }
  }
  f.problem.transfer = static_cast<std::int32_t>(std::ceil(costs.transfer / f.step - 1e-9));
  f.problem.graph = &f.graph;
  f.frontier = solve_frontier(f.problem);
  f.problem.graph = nullptr;  // the graph moves with the value
  return f;
}

double energy_at(const PipelineFrontier& f, std::int64_t steps) {
  return cost_at(f.frontier, steps) +
         f.blocking_power * f.stages * static_cast<double>(steps) * f.step;
}

std::int64_t cheapest_time(const PipelineFrontier& f) {
  // Linear between corners, so the least stands at one.
  std::int64_t best = f.frontier.longest();
  for (const FrontierCorner& c : f.frontier.corners)
    if (energy_at(f, c.time) < energy_at(f, best)) best = c.time;
  return best;
}

ClockPlan plan_at(const PipelineFrontier& f, std::int64_t steps) {
  return plan(f, steps, 0);
}

ClockPlan plan_for_period(const PipelineFrontier& f, double period) {
  const double steps = std::floor(period / f.step + 1e-9);
  return plan(f,
              steps >= static_cast<double>(f.frontier.longest())
                  ? f.frontier.longest()
                  : std::max(f.frontier.shortest(), static_cast<std::int64_t>(steps)),
              period);
}

ClockPlan fastest_plan(const PipelineFrontier& f) {
  std::vector<OpChoice> ops;
  for (const std::size_t c : f.problem.curve_of) ops.push_back(f.choices[c].front());
  return played(f, std::move(ops), 0);
}

ClockPlan one_clock_plan(const PipelineFrontier& f, double clock) {
  std::vector<OpChoice> ops;
  for (const std::size_t c : f.problem.curve_of) {
    const OpChoice* nearest = nullptr;
    for (const OpChoice& choice : f.choices[c])
      if (choice.clock >= clock && (!nearest || choice.clock < nearest->clock)) nearest = &choice;
    ops.push_back(nearest ? *nearest : f.choices[c].front());
  }
  return played(f, std::move(ops), 0);
}

}  // namespace mw::models
