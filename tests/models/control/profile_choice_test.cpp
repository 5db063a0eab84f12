#include "models/control/profile_choice.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <vector>

#include "sim/index.hpp"

using namespace mw;
using namespace mw::models;

namespace {

using sim::idx;

/// Services of one group of 10 GPUs of 200 to 1000 W each in one domain; the efficient profile
/// allows 800 W. All are at their limits.
struct Floor {
  ProfileLaw law{.policy = ProfilePolicy::by_value, .hold = {0}, .margin = 0.1};
  PolicyParameters how;
  PowerTree tree;
  std::vector<GroupReading> readings;
  std::vector<std::int32_t> service, rank;
  std::vector<ServiceReading> services;
  std::vector<double> rated;
  std::vector<ProfileSwitch> chosen;
  sim::Time now = 0;

  Floor() { law.efficient.limit.value = 0.8; }
  void add(double usd_per_joule, double drawn_w = 10'000) {
    tree.groups.push_back({0, milliwatts(2000), milliwatts(10'000)});
    service.push_back(static_cast<std::int32_t>(services.size()));
    rank.push_back(0);
    services.push_back({0, usd_per_joule});
    rated.push_back(10'000);
    readings.push_back({milliwatts(drawn_w), milliwatts(10'000), true});
    chosen.emplace_back();
  }
  void decide(double room_w) {
    now += sim::second;
    const std::vector<Milliwatts> rooms{milliwatts(room_w)};
    choose_profiles(law, {how, tree.groups, readings, service, rank, services}, tree, rated, rooms,
                    now, chosen);
  }
  double asked_w() const {
    double sum = 0;
    for (const auto& one : chosen) sum += one.efficient ? 8000 : 10'000;
    return sum;
  }
};

}  // namespace

// Three groups that ask for 10 kW fast and 8 kW efficient. 30 kW let all be fast; 28 kW all but the
// one that earns least; below 24 kW nobody is. Back only with a tenth of 2 kW to spare.
TEST_CASE("profiles: the efficient one where power is short, who earns least first") {
  Floor floor;
  floor.add(3);
  floor.add(1);
  floor.add(2);
  floor.decide(30'000);
  CHECK(floor.asked_w() == 30'000);
  floor.decide(28'500);
  CHECK(floor.chosen[1].efficient);
  CHECK(floor.asked_w() == 28'000);
  floor.decide(30'100);
  CHECK(floor.chosen[1].efficient);
  floor.decide(30'200);
  CHECK(floor.asked_w() == 30'000);
  floor.decide(20'000);
  CHECK(floor.asked_w() == 24'000);
}

TEST_CASE("profiles: who draws little does not make others efficient") {
  Floor floor;
  floor.add(1);
  floor.add(2, 3000);
  floor.decide(10'000 + 1.2 * 3000);
  CHECK(!floor.chosen[0].efficient);
  CHECK(!floor.chosen[1].efficient);
}

TEST_CASE(
    "profiles: what is asked for fits wherever all could be efficient, and nobody could be "
    "faster for a service that earns less") {
  CHECK(rc::check([] {
    Floor floor;
    const int n = *rc::gen::inRange(1, 8);
    for (int s = 0; s < n; ++s) floor.add(*rc::gen::inRange(0, 5));
    for (int step = 0; step < 5; ++step) {
      const double room = *rc::gen::inRange(0, 90'000);
      floor.decide(room);
      if (room < 8000.0 * n) continue;
      RC_ASSERT(floor.asked_w() <= room);
      if (step > 0) continue;  // who was fast before keeps it more easily
      for (std::size_t a = 0; a < floor.chosen.size(); ++a)
        for (std::size_t b = 0; b < floor.chosen.size(); ++b)
          if (floor.chosen[a].efficient && !floor.chosen[b].efficient &&
              floor.services[a].usd_per_joule > floor.services[b].usd_per_joule)
            RC_FAIL("one that earns less is fast in its place");
    }
  }));
}
