// A budget below the least of all devices: who is switched off, and when it comes back.
#include "models/control/shedding.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "models/control/power_steering.hpp"
#include "sim/index.hpp"

using namespace mw;
using namespace mw::models;

namespace {

using sim::idx;

/// Racks of 10 GPUs of 200 to 1000 W below nodes of a tree, with 3 to 6 kW beside them. What a GPU
/// draws is between nothing and its limit, what the rest draws between its least and its most; a
/// watt of either is `slope` watts at a domain, no more than what the controller believes.
struct Site {
  static constexpr double least_w = 2000, most_w = 10'000;
  PowerControlParameters p{.policy = PowerPolicy::steering,
                           .interval = sim::Seconds{1},
                           .guard_band = 0,
                           .meter_per_gpu_watt = 1.2,
                           .how = {}};
  SteeredPower power;
  SteeringState state;
  std::vector<double> budgets, slope, load, rest;
  std::vector<ServiceReading> services;
  std::vector<sim::SetPointParameters> ranges;
  std::vector<sim::SetPointState> limits;
  sim::Time now = 0;

  Site() { p.actuation = {0}; }
  void domain(std::int32_t parent, double budget, double believed, double true_slope) {
    if (!budgets.empty()) power.tree.parent.push_back(parent);
    budgets.push_back(budget);
    power.domain_per_gpu_watt.push_back(believed);
    slope.push_back(true_slope);
  }
  void rack(std::int32_t domain, std::int32_t rank, double draws, double rest_w,
            sim::Time starts = 10 * sim::second) {
    power.rack_of_group.push_back(static_cast<std::int32_t>(power.racks.size()));
    power.racks.push_back({domain, milliwatts(least_w), 3000, 6000, starts});
    power.tree.groups.push_back({domain, milliwatts(least_w), milliwatts(most_w)});
    power.devices.push_back(10);
    power.service.push_back(static_cast<std::int32_t>(power.given_rank.size()));
    power.given_rank.push_back(rank);
    services.push_back({});
    load.push_back(draws);
    rest.push_back(rest_w);
    ranges.push_back({.object = "rack",
                      .quantity = "gpu_power_limit",
                      .unit = "W",
                      .min = least_w / 10,
                      .max = most_w / 10,
                      .quantum = 1});
    limits.push_back(sim::initial_set_point(most_w / 10));
  }
  bool off(std::size_t b) const { return !state.switches.empty() && state.switches[b].shed; }
  double floor_w = 0;  // what a rack's GPUs draw at least, whatever their limit
  double gpus_w(std::size_t b) const {
    return off(b) ? 0 : std::max(floor_w, std::min(load[b], 10 * limits[b].effective));
  }
  /// At a domain, if all draw what they may.
  double highest_w(std::size_t v) const {
    double sum = 0;
    for (std::size_t b = 0; b < load.size(); ++b)
      if (!off(b) && below(b, v)) sum += 10 * limits[b].effective + rest[b];
    return slope[v] * sum;
  }
  bool below(std::size_t b, std::size_t v) const {
    for (auto d = power.racks[b].domain; d >= 0; d = power.tree.parent[idx(d)])
      if (idx(d) == v) return true;
    return false;
  }
  std::vector<DomainReading> read() const {
    std::vector<DomainReading> all;
    for (std::size_t v = 0; v < budgets.size(); ++v) {
      DomainReading r{0, 0, true};
      for (std::size_t b = 0; b < load.size(); ++b)
        if (below(b, v) && !off(b)) {
          r.gpus_w += gpus_w(b);
          r.power_w += slope[v] * (gpus_w(b) + rest[b]);
        }
      all.push_back(r);
    }
    return all;
  }
  SteeringResult decide() {
    const auto domains = read();
    std::vector<GroupReading> groups;
    for (std::size_t i = 0; i < load.size(); ++i)
      groups.push_back({milliwatts(gpus_w(i)), milliwatts(10 * limits[i].effective), true});
    const auto result = steering_step(p, power, {budgets, domains, groups, services, {}}, state,
                                      ranges, limits, now);
    for (std::size_t i = 0; i < limits.size(); ++i) sim::advance(limits[i], ranges[i], now);
    now += sim::second;
    return result;
  }
  int on() const {
    int n = 0;
    for (std::size_t b = 0; b < load.size(); ++b) n += off(b) ? 0 : 1;
    return n;
  }
};

Site draw_site(bool fixed_rest, bool exact = false) {
  Site site;
  const int domains = *rc::gen::inRange(1, 5), racks = *rc::gen::inRange(1, 9);
  for (int v = 0; v < domains; ++v) {
    const double believed = 1 + *rc::gen::inRange(0, 6) / 20.0;
    site.domain(v == 0 ? -1 : *rc::gen::inRange(0, v), *rc::gen::inRange(0, 120'000), believed,
                exact ? believed : 1 + (believed - 1) * *rc::gen::inRange(0, 11) / 10.0);
  }
  for (int b = 0; b < racks; ++b)
    site.rack(*rc::gen::inRange(0, domains), *rc::gen::inRange(0, 3), *rc::gen::inRange(0, 12'000),
              fixed_rest ? 4000 : *rc::gen::inRange(3000, 6001));
  return site;
}

}  // namespace

// Three racks, each 2 kW of GPUs at least and 4 kW beside them (3 to 6 kW as far as the controller
// knows); all slopes 1. At their least they draw 18 kW. A budget of 17 kW takes the one of the last
// rank; 11 kW the second as well; 40 kW lets both come back, once what they may need is there for
// `shed_hold` s: (2 + 6) 1.05 = 8.4 kW each.
TEST_CASE("shedding: last ranks first, back with a margin and not before its time") {
  Site site;
  site.domain(-1, 100e3, 1, 1);
  site.rack(0, 0, 10e3, 4000);
  site.rack(0, 2, 10e3, 4000);
  site.rack(0, 1, 10e3, 4000);
  site.decide();
  CHECK(site.on() == 3);
  site.budgets[0] = 18e3;
  site.decide();
  CHECK(site.on() == 3);
  CHECK(site.highest_w(0) == doctest::Approx(18e3));
  site.budgets[0] = 17e3;
  SteeringResult result = site.decide();
  CHECK(site.off(1));
  CHECK(site.on() == 2);
  CHECK(result.below_least == 0);
  CHECK(site.highest_w(0) <= 17e3);
  site.budgets[0] = 11e3;
  site.decide();
  CHECK(site.on() == 1);
  CHECK(!site.off(0));
  CHECK(site.highest_w(0) <= 11e3);
  // 12 kW of the others at their least, and 8.4 kW: not yet.
  site.budgets[0] = 19.4e3;
  for (int i = 0; i < 90; ++i) site.decide();
  CHECK(site.on() == 2);
  CHECK(site.off(1));
  site.budgets[0] = 20.41e3;
  site.decide();
  CHECK(site.on() == 3);
  for (int i = 0; i < 70; ++i) {
    site.decide();
    REQUIRE(site.on() == 3);
    REQUIRE(site.highest_w(0) <= 20.41e3);
  }
}

// Three racks of 2 kW at their least limits, which draw 3 kW all the same, and 4 kW beside them:
// under 18.5 kW their least fits, but 21 kW are drawn. What is drawn counts, and one rack goes: 14
// kW.
TEST_CASE("shedding: devices that draw more than their least limit are taken at what they draw") {
  Site site;
  site.domain(-1, 100e3, 1, 1);
  for (int i = 0; i < 3; ++i) site.rack(0, 0, 10e3, 4000);
  site.decide();
  site.floor_w = 3000;
  site.budgets[0] = 18.5e3;
  for (int i = 0; i < 50; ++i) site.decide();
  CHECK(site.on() == 2);
  CHECK(site.read()[0].power_w <= 18.5e3);
}

TEST_CASE("shedding: a budget that goes up and down does not make racks chatter") {
  Site site;
  site.domain(-1, 17e3, 1, 1);
  for (int i = 0; i < 3; ++i) site.rack(0, 0, 10e3, 4000);
  int changes = 0;
  for (int i = 0; i < 600; ++i) {
    site.budgets[0] = i % 2 == 0 ? 17e3 : 25e3;
    const int before = site.on();
    site.decide();
    changes += site.on() != before ? 1 : 0;
  }
  CHECK(changes <= 1 + 2 * 600 / 60);
}

// Whatever the racks do until the next decision, they draw no more than their limits and the rest.
// A power that is already above its budget comes back at once if the controller knows the slopes,
// otherwise by a factor at each decision.
TEST_CASE("shedding: every budget is kept at every node, whatever is drawn") {
  CHECK(rc::check([] {
    const bool exact = *rc::gen::inRange(0, 2) == 0;
    Site site = draw_site(true, exact);
    for (int step = 0; step < 12; ++step) {
      if (step > 0)
        site.budgets[idx(*rc::gen::inRange<int>(0, static_cast<int>(site.budgets.size())))] =
            *rc::gen::inRange(0, 120'000);
      const auto read = site.read();
      bool inside = exact;
      if (!exact) {
        inside = true;
        for (std::size_t v = 0; v < read.size(); ++v)
          inside = inside && read[v].power_w <= site.budgets[v];
      }
      site.decide();
      for (std::size_t v = 0; v < site.budgets.size() && inside; ++v) {
        bool any = false;
        for (std::size_t b = 0; b < site.load.size(); ++b)
          any = any || (site.below(b, v) && !site.off(b));
        RC_ASSERT(!any || site.highest_w(v) <= site.budgets[v] + 1);
      }
    }
  }));
}

TEST_CASE("shedding: nothing is shed while the least of all fits") {
  CHECK(rc::check([] {
    Site site = draw_site(false);
    for (std::size_t v = 0; v < site.budgets.size(); ++v) {
      double needs = 0;
      for (std::size_t b = 0; b < site.load.size(); ++b)
        if (site.below(b, v))
          needs += site.power.domain_per_gpu_watt[v] * Site::least_w + site.slope[v] * site.rest[b];
      site.budgets[v] = needs + 1 + *rc::gen::inRange(0, 50'000);
    }
    for (int step = 0; step < 5; ++step) {
      site.decide();
      RC_ASSERT(site.on() == static_cast<int>(site.load.size()));
    }
  }));
}

// A rack is off only if it does not fit some node above it beside those of its rank and before.
TEST_CASE("shedding: no rack is off for one of a later rank") {
  CHECK(rc::check([] {
    Site site = draw_site(true);
    site.decide();
    for (std::size_t b = 0; b < site.load.size(); ++b) {
      if (!site.off(b)) continue;
      bool blocked = false;
      for (std::size_t v = 0; v < site.budgets.size(); ++v) {
        if (!site.below(b, v)) continue;
        // Its own least, what those that stay of ranks up to its own take, and the rest of all as
        // the reading had it less what the controller is sure that the others took with them.
        double needs = 0;
        const double k = site.power.domain_per_gpu_watt[v];
        for (std::size_t other = 0; other < site.load.size(); ++other) {
          if (!site.below(other, v)) continue;
          const bool counts = other == b || (!site.off(other) && site.power.given_rank[other] <=
                                                                     site.power.given_rank[b]);
          needs += site.slope[v] * site.rest[other] - (counts ? 0 : 3000);
          if (counts) needs += k * Site::least_w;
        }
        blocked = blocked || needs > site.budgets[v] - 1;
      }
      RC_ASSERT(blocked);
    }
  }));
}
