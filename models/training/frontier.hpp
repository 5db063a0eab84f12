#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "models/training/op_cost.hpp"
#include "models/training/pipeline_graph.hpp"

namespace mw::models {

/// What may be traded: ops with a cost for each duration, in whole time steps.
struct FrontierProblem {
  const PipelineGraph* graph = nullptr;
  std::vector<CostCurve> curves;
  std::vector<std::size_t> curve_of;  // by op
  std::int32_t transfer = 0;          // steps from one stage to the next
};

/// An op that from a point on towards faster ones gets one step shorter, or longer, per step.
struct DurationChange {
  std::uint32_t op;
  std::int32_t by;  // -1 or +1
};

/// A corner of the frontier. Between two corners the cost is linear in time.
struct FrontierCorner {
  std::int64_t time = 0;   // steps of the whole iteration
  double cost = 0;         // J, effective, all ops
  double slope = 0;        // J per step that the next faster step costs; 0 at the last corner
  std::size_t change = 0;  // first of its changes on the way to the next corner
};

/// The least cost for each time of the iteration, from all ops at their slowest to the shortest
/// time there is.
struct Frontier {
  std::vector<FrontierCorner> corners;  // slowest first
  std::vector<DurationChange> changes;
  std::vector<std::int32_t> slowest;  // durations at the first corner

  std::int64_t longest() const { return corners.front().time; }
  std::int64_t shortest() const { return corners.back().time; }
};

/// Solves the time-cost trade-off of a project network: minimise the cost for every time T at once.
/// This is the method of Phillips and Dessouky (Management Science 24 (1977) 393-400), which cuts
/// the critical graph where a step of speed is cheapest; the flow that proves a cut minimal is kept
/// for the next one, as in Fulkerson's (Management Science 7 (1961) 167-178), since a cut turns the
/// upper bound of a shortened op into its lower bound and so leaves the flow feasible.
Frontier solve_frontier(const FrontierProblem& problem);

/// Cost at a time within the frontier.
double cost_at(const Frontier& f, std::int64_t time);

/// Durations of the ops, in steps, at a time within the frontier.
std::vector<std::int32_t> durations_at(const Frontier& f, std::int64_t time);

}  // namespace mw::models
