#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <cmath>
#include <string>

#include "models/power/tree.hpp"

namespace mw::models {
namespace {

using test::stage;
using test::Tree;

ElectricalParameters chain() {
  ElectricalParameters e;
  e.stages = {stage("hv", Feeds::all, 0.995), stage("mv", Feeds::all, 0.992),
              stage("ups", Feeds::it, 0.965), stage("busway", Feeds::it, 0.995),
              stage("mechanical", Feeds::mechanical, 0.98)};
  return e;
}
ElectricalParameters only(ElectricalStage s) {
  ElectricalParameters e;
  e.stages = {std::move(s)};
  return e;
}
double loss_of(const ElectricalStage& s, double design, double load) {
  Tree tree(only(s), {{"racks", 1, design}});
  return tree.step({load}) - load;
}

}  // namespace

TEST_CASE("T25: at full load a chain has the product of its stages' efficiencies") {
  // 0.995 x 0.992 x 0.965 x 0.995 x 0.970 = 0.91930, the last being the rack's supply.
  ElectricalParameters e = chain();
  e.stages.pop_back();
  e.stages.push_back(stage("supply", Feeds::it, 0.970));
  Tree tree(e, {{"racks", 1, 1e6}});
  const double meter = tree.step({1e6});
  CHECK(1e6 / meter == doctest::Approx(0.91930).epsilon(1e-5));
  CHECK(1e6 / meter == doctest::Approx(0.995 * 0.992 * 0.965 * 0.995 * 0.970).epsilon(1e-12));
  CHECK(meter == tree.law.design_meter);
  CHECK_FALSE(tree.overloaded);
  tree.step({1.01e6});
  CHECK(tree.overloaded);
}

TEST_CASE("With two full paths each carries half: resistive loss halves, no-load loss doubles") {
  // Loss of one stage rated R at load R: a + c. Two such, each at R/2: 2 a + 2 c/4 = 2 a + c/2.
  ElectricalStage s = stage("only", Feeds::it, 0.96);
  const double a = 0.5 * (1 / 0.96 - 1) * 1e6;
  CHECK(loss_of(s, 1e6, 1e6) == doctest::Approx(2 * a));
  s.redundancy = Redundancy::two_n;
  CHECK(loss_of(s, 1e6, 1e6) == doctest::Approx(2 * a + a / 2));
  // Four modules and one spare: five at 80 % load each.
  s.redundancy = Redundancy::n_plus_1;
  s.modules = 4;
  CHECK(loss_of(s, 1e6, 1e6) == doctest::Approx(1.25 * a * (1 + 0.64)));
  // Four to make three: 4/3 installed, at 3/4 load.
  s.redundancy = Redundancy::distributed;
  s.modules = 3;
  CHECK(loss_of(s, 1e6, 1e6) == doctest::Approx(a * (4.0 / 3) * (1 + 9.0 / 16)));
  // A reserve block without load beside three at full load: a third of a no-load loss more.
  s.redundancy = Redundancy::reserve;
  CHECK(loss_of(s, 1e6, 1e6) == doctest::Approx(2 * a + a / 3));
}

TEST_CASE("What may be used of what is installed: 1, m/(m+1), 1/2, and 3/4 of four to make three") {
  CHECK(usable_share(Redundancy::n, 1) == 1);
  CHECK(usable_share(Redundancy::n_plus_1, 4) == doctest::Approx(0.8));
  CHECK(usable_share(Redundancy::two_n, 1) == 0.5);
  CHECK(usable_share(Redundancy::distributed, 3) == doctest::Approx(0.75));
  CHECK(usable_share(Redundancy::reserve, 3) == doctest::Approx(0.75));
}

TEST_CASE("The mechanical branch does not pass the UPS") {
  Tree with(chain(), {{"racks", 1, 1e6}}, 1e5), without(chain(), {{"racks", 1, 1e6}}, 1e5);
  with.step({1e6}, 1e5);
  without.step({1e6}, 0);
  CHECK(with.flow.lost[2] == without.flow.lost[2]);
  CHECK(with.flow.lost[4] > without.flow.lost[4]);
  CHECK(with.flow.lost[0] > without.flow.lost[0]);
  CHECK(with.room_heat == with.flow.lost[2] + with.flow.lost[3]);
}

TEST_CASE("T26: availability of redundant modules") {
  // 4 of 5 at 0.999: 5 a^4 (1-a) + a^5; 1 of 2: 1 - (1-a)^2.
  CHECK(std::fabs(availability_of(4, 5, 0.999) - 0.99999002) < 1e-8);
  CHECK(std::fabs(availability_of(1, 2, 0.999) - 0.999999) < 1e-12);
  CHECK(std::fabs(availability_of(0, 7, 0.3) - 1) < 1e-12);
}

TEST_CASE("A chain that feeds all from behind a branch is refused, and so are unclear places") {
  const auto first_problem = [](const ElectricalParameters& e) {
    sim::Problems found;
    check(e, found);
    return found.items.empty() ? std::string() : found.items[0].problem;
  };
  CHECK(first_problem(chain()).empty());
  ElectricalParameters e = chain();
  std::swap(e.stages[1], e.stages[2]);
  CHECK(first_problem(e) == "stage 'mv' feeds all but stands behind a branch");
  e = chain();
  e.stages[2].from = "busway";
  CHECK(first_problem(e) == "stage 'ups' is fed from 'busway', which is no stage before it");
  e = chain();
  e.stages[3].name = "ups";
  CHECK(first_problem(e) == "two stages are called 'ups'");
  e = chain();
  e.stages[3].units = 3;
  e.stages[3].racks_per_unit = 3;
  CHECK(first_problem(e) == "stage 'busway' has both units and racks_per_unit");
}

}  // namespace mw::models
