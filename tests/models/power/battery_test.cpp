#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <cmath>

#include "models/power/supply.hpp"
#include "models/power/tree.hpp"

namespace mw::models {
namespace {

using sim::millisecond;
using sim::second;
using test::stage;
using test::Tree;

ElectricalParameters with_ups(Redundancy redundancy = Redundancy::n) {
  ElectricalParameters e;
  e.stages = {stage("transformer", Feeds::all, 0.99), stage("ups", Feeds::it, 0.96),
              stage("busway", Feeds::it, 0.995), stage("mechanical", Feeds::mechanical, 0.98)};
  e.stages[1].redundancy = redundancy;
  e.stages[1].battery.emplace();
  e.stages[1].battery->discharge_efficiency.value = 0.95;
  e.stages[1].battery->charge_efficiency.value = 0.9;
  return e;
}

}  // namespace

TEST_CASE("A store closes: drawn - delivered = loss + change, and gives back what its law says") {
  CHECK(rc::check([] {
    const StorageLaw law{.capacity = 1e6,
                         .discharge_w = 5e4,
                         .charge_w = 3e4,
                         .charge_efficiency = *rc::gen::inRange(50, 101) / 100.0,
                         .discharge_efficiency = *rc::gen::inRange(50, 101) / 100.0};
    double energy = *rc::gen::inRange(0, 1000001);
    for (int i = 0; i < 50; ++i) {
      const double before = energy, dt = *rc::gen::inRange(1, 100) / 10.0;
      const StorageFlow f = *rc::gen::element(true, false)
                                ? charge(law, energy, dt)
                                : discharge(law, energy, *rc::gen::inRange(0, 80000), dt);
      RC_ASSERT(std::fabs(f.drawn - f.delivered - f.loss - f.change) <= 1e-9);
      RC_ASSERT(std::fabs(energy - before - f.change * dt) <= 1e-6);
      RC_ASSERT(energy <= law.capacity);
      RC_ASSERT(f.delivered <= law.discharge_w && f.drawn <= law.charge_w && f.loss >= 0);
    }
  }));
  // 65 J for each of 72 GPUs are 4.68 kJ: 40 kW for 0.117 s.
  CHECK(ride_time({.capacity = 4680}, 4680, 40e3) == doctest::Approx(0.117));
}

TEST_CASE("Full batteries carry the usable rating for their autonomy, and less load for longer") {
  for (const Redundancy redundancy : {Redundancy::n, Redundancy::two_n}) {
    Tree tree(with_ups(redundancy), {{"racks", 4, 100e3}}, 1e4);
    const double usable = tree.law.nodes[1].usable;
    sim::Time now = 0;
    const std::vector<double> loads(4, 50e3);
    double drawn = 0;
    tree.turn(0, now);  // the utility is gone
    const double before = tree.states[1].path[0].battery_j + tree.states[1].path[1].battery_j;
    while (tree.feeding.live(2)) {
      CHECK(tree.step(loads) == 0);
      drawn += (tree.out(1) + tree.flow.lost[1]) * 0.1;  // with what the batteries lose
      now += 100 * millisecond;
      tree.turn(0, now);
    }
    // Two paths have batteries for the whole each. The UPS's own losses come out of them as well.
    const double paths = redundancy == Redundancy::two_n ? 2 : 1;
    CHECK(before == doctest::Approx(paths * usable * 300 / 0.95));
    CHECK(drawn == doctest::Approx(before).epsilon(1e-3));
    const double seconds = sim::to_seconds(now);
    CHECK(seconds > paths * 300 * usable / 220e3);
    CHECK(seconds < paths * 300 * usable / 200e3);
    CHECK_FALSE(tree.feeding.live(0));  // what has no batteries was dark at once
  }
}

TEST_CASE("The moment at which batteries will be empty is announced, and they are then") {
  Tree tree(with_ups(), {{"racks", 4, 100e3}}, 1e4);
  tree.turn(0, 0);
  tree.step(std::vector<double>(4, 50e3));
  sim::Time now = 100 * millisecond;
  tree.turn(0, now);
  const sim::Time then = next_feed_change(tree.law, tree.states, tree.parameters, now);
  CHECK(then > now);
  tree.step(std::vector<double>(4, 50e3), 0, then - now);
  tree.turn(0, then);
  CHECK_FALSE(tree.feeding.live(1));
  CHECK(std::fabs(tree.states[1].path[0].battery_j) < 1e4 * 0.01);  // 10 ms of the load
}

TEST_CASE(
    "After a dip the load returns when the source has been back for walk_in, then recharges") {
  Tree tree(with_ups(), {{"racks", 4, 100e3}}, 1e4);
  const std::vector<double> loads(4, 50e3);
  const double at_rest = tree.step(loads);
  tree.turn(0.4, second);  // 40 % of the voltage left
  CHECK(tree.feeding.of(1, 0).source == PathFeed::Source::battery);
  CHECK(tree.feeding.of(1, 0).voltage == 1);
  CHECK(tree.step(loads, 0, 300 * millisecond) < 0.02 * at_rest);  // the transformer's own
  tree.turn(1, second + 300 * millisecond);
  CHECK(tree.feeding.of(1, 0).source == PathFeed::Source::battery);
  const sim::Time back = next_feed_change(tree.law, tree.states, tree.parameters, 2 * second);
  CHECK(back == 21 * second + 300 * millisecond);
  tree.step(loads, 0, 20 * second);
  tree.turn(1, back);
  CHECK(tree.feeding.of(1, 0).source == PathFeed::Source::mains);
  const double missing = tree.law.nodes[1].battery.capacity - tree.states[1].path[0].battery_j;
  CHECK(missing > 0);
  // The UPS draws a tenth of its rating more, nine tenths of that are stored.
  CHECK(tree.step(loads) > at_rest + 0.1 * tree.law.nodes[1].usable);
  CHECK(tree.flow.stored[0] == doctest::Approx(0.09 * tree.law.nodes[1].usable));
  for (int i = 0; i < 10000; ++i) tree.step(loads);
  CHECK(tree.states[1].path[0].battery_j == tree.law.nodes[1].battery.capacity);
  CHECK(tree.step(loads) == at_rest);
  // A shallow dip is none of its business.
  tree.turn(0.95, 3000 * second);
  CHECK(tree.feeding.of(1, 0).source == PathFeed::Source::mains);
}

TEST_CASE(
    "Energy closes through a dip and the recharge: meter = loads + losses + growth of stores") {
  CHECK(rc::check([] {
    Tree tree(with_ups(*rc::gen::element(Redundancy::n, Redundancy::two_n)), {{"racks", 4, 100e3}},
              1e4);
    sim::Time now = 0;
    double meter = 0, used = 0, stored = 0;
    const auto held = [&] {
      return tree.states[1].path[0].battery_j + tree.states[1].path[1].battery_j;
    };
    const double before = held();
    for (int i = 0; i < 60; ++i) {
      const double voltage = *rc::gen::element(0.0, 0.5, 1.0, 1.0);
      const sim::Time dt = *rc::gen::inRange(1, 40) * 100 * millisecond;
      tree.turn(voltage, now);
      if (!tree.feeding.live(2)) break;
      std::vector<double> loads;
      for (int r = 0; r < 4; ++r) loads.push_back(*rc::gen::inRange(0, 100000));
      const double seconds = sim::to_seconds(dt);
      meter += tree.step(loads, 0, dt) * seconds;
      for (const double w : loads) used += w * seconds;
      used += tree.lost() * seconds;
      stored += tree.flow.stored[0] * seconds;
      now += dt;
    }
    RC_ASSERT(std::fabs(meter - used - stored) <= 1e-9 * (used + meter));
    RC_ASSERT(std::fabs(held() - before - stored) <= 1e-9 * before);
  }));
}

TEST_CASE("Generators take over when the utility stays away, and give back when it stays") {
  const std::optional<StandbyGenerators> generator{StandbyGenerators{}};
  SupplyState state;
  CHECK(supply_step(generator, state, 1, 0) == 1);
  CHECK(supply_step(generator, state, 0, 10 * second) == 0);
  CHECK(next_supply_change(generator, state) == 22 * second);
  // Back before they have started: they are called off.
  CHECK(supply_step(generator, state, 1, 15 * second) == 1);
  CHECK(supply_step(generator, state, 0, 100 * second) == 0);
  CHECK(supply_step(generator, state, 0, 112 * second) == 1);
  CHECK(state.on_generator);
  CHECK(supply_step(generator, state, 1, 200 * second) == 1);
  CHECK(state.on_generator);
  CHECK(next_supply_change(generator, state) == 500 * second);
  CHECK(supply_step(generator, state, 0, 300 * second) == 1);  // gone again: the wait begins anew
  CHECK(supply_step(generator, state, 1, 310 * second) == 1);
  CHECK(supply_step(generator, state, 1, 610 * second) == 1);
  CHECK_FALSE(state.on_generator);
  // Without any, the site sees the utility as it is.
  SupplyState bare;
  CHECK(supply_step(std::nullopt, bare, 0.3, 0) == 0.3);
}

}  // namespace mw::models
