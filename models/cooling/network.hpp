#pragma once
#include <boost/graph/adjacency_list.hpp>
#include <vector>

// Flow through a network of pipes, valves, exchangers and pumps that has settled: what enters a
// junction leaves it, and each branch loses pressure with the square of its flow.
namespace mw::models {

/// A pump by two points of its curve at full speed: the head without flow, and what it falls by
/// with the square of the flow. At a share n of the speed the affinity laws give n^2 shut_off -
/// fall V^2.
struct PumpCurve {
  double shut_off = 0;  // Pa
  double fall = 0;      // Pa / (m3/s)^2
};
/// The curve through a design point whose head without flow is so many times its head there.
PumpCurve pump_curve(double flow, double head, double shut_off_ratio);
inline double pump_head(const PumpCurve& curve, double speed, double flow) {
  return speed * speed * curve.shut_off - curve.fall * flow * flow;
}

/// `alike` branches side by side from one junction to another. Flows are those of one of them.
struct Branch {
  double resistance = 0;  // Pa / (m3/s)^2: dp = r V |V|
  PumpCurve pump{};       // none: no head
  double speed = 0;       // of the pump, as a share of its full speed
  int alike = 1;
  bool open = true;          // closed: no flow
  bool check_valve = false;  // no flow backwards
};

using FluidGraph =
    boost::adjacency_list<boost::vecS, boost::vecS, boost::directedS, boost::no_property, Branch>;

struct NetworkState {
  std::vector<double> pressure;  // Pa by junction, that of each part's first junction being 0
  std::vector<double> flow;      // m3/s of one branch, in the order of the graph's edges
  double imbalance = 0;          // largest net flow of a junction over the largest flow, in the end
  int steps = 0;
};

/// Pressures and flows. `state` may hold those of a similar network to start from. Each branch's
/// flow is a rising function of its pressure difference, so the solution is the one minimum of a
/// convex function (Collins, Cooper, Helgason, Kennington and LeBlanc, Management Science 24 (1978)
/// 747): Newton with step halving finds it from anywhere.
void solve_network(const FluidGraph& graph, NetworkState& state);

/// Resistance of `alike` equal branches side by side as one, and of two in a row.
constexpr double parallel_resistance(double each, int alike) {
  return each / (static_cast<double>(alike) * alike);
}

}  // namespace mw::models
