// Flow networks: closed forms in series and side by side, the affinity laws, and what enters a
// junction leaves it.
#include "models/cooling/network.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <boost/range/iterator_range.hpp>
#include <cmath>
#include <numeric>
#include <random>

using namespace mw::models;

namespace {

Branch pipe(double resistance, int alike = 1) {
  Branch b;
  b.resistance = resistance;
  b.alike = alike;
  return b;
}
Branch pump(PumpCurve curve, double speed, int alike = 1) {
  Branch b;
  b.pump = curve;
  b.speed = speed;
  b.alike = alike;
  b.check_valve = true;
  return b;
}
NetworkState solved(const FluidGraph& graph) {
  NetworkState state;
  solve_network(graph, state);
  CHECK(state.imbalance < 1e-10);
  return state;
}
constexpr PumpCurve curve{200e3, 200e3 / (0.02 * 0.02)};  // 0.02 m3/s without any resistance

}  // namespace

TEST_CASE("One pump and one pipe: head n^2 H - f V^2 = r V^2, so V = n sqrt(H / (f + r))") {
  for (const double r : {1e7, 1e9, 1e11}) {
    FluidGraph g(2);
    boost::add_edge(0, 1, pump(curve, 0.7), g);
    boost::add_edge(1, 0, pipe(r), g);
    const NetworkState s = solved(g);
    CHECK(s.flow[0] ==
          doctest::Approx(0.7 * std::sqrt(curve.shut_off / (curve.fall + r))).epsilon(1e-9));
    CHECK(s.pressure[1] == doctest::Approx(pump_head(curve, 0.7, s.flow[0])).epsilon(1e-9));
  }
}

TEST_CASE("T16: at a share of the speed flow, head and hydraulic power follow n, n^2, n^3") {
  const auto at = [](double speed) {
    FluidGraph g(3);
    boost::add_edge(0, 1, pump(curve, speed), g);
    boost::add_edge(1, 2, pipe(2e8), g);
    boost::add_edge(2, 0, pipe(1e9, 2), g);
    return solved(g);
  };
  const NetworkState full = at(1);
  for (const double n : {0.8, 0.5}) {
    const NetworkState s = at(n);
    CHECK(s.flow[0] / full.flow[0] == doctest::Approx(n).epsilon(1e-9));
    CHECK(s.pressure[1] / full.pressure[1] == doctest::Approx(n * n).epsilon(1e-9));
    CHECK(s.flow[0] * s.pressure[1] / (full.flow[0] * full.pressure[1]) ==
          doctest::Approx(n * n * n).epsilon(1e-9));
  }
}

TEST_CASE(
    "Side by side flows are as r^(-1/2); in a row resistances add; equal ones are one with a "
    "multiplicity") {
  FluidGraph g(3);
  boost::add_edge(0, 1, pump(curve, 1), g);
  boost::add_edge(1, 2, pipe(1e8), g);
  boost::add_edge(2, 0, pipe(4e9), g);
  boost::add_edge(2, 0, pipe(9e9), g);
  boost::add_edge(2, 0, pipe(1e9, 5), g);
  const NetworkState s = solved(g);
  CHECK(s.flow[2] / s.flow[3] == doctest::Approx(1.5).epsilon(1e-9));
  CHECK(s.flow[4] / s.flow[3] == doctest::Approx(3).epsilon(1e-9));
  // Together: 1 / sqrt(r) adds up. In a row with the pipe: r adds up.
  const double conductance = 1 / std::sqrt(4e9) + 1 / std::sqrt(9e9) + 5 / std::sqrt(1e9);
  const double whole = 1e8 + 1 / (conductance * conductance);
  CHECK(s.flow[0] ==
        doctest::Approx(std::sqrt(curve.shut_off / (curve.fall + whole))).epsilon(1e-9));
  CHECK(s.flow[1] == doctest::Approx(s.flow[0]).epsilon(1e-9));
  CHECK(parallel_resistance(1e9, 5) == doctest::Approx(1e9 / 25));
}

TEST_CASE("A branch that is closed carries nothing and leaves the rest more head, not more flow") {
  const auto loop = [](bool open) {
    FluidGraph g(2);
    boost::add_edge(0, 1, pump(curve, 1), g);
    boost::add_edge(1, 0, pipe(4e9, 9), g);
    Branch last = pipe(4e9);
    last.open = open;
    boost::add_edge(1, 0, last, g);
    return solved(g);
  };
  const NetworkState all = loop(true), isolated = loop(false);
  CHECK(isolated.flow[2] == 0);
  CHECK(isolated.flow[1] > all.flow[1]);
  CHECK(isolated.flow[0] < all.flow[0]);
  CHECK(isolated.pressure[1] > all.pressure[1]);
}

TEST_CASE("A stopped pump stands behind its check valve; without one it is a way back") {
  const auto flows = [](bool check) {
    FluidGraph g(2);
    boost::add_edge(0, 1, pump(curve, 1), g);
    Branch stopped = pump(curve, 0);
    stopped.resistance = 1e8;
    stopped.check_valve = check;
    boost::add_edge(0, 1, stopped, g);
    boost::add_edge(1, 0, pipe(1e9), g);
    return solved(g);
  };
  CHECK(flows(true).flow[1] == 0);
  CHECK(flows(false).flow[1] < 0);
  CHECK(flows(false).flow[2] < flows(true).flow[2]);
  // All pumps stopped: nothing moves, and nothing is without bound.
  FluidGraph g(3);
  boost::add_edge(0, 1, pump(curve, 0, 3), g);
  boost::add_edge(1, 2, pipe(1e8), g);
  boost::add_edge(2, 0, pipe(1e9, 4), g);
  for (const double flow : solved(g).flow) CHECK(std::fabs(flow) < 1e-9);
}

TEST_CASE(
    "Random networks: what enters a junction leaves it, and every open branch keeps its law") {
  CHECK(rc::check([](unsigned seed) {
    std::minstd_rand draw(seed % 65521 + 1);
    const auto below = [&](int n) { return static_cast<int>(draw() % static_cast<unsigned>(n)); };
    const auto nodes = static_cast<unsigned>(2 + below(12));
    const int count = static_cast<int>(nodes);
    FluidGraph g(nodes);
    for (unsigned n = 0; n < nodes; ++n)  // a ring, so that all is joined
      boost::add_edge(n, (n + 1) % nodes, pipe(std::pow(10.0, 7 + below(5)), 1 + below(3)), g);
    for (int i = below(20); i > 0; --i) {
      const int from = below(count), to = (from + 1 + below(count - 1)) % count;
      Branch b = pipe(std::pow(10.0, 7 + below(5)), 1 + below(40));
      if (below(3) == 0) b = pump(curve, 0.1 * below(12), 1 + below(4));
      b.open = below(6) != 0;
      boost::add_edge(static_cast<unsigned>(from), static_cast<unsigned>(to), b, g);
    }
    boost::add_edge(0, 1, pump(curve, 0.9), g);
    NetworkState s;
    solve_network(g, s);
    std::vector<double> net(nodes, 0);
    double largest = 0;
    std::size_t i = 0;
    for (const auto& e : boost::make_iterator_range(boost::edges(g))) {
      const Branch& b = g[e];
      const double v = s.flow[i++];
      net[boost::source(e, g)] += v * b.alike;
      net[boost::target(e, g)] -= v * b.alike;
      largest = std::max(largest, std::fabs(v * b.alike));
      const double lost = s.pressure[boost::source(e, g)] - s.pressure[boost::target(e, g)] +
                          b.speed * b.speed * b.pump.shut_off;
      if (!b.open || (b.check_valve && lost <= 0)) {
        RC_ASSERT(v == 0.0);
        continue;
      }
      const double by_law = (b.resistance + b.pump.fall) * v * std::fabs(v);
      RC_ASSERT(std::fabs(by_law - lost) <= 1e-6 * std::fabs(lost) + 2);
    }
    for (const double n : net) RC_ASSERT(std::fabs(n) <= 1e-9 * largest);
  }));
}
