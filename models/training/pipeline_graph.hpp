#pragma once
#include <boost/graph/adjacency_list.hpp>
#include <span>
#include <vector>

#include "models/training/schedule.hpp"

namespace mw::models {

/// An arc between two ops: the later waits for the earlier. `crosses` says that they stand on
/// different stages, so that an activation or a gradient is sent.
struct PipelineArc {
  bool crosses = false;
};
using OpGraph =
    boost::adjacency_list<boost::vecS, boost::vecS, boost::bidirectionalS, PipelineOp, PipelineArc>;

/// One iteration as a graph of ops: arcs are the program order of each stage, activations from part
/// to part and gradients back.
struct PipelineGraph {
  OpGraph graph;
  std::vector<std::vector<std::size_t>> program;  // ops of each stage, in order
  std::vector<std::size_t> order;                 // all ops, each after those it waits for

  std::size_t size() const { return order.size(); }
  const PipelineOp& op(std::size_t i) const { return graph[i]; }
};

PipelineGraph pipeline_graph(const PipelineParameters& p);

/// When each op runs if it starts as soon as it can.
struct PipelineTimes {
  std::vector<double> start;
  double total = 0;
};

/// `duration` by op; `transfer` is the time from stage to stage. Seconds.
PipelineTimes earliest_times(const PipelineGraph& g, std::span<const double> duration,
                             double transfer);

/// How much later each op could end without making the iteration longer.
std::vector<double> slack_of(const PipelineGraph& g, std::span<const double> duration,
                             double transfer);

/// One longest path, first op first.
std::vector<std::size_t> critical_path(const PipelineGraph& g, std::span<const double> duration,
                                       double transfer);

/// Idle time of each stage between its first op and its last. What lies before and after can be
/// used by the neighbouring iterations.
std::vector<double> bubbles_of(const PipelineGraph& g, std::span<const double> duration,
                               const PipelineTimes& times);

/// Most microbatches (through one part each) whose activations a stage holds at once: from the
/// forward until the weight gradient is done. Follows from the program order alone.
std::vector<std::int32_t> peak_activations(const PipelineGraph& g);

}  // namespace mw::models
