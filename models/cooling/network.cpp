#include "models/cooling/network.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <boost/graph/connected_components.hpp>
#include <cmath>
#include <limits>

namespace mw::models {

PumpCurve pump_curve(double flow, double head, double shut_off_ratio) {
  return {shut_off_ratio * head, (shut_off_ratio - 1) * head / (flow * flow)};
}

namespace {

// The square root is made linear below this difference of pressures, so that its slope is finite.
constexpr double smooth_pa = 0.1;
constexpr double least_resistance = 1e-3;  // Pa / (m3/s)^2: next to nothing

struct Flow {
  double value;      // m3/s of one branch
  double slope;      // its derivative in the pressure difference
  double potential;  // its integral
};
/// V = d / sqrt(r sqrt(d^2 + e^2)) for the driving pressure d. The integral is that of d^(1/2)
/// where d >> e, which is all that the search for a step needs.
Flow branch_flow(const Branch& b, double difference) {
  const double drive = difference + b.speed * b.speed * b.pump.shut_off;
  const double r = std::max(b.resistance + b.pump.fall, least_resistance);
  if (b.check_valve && drive <= 0) return {0, 0, 0};
  const double square = drive * drive + smooth_pa * smooth_pa;
  const double fourth = std::sqrt(std::sqrt(square));
  const double root = 1 / (std::sqrt(r) * fourth);
  // The integral of d (d^2 + e^2)^(-1/4) from 0 on, where a check valve's begins.
  const double potential =
      2.0 / 3.0 * (fourth * fourth * fourth - smooth_pa * std::sqrt(smooth_pa)) / std::sqrt(r);
  return {drive * root, root * (1 - 0.5 * drive * drive / square), potential};
}

struct Edge {
  std::size_t from, to;
  const Branch* branch;
};

}  // namespace

void solve_network(const FluidGraph& graph, NetworkState& state) {
  const std::size_t nodes = boost::num_vertices(graph);
  std::vector<Edge> edges;
  // Parts of the network that no open branch joins have pressures of their own.
  boost::adjacency_list<boost::vecS, boost::vecS, boost::undirectedS> joined(nodes);
  for (const auto& e : boost::make_iterator_range(boost::edges(graph))) {
    const Branch& b = graph[e];
    edges.push_back({boost::source(e, graph), boost::target(e, graph), &b});
    if (b.open && b.alike > 0) boost::add_edge(edges.back().from, edges.back().to, joined);
  }
  std::vector<int> part(nodes);
  boost::connected_components(joined, part.data());
  // The first junction of each part is its reference; the others are the unknowns.
  std::vector<Eigen::Index> unknown(nodes, -1);
  Eigen::Index unknowns = 0;
  for (std::size_t n = 0; n < nodes; ++n) {
    const bool first = std::find(part.begin(), part.begin() + static_cast<std::ptrdiff_t>(n),
                                 part[n]) == part.begin() + static_cast<std::ptrdiff_t>(n);
    if (!first) unknown[n] = unknowns++;
  }
  state.pressure.resize(nodes, 0);
  state.flow.assign(edges.size(), 0);
  state.steps = 0;
  state.imbalance = 0;
  for (std::size_t n = 0; n < nodes; ++n)
    if (unknown[n] < 0 || !std::isfinite(state.pressure[n])) state.pressure[n] = 0;

  std::vector<double> trial(nodes);
  Eigen::VectorXd excess(unknowns);
  Eigen::MatrixXd slopes(unknowns, unknowns);
  double largest = 0;
  /// Net flow out of each junction, its slopes if asked for, and the convex function itself.
  const auto evaluate = [&](const std::vector<double>& pressure, bool with_slopes) {
    excess.setZero();
    if (with_slopes) slopes.setZero();
    double potential = 0;
    largest = 0;
    for (std::size_t e = 0; e < edges.size(); ++e) {
      const Branch& b = *edges[e].branch;
      if (!b.open || b.alike <= 0) continue;
      const Eigen::Index i = unknown[edges[e].from], j = unknown[edges[e].to];
      const Flow flow = branch_flow(b, pressure[edges[e].from] - pressure[edges[e].to]);
      state.flow[e] = flow.value;
      const double all = flow.value * b.alike, slope = flow.slope * b.alike;
      potential += flow.potential * b.alike;
      largest = std::max(largest, std::fabs(all));
      if (i >= 0) excess[i] += all;
      if (j >= 0) excess[j] -= all;
      if (!with_slopes) continue;
      if (i >= 0) slopes(i, i) += slope;
      if (j >= 0) slopes(j, j) += slope;
      if (i >= 0 && j >= 0) {
        slopes(i, j) -= slope;
        slopes(j, i) -= slope;
      }
    }
    return potential;
  };

  double before = evaluate(state.pressure, true);
  constexpr int most_steps = 100, most_halvings = 40;
  for (; state.steps < most_steps && unknowns > 0; ++state.steps) {
    state.imbalance = largest > 0 ? excess.cwiseAbs().maxCoeff() / largest : 0;
    if (state.imbalance < 1e-13) break;
    // A junction that only closed check valves hold moves a little, not without bound.
    const double least = 1e-12 * std::max(slopes.diagonal().maxCoeff(), 1e-30);
    slopes.diagonal().array() += least;
    const Eigen::VectorXd step = slopes.ldlt().solve(excess);
    const double expected = excess.dot(step), worst = excess.norm();
    double share = 1;
    bool moved = false;
    for (int halving = 0; halving < most_halvings; ++halving, share *= 0.5) {
      for (std::size_t n = 0; n < nodes; ++n)
        trial[n] = state.pressure[n] - (unknown[n] >= 0 ? share * step[unknown[n]] : 0);
      const double after = evaluate(trial, false);
      // The function falls by a good part of half the slope (a root bounces where it may); or
      // rounding hides whether it does, and the net flows fall.
      const double fall = before - after, rounding = 1e-13 * std::fabs(before);
      const bool hidden = std::fabs(fall) <= rounding && share * expected <= 10 * rounding;
      if (hidden ? excess.norm() < (1 - 1e-4 * share) * worst : fall >= 0.2 * share * expected) {
        moved = trial != state.pressure;
        state.pressure = trial;
        break;
      }
    }
    before = evaluate(state.pressure, true);
    if (!moved) break;
  }
  if (unknowns > 0) state.imbalance = largest > 0 ? excess.cwiseAbs().maxCoeff() / largest : 0;
}

}  // namespace mw::models
