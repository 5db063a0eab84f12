#include "models/training/pipeline_graph.hpp"

#include <algorithm>
#include <boost/graph/topological_sort.hpp>
#include <limits>
#include <map>
#include <tuple>

#include "sim/index.hpp"
#include "sim/invariant.hpp"

namespace mw::models {
namespace {

/// Where the forward and the (input) backward of a microbatch through a part stand.
enum class Half { forward, backward };
using Key = std::tuple<Half, std::int32_t, std::int32_t, std::int32_t>;  // copy, part, microbatch

bool runs_forward(Instruction i) {
  return i == Instruction::forward || i == Instruction::overlapped;
}
bool runs_backward(Instruction i) {
  return i == Instruction::backward || i == Instruction::backward_input ||
         i == Instruction::overlapped;
}

/// Copy, part and microbatch of an op's backward.
Key backward_key(const PipelineOp& op) {
  if (op.instruction == Instruction::overlapped)
    return {Half::backward, 1 - op.copy, op.other_part, op.other_microbatch};
  return {Half::backward, op.copy, op.part, op.microbatch};
}

}  // namespace

PipelineGraph pipeline_graph(const PipelineParameters& p) {
  PipelineGraph g;
  std::map<Key, std::size_t> found;
  std::vector<std::size_t> position;
  for (const auto& ops : program_order(p)) {
    auto& program = g.program.emplace_back();
    for (const PipelineOp& op : ops) {
      const std::size_t v = boost::add_vertex(op, g.graph);
      if (!program.empty()) boost::add_edge(program.back(), v, PipelineArc{false}, g.graph);
      position.push_back(program.size());
      program.push_back(v);
      if (runs_forward(op.instruction)) found[{Half::forward, op.copy, op.part, op.microbatch}] = v;
      if (runs_backward(op.instruction)) found[backward_key(op)] = v;
    }
  }
  const std::int32_t last = parts_of(p) - 1;
  const auto wait = [&](std::size_t later, const Key& key) {
    const auto at = found.find(key);
    MW_INVARIANT(at != found.end(), "a schedule runs every op that another waits for");
    const std::size_t earlier = at->second;
    if (g.graph[earlier].stage == g.graph[later].stage)  // the program order says so already
      MW_INVARIANT(position[earlier] < position[later],
                   "a stage runs an op before those that wait");
    else
      boost::add_edge(earlier, later, PipelineArc{true}, g.graph);
  };
  for (std::size_t v = 0; v < boost::num_vertices(g.graph); ++v) {
    const PipelineOp& op = g.graph[v];
    if (runs_forward(op.instruction) && op.part > 0)
      wait(v, {Half::forward, op.copy, op.part - 1, op.microbatch});
    if (runs_backward(op.instruction)) {
      const auto [half, copy, part, microbatch] = backward_key(op);
      wait(v, {Half::forward, copy, part, microbatch});
      if (part < last) wait(v, {half, copy, part + 1, microbatch});
    }
    if (op.instruction == Instruction::backward_weight)
      wait(v, {Half::backward, op.copy, op.part, op.microbatch});
  }
  // Throws boost::not_a_dag on a circle, which no schedule above makes: the tests build them all.
  boost::topological_sort(g.graph, std::back_inserter(g.order));
  std::reverse(g.order.begin(), g.order.end());
  return g;
}

PipelineTimes earliest_times(const PipelineGraph& g, std::span<const double> duration,
                             double transfer) {
  PipelineTimes times;
  times.start.assign(g.size(), 0);
  for (const std::size_t v : g.order) {
    const auto [begin, end] = boost::in_edges(v, g.graph);
    for (auto e = begin; e != end; ++e) {
      const std::size_t u = boost::source(*e, g.graph);
      times.start[v] = std::max(
          times.start[v], times.start[u] + duration[u] + (g.graph[*e].crosses ? transfer : 0));
    }
    times.total = std::max(times.total, times.start[v] + duration[v]);
  }
  return times;
}

std::vector<double> slack_of(const PipelineGraph& g, std::span<const double> duration,
                             double transfer) {
  const PipelineTimes early = earliest_times(g, duration, transfer);
  std::vector<double> latest(g.size(), early.total);  // ends
  for (auto at = g.order.rbegin(); at != g.order.rend(); ++at) {
    const auto [begin, end] = boost::out_edges(*at, g.graph);
    for (auto e = begin; e != end; ++e) {
      const std::size_t w = boost::target(*e, g.graph);
      latest[*at] =
          std::min(latest[*at], latest[w] - duration[w] - (g.graph[*e].crosses ? transfer : 0));
    }
  }
  for (std::size_t v = 0; v < g.size(); ++v) latest[v] -= early.start[v] + duration[v];
  return latest;
}

std::vector<std::size_t> critical_path(const PipelineGraph& g, std::span<const double> duration,
                                       double transfer) {
  const PipelineTimes times = earliest_times(g, duration, transfer);
  std::vector<std::size_t> path;
  for (std::size_t v = 0; v < g.size(); ++v)  // the first op that ends last
    if (path.empty() && times.start[v] + duration[v] == times.total) path.push_back(v);
  while (!path.empty() && times.start[path.back()] > 0) {
    const std::size_t v = path.back();
    const auto [begin, end] = boost::in_edges(v, g.graph);
    for (auto e = begin; e != end; ++e) {
      const std::size_t u = boost::source(*e, g.graph);
      // The same expression that earliest_times took the maximum of, so equality is exact.
      if (times.start[u] + duration[u] + (g.graph[*e].crosses ? transfer : 0) == times.start[v]) {
        path.push_back(u);
        break;
      }
    }
  }
  std::reverse(path.begin(), path.end());
  return path;
}

std::vector<double> bubbles_of(const PipelineGraph& g, std::span<const double> duration,
                               const PipelineTimes& times) {
  std::vector<double> idle;
  for (const auto& program : g.program) {
    double busy = 0;
    for (const std::size_t v : program) busy += duration[v];
    const std::size_t first = program.front(), last = program.back();
    idle.push_back(times.start[last] + duration[last] - times.start[first] - busy);
  }
  return idle;
}

std::vector<std::int32_t> peak_activations(const PipelineGraph& g) {
  std::vector<std::int32_t> peaks;
  for (const auto& program : g.program) {
    std::int32_t held = 0, peak = 0;
    for (const std::size_t v : program) {
      const Instruction i = g.op(v).instruction;
      if (runs_forward(i)) peak = std::max(peak, ++held);
      if (i == Instruction::backward || i == Instruction::backward_weight ||
          i == Instruction::overlapped)
        --held;
    }
    peaks.push_back(peak);
  }
  return peaks;
}

}  // namespace mw::models
