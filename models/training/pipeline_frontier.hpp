#pragma once
#include <optional>
#include <string>
#include <vector>

#include "models/training/frontier.hpp"

namespace mw::models {

/// What an op of a part of the model costs: times and energies against clock.
struct OpTable {
  std::int32_t part = 0;  // of `overlapped`: the stage
  Instruction instruction{};
  std::vector<OpChoice> choices;
};

/// A pipeline whose clocks are to be chosen. Energies are of one GPU of each stage.
struct PipelineCosts {
  PipelineParameters pipeline;
  std::vector<OpTable> tables{};
  double blocking_power = 0;  // W, of a GPU that waits for its neighbour
  double transfer = 0;        // s from one stage to the next, exposed
  CostModel cost = CostModel::piecewise_linear;
  double step = 0;  // s; 0: chosen by default_step()
};

/// The choices of an op. Where there is no table for it: a backward is its two halves at one clock,
/// an overlapped pair is its forward and its backward one after the other, and a chunk of an
/// interleaved pipeline an equal share of its stage. Empty where nothing fits.
std::vector<OpChoice> choices_of(const PipelineCosts& costs, const PipelineOp& op);

/// A clock for each op, and what the iteration then takes: real times through the graph, not the
/// steps of the solver.
struct ClockPlan {
  std::vector<OpChoice> ops;
  std::vector<double> start{};  // s
  double time = 0;              // s, until the last op has ended
  double period = 0;           // s until the next iteration: time, or that of a straggler if longer
  double active_energy = 0;    // J, of ops
  double blocking_energy = 0;  // J, of gaps
  double energy() const { return active_energy + blocking_energy; }
};

/// The frontier of a pipeline, with all that is needed to read it.
struct PipelineFrontier {
  PipelineGraph graph;
  std::vector<std::vector<OpChoice>> choices{};  // of each curve: the Pareto ones, fastest first
  FrontierProblem problem{};                     // without its graph, which is `graph`
  Frontier frontier{};
  double step = 0, blocking_power = 0, transfer = 0;
  std::int32_t stages = 0;

  double longest() const { return static_cast<double>(frontier.longest()) * step; }
  double shortest() const { return static_cast<double>(frontier.shortest()) * step; }
};

/// One 200th of the shortest op, but no more than 100,000 steps of the slowest iteration.
double default_step(const PipelineGraph& graph, const std::vector<std::vector<OpChoice>>& choices,
                    const std::vector<std::size_t>& curve_of, double transfer);

/// Nothing where `exponential` does not fit the choices of some op.
std::optional<PipelineFrontier> pipeline_frontier(const PipelineCosts& costs);

/// J of an iteration in the time of `steps`, gaps included, before clocks are rounded to those
/// there are.
double energy_at(const PipelineFrontier& f, std::int64_t steps);

/// The time (in steps) at which an iteration takes the least energy when nothing holds it up.
std::int64_t cheapest_time(const PipelineFrontier& f);

/// The plan at a time of the frontier (steps): the slowest clock of each op that keeps its
/// duration.
ClockPlan plan_at(const PipelineFrontier& f, std::int64_t steps);

/// The plan where an iteration cannot end before `period` (s): a straggler among data-parallel
/// replicas, a slower replica, a capped rack. Slack is used up to the slowest plan; beyond it the
/// GPUs only wait, at blocking power.
ClockPlan plan_for_period(const PipelineFrontier& f, double period);

/// All ops as fast as they can be, as if nobody planned.
ClockPlan fastest_plan(const PipelineFrontier& f);

/// All ops at one clock: what a fixed application clock does. An op without that clock takes the
/// next higher one that is worth taking.
ClockPlan one_clock_plan(const PipelineFrontier& f, double clock);

}  // namespace mw::models
