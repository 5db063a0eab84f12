#include "models/training/frontier.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <boost/graph/topological_sort.hpp>
#include <map>

#include "models/training/golden_profile.hpp"
#include "sim/index.hpp"

using namespace mw;
using namespace mw::models;
using test::golden_costs;

namespace {

/// Any graph of ops, each on one of two stages; arcs go from lower to higher numbers.
struct Tiny {
  PipelineGraph graph;
  FrontierProblem problem;
};

Tiny tiny() {
  Tiny t;
  const int n = *rc::gen::inRange(1, 6);
  for (int i = 0; i < n; ++i)
    boost::add_vertex(PipelineOp{.stage = *rc::gen::inRange(0, 2)}, t.graph.graph);
  for (int i = 0; i < n; ++i)
    for (int j = i + 1; j < n; ++j)
      if (*rc::gen::inRange(0, 5) < 2)
        boost::add_edge(sim::idx(i), sim::idx(j), PipelineArc{*rc::gen::inRange(0, 3) == 0},
                        t.graph.graph);
  boost::topological_sort(t.graph.graph, std::back_inserter(t.graph.order));
  std::reverse(t.graph.order.begin(), t.graph.order.end());
  for (int i = 0; i < n; ++i) {
    // Falling and convex: slopes that do not rise, from small whole numbers so that ties happen.
    CostCurve curve{.shortest = *rc::gen::inRange(1, 5)};
    const int steps = *rc::gen::inRange(0, 4);
    std::vector<int> slopes;
    for (int k = 0; k < steps; ++k) slopes.push_back(*rc::gen::inRange(0, 9));
    std::sort(slopes.begin(), slopes.end());
    curve.cost = {static_cast<double>(*rc::gen::inRange(-5, 5))};
    for (const int s : slopes) curve.cost.insert(curve.cost.begin(), curve.cost.front() + s);
    t.problem.curves.push_back(curve);
    t.problem.curve_of.push_back(sim::idx(i));
  }
  t.problem.transfer = *rc::gen::inRange(0, 3);
  return t;
}

std::int64_t time_of(const Tiny& t, const std::vector<std::int32_t>& d) {
  const std::vector<double> real(d.begin(), d.end());
  return std::llround(earliest_times(t.graph, real, t.problem.transfer).total);
}

double cost_of(const FrontierProblem& p, const std::vector<std::int32_t>& d) {
  double cost = 0;
  for (std::size_t i = 0; i < d.size(); ++i) cost += p.curves[p.curve_of[i]].at(d[i]);
  return cost;
}

/// The least cost for each time, over all combinations of durations.
std::map<std::int64_t, double> exhaustive(const Tiny& t) {
  std::vector<std::int32_t> d;
  for (const CostCurve& c : t.problem.curves) d.push_back(c.shortest);
  std::map<std::int64_t, double> least;
  while (true) {
    const auto [at, is_new] = least.try_emplace(time_of(t, d), cost_of(t.problem, d));
    if (!is_new) at->second = std::min(at->second, cost_of(t.problem, d));
    std::size_t i = 0;
    while (i < d.size() && ++d[i] > t.problem.curves[i].longest()) {
      d[i] = t.problem.curves[i].shortest;
      ++i;
    }
    if (i == d.size()) break;
  }
  return least;
}

}  // namespace

// The trade-off is a linear programme with a totally unimodular matrix, so whole steps lose
// nothing: at every time the frontier's cost is the least over all combinations of durations.
TEST_CASE("no combination of durations beats the frontier, and its plans are real") {
  CHECK(rc::check([] {
    Tiny t = tiny();
    t.problem.graph = &t.graph;
    const Frontier f = solve_frontier(t.problem);
    const auto least = exhaustive(t);
    RC_ASSERT(f.shortest() == least.begin()->first);
    double best = least.begin()->second;
    for (std::int64_t time = f.shortest(); time <= f.longest(); ++time) {
      if (const auto at = least.find(time); at != least.end()) best = std::min(best, at->second);
      RC_ASSERT(std::abs(cost_at(f, time) - best) < 1e-9);
      const auto d = durations_at(f, time);
      for (std::size_t i = 0; i < d.size(); ++i) {
        RC_ASSERT(d[i] >= t.problem.curves[i].shortest);
        RC_ASSERT(d[i] <= t.problem.curves[i].longest());
      }
      RC_ASSERT(time_of(t, d) <= time);
      RC_ASSERT(std::abs(cost_of(t.problem, d) - cost_at(f, time)) < 1e-9);
    }
    // Beyond the slowest plan nothing is saved.
    for (const auto& [time, cost] : least) RC_ASSERT(cost >= f.corners.front().cost - 1e-9);
  }));
}

// A chain of two ops and one of three beside it: the shorter chain slows down for nothing.
TEST_CASE("one step of a small case, by hand") {
  Tiny t;
  for (int i = 0; i < 3; ++i) boost::add_vertex(PipelineOp{}, t.graph.graph);
  boost::add_edge(0, 1, PipelineArc{}, t.graph.graph);  // 0 then 1; 2 beside them
  t.graph.order = {0, 1, 2};
  t.problem.curves = {{.shortest = 2, .cost = {9, 4, 1}},   // 2 to 4 steps
                      {.shortest = 1, .cost = {6, 4}},      // 1 to 2
                      {.shortest = 4, .cost = {8, 5, 3}}};  // 4 to 6
  t.problem.curve_of = {0, 1, 2};
  t.problem.graph = &t.graph;
  const Frontier f = solve_frontier(t.problem);
  // All slow: 6 steps, 1 + 4 + 3 = 8 J. To 5: op 1 for 2 J and op 2 for 2 J. To 4: op 0 for 3 J
  // and op 2 for 3 J. Then op 2 is at its limit.
  CHECK(f.longest() == 6);
  CHECK(f.shortest() == 4);
  CHECK(cost_at(f, 6) == doctest::Approx(8));
  CHECK(cost_at(f, 5) == doctest::Approx(12));
  CHECK(cost_at(f, 4) == doctest::Approx(18));
  CHECK(durations_at(f, 4) == std::vector<std::int32_t>{3, 1, 4});
}

// Iterations and energies of lowtime (ml-energy/lowtime at adf48b6) on the golden profile. The
// first point after the start is what it calls the slow one.
TEST_CASE("lowtime's golden cases with the exponential cost") {
  struct Case {
    int stages, microbatches;
    double step;
    std::int64_t iterations;
    double slow_s, slow_j, fast_s, fast_j, relative;
  };
  const Case cases[] = {
      {2, 4, 0.01, 87, 2.490, 733.658, 1.630, 881.188, 1e-6},
      {8, 32, 0.01, 681, 19.470, 22528.291, 12.670, 23933.158, 1e-6},
      {2, 8, 0.001, 1574, 4.632, 1401.297, 3.059, 1697.503, 3e-4},
      {4, 16, 0.005, 667, 9.605, 5640.362, 6.275, 6244.249, 3e-4},
      {8, 16, 0.005, 787, 11.405, 12391.537, 7.475, 12355.290, 3e-4},
  };
  for (const Case& c : cases) {
    CAPTURE(c.stages);
    CAPTURE(c.microbatches);
    const auto f =
        pipeline_frontier(golden_costs(c.stages, c.microbatches, c.step, CostModel::exponential));
    REQUIRE(f);
    CHECK(f->frontier.longest() - f->frontier.shortest() == c.iterations);
    const std::int64_t slow = f->frontier.longest() - 1;
    CHECK(static_cast<double>(slow) * c.step == doctest::Approx(c.slow_s));
    CHECK(energy_at(*f, slow) == doctest::Approx(c.slow_j).epsilon(c.relative));
    CHECK(f->shortest() == doctest::Approx(c.fast_s));
    CHECK(energy_at(*f, f->frontier.shortest()) == doctest::Approx(c.fast_j).epsilon(c.relative));
  }
}

// 8 stages, 64 microbatches at 20 ms, where lowtime finds no fit; and 100 ms, where no exponential
// can be told from the one or two durations that are left, but straight lines still do.
TEST_CASE("piecewise linear costs survive where the exponential does not fit") {
  CHECK(pipeline_frontier(golden_costs(8, 64, 0.02, CostModel::piecewise_linear)));
  CHECK(!pipeline_frontier(golden_costs(2, 4, 0.1, CostModel::exponential)));
  const auto coarse = pipeline_frontier(golden_costs(2, 4, 0.1, CostModel::piecewise_linear));
  REQUIRE(coarse);
  CHECK(coarse->frontier.longest() > coarse->frontier.shortest());
}

// On a fine grid both costs describe the same profile, so their frontiers lie close.
TEST_CASE("the two cost models agree where the fit is good") {
  const auto a = pipeline_frontier(golden_costs(4, 8, 0.001, CostModel::exponential));
  const auto b = pipeline_frontier(golden_costs(4, 8, 0.001, CostModel::piecewise_linear));
  REQUIRE(a);
  REQUIRE(b);
  for (std::int64_t t = b->frontier.shortest(); t < a->frontier.longest(); t += 100)
    CHECK(energy_at(*a, t) == doctest::Approx(energy_at(*b, t)).epsilon(0.03));
}

// Speed costs more and more: the frontier falls and is convex in time.
TEST_CASE("the frontier is convex") {
  const auto f = pipeline_frontier(golden_costs(4, 16, 0, CostModel::piecewise_linear));
  REQUIRE(f);
  const auto& corners = f->frontier.corners;
  for (std::size_t i = 0; i + 1 < corners.size(); ++i) {
    CHECK(corners[i + 1].time < corners[i].time);
    CHECK(corners[i + 1].cost >= corners[i].cost - 1e-9);
    if (i + 2 < corners.size()) CHECK(corners[i + 1].slope >= corners[i].slope * (1 - 1e-9) - 1e-9);
  }
}
