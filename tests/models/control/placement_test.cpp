#include "models/control/placement.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <vector>

#include "sim/index.hpp"

using namespace mw;
using namespace mw::models;

namespace {

using sim::idx;

/// Units of one rack each with `replicas` of one service that complete 2 requests/s each.
struct Floor {
  PlacementLaw law;
  PlacementState state;
  std::vector<PlacedService> services{{0, 0, true}};
  std::vector<double> cost;
  sim::Time now = 0;
  int starts = 1;  // decisions that a unit takes to start
  std::vector<int> inside;

  Floor() {
    law.p = {.policy = PlacementPolicy::consolidate, .load = 0.5, .margin = 0, .hold = {0}};
    law.capacity = {2};
    law.replicas = {0};
  }
  void unit(double cost_w, std::int32_t replicas = 1) {
    law.units.push_back({{static_cast<std::int32_t>(law.units.size())}, {0}, {{0, replicas}}});
    if (replicas == 0) law.units.back().holds.clear();
    law.replicas[0] += replicas;
    cost.push_back(cost_w);
    inside.push_back(1000);
  }
  void decide() {
    now += sim::second;
    std::vector<std::uint8_t> working;
    for (std::size_t u = 0; u < cost.size(); ++u) {
      const bool in = state.units.empty() || state.units[u].in;
      inside[u] = in ? inside[u] + 1 : 0;
      working.push_back(inside[u] > starts ? 1 : 0);
    }
    place_step(law, {services, cost, working}, state, now);
  }
  bool in(std::size_t u) const { return state.units[u].in; }
  std::int32_t replicas_in() const {
    std::int32_t n = 0;
    for (std::size_t u = 0; u < cost.size(); ++u)
      if (in(u) && !law.units[u].holds.empty()) n += law.units[u].holds[0].replicas;
    return n;
  }
};

}  // namespace

// n = ceil(rate / (capacity x load)).
TEST_CASE("placement: as many replicas as the load asks for") {
  CHECK(replicas_for(0, 2, 0.5) == 0);
  CHECK(replicas_for(3, 2, 0.5) == 3);
  CHECK(replicas_for(3.01, 2, 0.5) == 4);
  CHECK(replicas_for(3, 2, 0.75) == 2);
}

TEST_CASE("placement: the dearest go first and the cheapest come first") {
  Floor floor;
  for (const double cost : {1.5, 1.2, 1.3, 1.6}) floor.unit(cost);
  floor.unit(1.1, 0);  // serves nobody
  floor.services[0].rate = 2;
  floor.decide();
  CHECK(floor.in(1));
  CHECK(floor.in(2));
  CHECK(floor.replicas_in() == 2);
  CHECK(!floor.in(4));
  floor.services[0].rate = 3;
  floor.decide();
  CHECK(floor.in(0));
  CHECK(floor.replicas_in() == 3);
}

// Work moves to where a watt costs less: the new unit starts first, the dearer one goes afterwards.
TEST_CASE("placement: a cheaper unit takes over, and there is never less than is needed") {
  Floor floor;
  floor.unit(1.2);
  floor.unit(1.3);
  floor.services[0].rate = 1;
  floor.decide();
  CHECK(floor.in(0));
  CHECK(!floor.in(1));
  floor.cost = {1.3, 1.29};
  floor.decide();
  CHECK(!floor.in(1));  // not by enough
  floor.cost = {1.3, 1.2};
  floor.decide();
  CHECK(floor.in(0));
  CHECK(floor.in(1));
  floor.decide();
  CHECK(floor.in(0));  // it still starts
  floor.decide();
  CHECK(!floor.in(0));
  CHECK(floor.in(1));
}

TEST_CASE("placement: late latencies wake one more and keep all") {
  Floor floor;
  for (int i = 0; i < 4; ++i) floor.unit(1.2 + 0.1 * i);
  floor.services[0].rate = 1;
  floor.decide();
  CHECK(floor.replicas_in() == 1);
  floor.services[0].lateness = 1.2;
  floor.decide();
  CHECK(floor.replicas_in() == 2);
  floor.services[0].lateness = 0.5;
  floor.decide();
  floor.decide();
  floor.decide();
  CHECK(floor.replicas_in() == 1);
}

TEST_CASE("placement: work never has fewer replicas than its rate asks for, nor than the least") {
  CHECK(rc::check([] {
    Floor floor;
    const int units = *rc::gen::inRange(1, 9);
    for (int u = 0; u < units; ++u)
      floor.unit(1 + *rc::gen::inRange(0, 50) / 100.0, *rc::gen::inRange(0, 4));
    floor.law.p.margin = *rc::gen::inRange(0, 5) / 10.0;
    floor.law.p.hold = sim::Seconds{1.0 * *rc::gen::inRange(0, 4)};
    floor.law.p.least = *rc::gen::inRange(1, 3);
    floor.starts = *rc::gen::inRange(0, 3);
    for (int step = 0; step < 15; ++step) {
      floor.services[0].rate = *rc::gen::inRange(0, 12);
      for (double& c : floor.cost) c = 1 + *rc::gen::inRange(0, 50) / 100.0;
      floor.decide();
      const std::int32_t needs =
          std::min(floor.law.replicas[0],
                   std::max(floor.law.p.least, replicas_for(floor.services[0].rate, 2, 0.5)));
      RC_ASSERT(floor.replicas_in() >= needs);
    }
  }));
}
