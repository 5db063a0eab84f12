#include "models/power/distribution.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <cmath>

#include "models/power/tree.hpp"

namespace mw::models {
namespace {

using sim::second;
using test::stage;
using test::Tree;

ElectricalStage lossless(std::string name, Feeds feeds) {
  ElectricalStage s;
  s.name = std::move(name);
  s.feeds = feeds;
  return s;
}

/// NVIDIA's Domain Power Service sample: utility 750 kW, switchboard 1.6 MW, four distribution
/// units of 450 kW with two racks each.
ElectricalParameters dps_sample() {
  ElectricalParameters e;
  e.stages = {lossless("utility", Feeds::all), lossless("switchboard", Feeds::all),
              lossless("pdu", Feeds::it)};
  e.stages[0].rating = sim::Power{750e3};
  e.stages[0].units = 1;
  e.stages[1].rating = sim::Power{1.6e6};
  e.stages[2].rating = sim::Power{450e3};
  e.stages[2].units = 4;
  return e;
}

ElectricalParameters deep(Redundancy ups, Redundancy busway) {
  ElectricalParameters e;
  e.stages = {stage("hv", Feeds::all, 0.995), stage("mv", Feeds::all, 0.992),
              stage("ups", Feeds::it, 0.965), stage("busway", Feeds::it, 0.995),
              stage("mechanical", Feeds::mechanical, 0.98)};
  e.stages[1].redundancy = Redundancy::two_n;
  e.stages[2].redundancy = ups;
  e.stages[3].redundancy = busway;
  return e;
}

}  // namespace

TEST_CASE(
    "T40: the hierarchy of NVIDIA's sample: the utility binds, the distribution units do not") {
  Tree tree(dps_sample(), {{"racks", 8, 132e3}});
  REQUIRE(tree.law.nodes.size() == 6);
  for (int r = 0; r < 8; ++r)
    CHECK(tree.law.node_of_rack[static_cast<std::size_t>(r)] == 2 + r / 2);
  const auto lines = oversubscribed(tree.law);
  REQUIRE(lines.size() == 1);
  CHECK(lines[0] ==
        "1 of 1 `utility` would carry up to 1056 kW at design power and may carry 750: "
        "oversubscribed");
  // 750 kW over eight racks are 93.75 each and 187.5 a distribution unit.
  CHECK(tree.step(std::vector<double>(8, 93.75e3)) == 750e3);
  CHECK_FALSE(tree.overloaded);
  CHECK(tree.out(2) == 187.5e3);
  tree.step(std::vector<double>(8, 132e3));
  CHECK(tree.overloaded);
  CHECK(tree.states[0].overloaded == 100 * sim::millisecond);
  CHECK(tree.states[1].overloaded == 0);
  CHECK(tree.states[2].overloaded == 0);
  CHECK(tree.states[0].peak_w == 1056e3);
}

TEST_CASE("Units that are loaded alike lose together what one that carries all loses") {
  // Losses are relative to the rating, and ratings follow the racks behind.
  const auto meter = [](int ups, int busways, double load) {
    ElectricalParameters e = deep(Redundancy::n_plus_1, Redundancy::two_n);
    e.stages[2].units = ups;
    e.stages[2].modules = 3;
    e.stages[3].units = busways;
    Tree tree(e, {{"racks", 24, 132e3}}, 2e5);
    return tree.step(std::vector<double>(24, load), 1e5);
  };
  for (const double load : {10e3, 70e3, 132e3}) {
    const double one = meter(1, 1, load);
    CHECK(meter(3, 12, load) == doctest::Approx(one).epsilon(1e-14));
    CHECK(meter(4, 8, load) == doctest::Approx(one).epsilon(1e-14));
  }
}

TEST_CASE("Unlike loads cost more than like ones: the resistive loss is convex") {
  ElectricalParameters e = deep(Redundancy::n, Redundancy::n);
  e.stages[3].units = 2;
  Tree tree(e, {{"racks", 2, 132e3}});
  const double alike = tree.step({66e3, 66e3});
  CHECK(tree.step({132e3, 0}) > alike);
}

TEST_CASE("Stages deal racks out: by units, by racks a unit, by rating; unlike racks by power") {
  ElectricalParameters e = deep(Redundancy::n, Redundancy::n);
  e.stages[2].rating = sim::Power{1e6};
  e.stages[3].racks_per_unit = 12;
  const Distribution law = make_distribution(e, std::vector<FedRacks>{{"racks", 22, 132e3}}, {1e5});
  CHECK(law.stages[3].units == 2);  // 11 racks each
  CHECK(law.nodes[static_cast<std::size_t>(law.stages[3].first)].racks == 11);
  // 22 x 132 kW with busway losses are 2.92 MW, three units of 1 MW; only two busways to tie to.
  CHECK(law.stages[2].units == 2);
  // One rack of 600 kW weighs as much as four of 150.
  e.stages[3].racks_per_unit.reset();
  e.stages[3].units = 2;
  const Distribution mixed =
      make_distribution(e, std::vector<FedRacks>{{"big", 1, 600e3}, {"small", 4, 150e3}}, {1e5});
  CHECK(mixed.node_of_rack[0] == mixed.stages[3].first);
  for (std::size_t r = 1; r < 5; ++r) CHECK(mixed.node_of_rack[r] == mixed.stages[3].first + 1);
}

TEST_CASE("A tree by name: two UPS rows from one switchboard, each with its rack groups") {
  ElectricalParameters e;
  e.stages = {lossless("board", Feeds::all), stage("ups_a", Feeds::it, 0.96),
              stage("ups_b", Feeds::it, 0.98)};
  e.stages[1].from = "board";
  e.stages[1].racks = {"old"};
  e.stages[2].from = "board";
  const std::vector<FedRacks> racks{{"old", 2, 100e3}, {"new", 3, 100e3}, {"more", 1, 100e3}};
  sim::Problems none;
  check_distribution(e, racks, none);
  CHECK(none.items.empty());
  Tree tree(e, racks);
  // Full load: old / 0.96 + (new and more) / 0.98.
  CHECK(tree.step(std::vector<double>(6, 100e3)) == doctest::Approx(200e3 / 0.96 + 400e3 / 0.98));
  e.stages[2].racks = {"new"};
  sim::Problems found;
  check_distribution(e, racks, found);
  REQUIRE(found.items.size() == 1);
  CHECK(found.items[0].problem == "racks `more` are fed by no stages");
}

TEST_CASE("What the meter reads is the loads and all losses, whatever the tree") {
  CHECK(rc::check([] {
    const auto redundancy = [] {
      return *rc::gen::element(Redundancy::n, Redundancy::n_plus_1, Redundancy::two_n,
                               Redundancy::distributed, Redundancy::reserve);
    };
    ElectricalParameters e = deep(redundancy(), redundancy());
    e.stages[0].redundancy = redundancy();
    for (std::size_t i : {0U, 1U, 2U, 3U}) {
      e.stages[i].units = *rc::gen::inRange(1, 9);
      e.stages[i].modules = *rc::gen::inRange(1, 5);
    }
    const int count = *rc::gen::inRange(1, 40);
    Tree tree(e, {{"a", count, 132e3}, {"b", 3, 40e3}}, 2e5);
    std::vector<double> loads;
    double sum = 0;
    for (int r = 0; r < count + 3; ++r) loads.push_back(*rc::gen::inRange(0, 150000));
    for (const double w : loads) sum += w;
    const double plant = *rc::gen::inRange(0, 200000);
    const double meter = tree.step(loads, plant);
    RC_ASSERT(std::fabs(meter - (sum + plant + tree.lost())) <= 1e-12 * meter);
    // Every stage delivers what the stages behind it draw.
    double busways = 0;
    for (std::size_t n = 0; n < tree.law.nodes.size(); ++n)
      if (tree.law.nodes[n].stage == 3) busways += tree.out(n);
    RC_ASSERT(std::fabs(busways - sum) <= 1e-12 * (1 + sum));
  }));
}

TEST_CASE("A feed that is lost moves its load to the other, which may then be too much") {
  // Both paths at 45 % of what one may carry; one alone carries 90 %.
  ElectricalParameters e = deep(Redundancy::two_n, Redundancy::two_n);
  e.stages[0].redundancy = Redundancy::two_n;
  e.stages[2].rating = sim::Power{1e6};
  Tree tree(e, {{"racks", 8, 112.5e3}});
  const std::vector<double> loads(8, 112.5e3);
  const double both = tree.step(loads);
  CHECK(tree.out(2, 0) == tree.out(2, 1));
  // The UPS of path a: its busway goes with it, the transformers' path a runs without its load.
  std::vector<std::int32_t> lost(2 * tree.law.nodes.size(), 0);
  lost[2 * 2] = 1;
  tree.turn(1, second, lost);
  const double one = tree.step(loads);
  CHECK(tree.out(3, 0) == 0);
  CHECK(tree.out(3, 1) == doctest::Approx(900e3));
  CHECK(tree.out(2, 0) == 0);
  CHECK(tree.out(1, 0) == 0);
  CHECK(tree.out(2, 1) == doctest::Approx(900e3 + tree.flow.lost[3]));
  CHECK_FALSE(tree.overloaded);
  CHECK(one > 900e3);
  CHECK(one != both);
  // Somewhat more load and the one that is left carries more than it may.
  tree.step(std::vector<double>(8, 130e3));
  CHECK(tree.overloaded);
  lost[2 * 2 + 1] = 1;  // both: nothing is fed
  tree.turn(1, 2 * second, lost);
  CHECK_FALSE(tree.feeding.live(3));
}

TEST_CASE("Modules that fail load the others; the reserve takes the first one's place") {
  ElectricalParameters e;
  e.stages = {stage("ups", Feeds::it, 0.96)};
  e.stages[0].redundancy = Redundancy::reserve;
  e.stages[0].modules = 3;
  Tree tree(e, {{"racks", 3, 100e3}});
  const double c = 0.5 * (1 / 0.96 - 1);
  CHECK(tree.step({100e3, 100e3, 100e3}) - 300e3 == doctest::Approx(c * (300e3 * 2 + 100e3)));
  tree.turn(1, second, {1, 0});
  CHECK(tree.step({100e3, 100e3, 100e3}) - 300e3 == doctest::Approx(c * 300e3 * 2));
  CHECK_FALSE(tree.overloaded);
  tree.turn(1, second, {2, 0});  // two of three are left, at 1.5 times their rating
  CHECK(tree.step({100e3, 100e3, 100e3}) - 300e3 == doctest::Approx(c * 200e3 * (1 + 1.5 * 1.5)));
  CHECK(tree.overloaded);
}

}  // namespace mw::models
