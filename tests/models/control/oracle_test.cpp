#include "models/control/oracle.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <functional>

#include "models/control/power_allocation.hpp"
#include "sim/index.hpp"

using namespace mw;
using namespace mw::models;

namespace {

using sim::idx;

/// Small whole numbers: groups of one GPU of 1 to 5 W, in up to four domains.
struct Case {
  PowerTree tree;
  std::vector<Milliwatts> rooms;
  std::vector<CapacityCurve> curves;
  std::vector<OracleGroup> groups;
};

Case draw_case() {
  Case c;
  const int domains = *rc::gen::inRange(1, 5), groups = *rc::gen::inRange(1, 6);
  c.rooms.push_back(1000 * *rc::gen::inRange(groups, 4 * groups + 1));
  for (int v = 1; v < domains; ++v) {
    c.tree.parent.push_back(*rc::gen::inRange(0, v));
    c.rooms.push_back(1000 * *rc::gen::inRange(groups, 4 * groups + 1));
  }
  for (int i = 0; i < groups; ++i) {
    c.tree.groups.push_back({*rc::gen::inRange(0, domains), 1000, 5000});
    std::vector<CapacityCurve::Point> points;
    for (int w = 1; w <= 5; ++w) points.push_back({1.0 * w, 1.0 * *rc::gen::inRange(0, 50)});
    points.push_back({5.0, 50});  // so that the curve spans the range
    c.curves.push_back(upper_envelope(points));
  }
  for (int i = 0; i < groups; ++i)
    c.groups.push_back({&c.curves[idx(i)], 1, 1000 * *rc::gen::inRange(1, 6)});
  return c;
}

/// Every way to give whole watts.
double best_of_all(const Case& c) {
  double best = 0;
  std::vector<Milliwatts> given(c.groups.size(), 1000);
  const std::function<void(std::size_t)> choose = [&](std::size_t i) {
    if (i == given.size()) {
      std::vector<Milliwatts> left = c.rooms;
      double sum = 0;
      for (std::size_t g = 0; g < given.size(); ++g) {
        for (auto v = c.tree.groups[g].domain; v >= 0; v = c.tree.parent[idx(v)])
          left[idx(v)] -= given[g];
        sum += offered_capacity(c.groups[g], given[g]);
      }
      if (*std::min_element(left.begin(), left.end()) >= 0) best = std::max(best, sum);
      return;
    }
    for (int w = 1; w <= 5; ++w) {
      given[i] = 1000 * w;
      choose(i + 1);
    }
  };
  choose(0);
  return best;
}

}  // namespace

// Points (1, 2), (2, 3), (3, 6): the chord from (1, 2) to (3, 6) passes (2, 4), above the second.
TEST_CASE("envelope: the least concave curve above the points") {
  const CapacityCurve curve = upper_envelope({{2, 3}, {1, 2}, {3, 6}, {4, 5}});
  CHECK(curve.at(0.5) == 1);
  CHECK(curve.at(2) == 4);
  CHECK(curve.at(3) == 6);
  CHECK(curve.at(9) == 6);
}

// Breakpoints and rooms are whole watts, so an optimum in whole watts exists (the linear program
// over nested sets is integral): trying them all finds it.
TEST_CASE("oracle: as good as the best of all ways to share the watts") {
  CHECK(rc::check([] {
    const Case c = draw_case();
    const double all = best_of_all(c);
    RC_ASSERT(std::abs(best_capacity(c.tree, c.rooms, c.groups) - all) < 1e-9 * (1 + all));
  }));
}

TEST_CASE("oracle: no allocation of any wants offers more") {
  CHECK(rc::check([] {
    const Case c = draw_case();
    PowerAllocation allocation(c.tree, 3, *rc::gen::inRange(0, 2) == 1);
    std::vector<GroupWant> wants;
    for (std::size_t i = 0; i < c.groups.size(); ++i)
      wants.push_back({*rc::gen::inRange(0, 3), *rc::gen::inRange<Milliwatts>(0, 6000)});
    const auto granted = allocation.allocate(c.tree, c.rooms, wants);
    double offered = 0;
    for (std::size_t i = 0; i < wants.size(); ++i)
      offered += offered_capacity(c.groups[i], granted[i]);
    const double best = best_capacity(c.tree, c.rooms, c.groups);
    RC_ASSERT(offered <= best * (1 + 1e-9));
  }));
}
