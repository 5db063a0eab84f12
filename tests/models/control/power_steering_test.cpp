#include "models/control/power_steering.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <numeric>
#include <vector>

#include "sim/index.hpp"

using namespace mw;
using namespace mw::models;

namespace {

using sim::idx;

/// Racks of 100 GPUs of 200 to 1000 W in one domain, whose power is a fixed part and k for each
/// watt of a GPU. Each rack would draw `demand` and draws no more than its limit.
struct Room {
  PowerControlParameters p{.policy = PowerPolicy::steering,
                           .interval = {},
                           .guard_band = 0,
                           .meter_per_gpu_watt = 1.2,
                           .how = {}};
  SteeredPower power{.tree = {},
                     .devices = {},
                     .service = {},
                     .given_rank = {},
                     .group_names = {},
                     .service_names = {},
                     .domain_per_gpu_watt = {1.2}};
  SteeringState state;
  std::vector<double> budgets{std::numeric_limits<double>::infinity()};
  std::vector<double> demand;  // W of one GPU, by rack
  std::vector<ServiceReading> services;
  std::vector<sim::SetPointParameters> ranges;
  std::vector<sim::SetPointState> limits;
  double fixed_w = 50e3;
  sim::Time now = 0;

  void add(double demand_w, std::int32_t service = 0, std::int32_t rank = 0) {
    power.tree.groups.push_back({0, 20'000'000, 100'000'000});
    power.devices.push_back(100);
    power.service.push_back(service);
    if (power.given_rank.size() <= idx(service)) {
      power.given_rank.resize(idx(service) + 1, 0);
      services.resize(idx(service) + 1);
    }
    power.given_rank[idx(service)] = rank;
    demand.push_back(demand_w);
    ranges.push_back({.object = "rack",
                      .quantity = "gpu_power_limit",
                      .unit = "W",
                      .min = 200,
                      .max = 1000,
                      .quantum = 1});
    limits.push_back(sim::initial_set_point(1000));
  }
  double drawn(std::size_t i) const { return std::min(demand[i], limits[i].effective); }
  double gpus_w() const {
    double sum = 0;
    for (std::size_t i = 0; i < demand.size(); ++i) sum += 100 * drawn(i);
    return sum;
  }
  double power_w() const { return fixed_w + 1.2 * gpus_w(); }
  double limits_w() const {
    double sum = fixed_w;
    for (const auto& l : limits) sum += 1.2 * 100 * l.effective;
    return sum;
  }
  SteeringResult decide() {
    now += sim::second;
    for (std::size_t i = 0; i < limits.size(); ++i) sim::advance(limits[i], ranges[i], now);
    const std::vector<DomainReading> domains{{power_w(), gpus_w(), true}};
    std::vector<GroupReading> groups;
    for (std::size_t i = 0; i < demand.size(); ++i)
      groups.push_back({milliwatts(100 * drawn(i)), milliwatts(100 * limits[i].effective), true});
    return steering_step(p, power, {budgets, domains, groups, services}, state, ranges, limits,
                         now);
  }
  double limit(std::size_t i) const { return limits[i].effective; }
};

}  // namespace

// Two racks of 100 GPUs under fixed + 1.2 (80 kW + 60 kW) = 218 kW: 1400 W for a pair of GPUs. One
// would draw 300 W, wants 1.2 x 300 = 360 W, and the other takes what is left, 1000 W at most.
TEST_CASE("steering: idle groups give, groups at their limit take, and it comes back") {
  Room room;
  room.add(300);
  room.add(1000);
  room.budgets = {50e3 + 1.2 * 140e3};
  for (auto& l : room.limits) l = sim::initial_set_point(700);
  for (int i = 0; i < 3; ++i) room.decide();
  CHECK(room.limit(1) == 1000);
  CHECK(room.limit(0) == 400);  // 360 wanted, and the 40 that nobody else takes

  // The idle one wakes up: it is seen at its limit and gets its equal share back. Half of a step
  // of the rise is all the difference that rounding of steps may leave.
  room.demand[0] = 1000;
  for (int i = 0; i < 3; ++i) room.decide();
  CHECK(room.limit(0) == doctest::Approx(700).epsilon(0.001));
  CHECK(room.limit(1) == doctest::Approx(700).epsilon(0.001));
  CHECK(room.limits_w() <= room.budgets[0]);
}

TEST_CASE("steering: the first rank has all it wants before the next has more than its least") {
  Room room;
  room.add(1000, 0, 1);
  room.add(1000, 1, 0);
  room.budgets = {50e3 + 1.2 * 130e3};
  room.decide();
  CHECK(room.limit(1) == 1000);
  CHECK(room.limit(0) == 300);
}

TEST_CASE("steering: ranks may follow what tokens earn for a joule") {
  Room room;
  room.p.how.rank_by = RankBy::revenue_per_joule;
  room.add(1000, 0, 0);
  room.add(1000, 1, 1);
  room.budgets = {50e3 + 1.2 * 130e3};
  room.services[0].usd_per_joule = 1e-6;
  room.services[1].usd_per_joule = 2e-6;
  room.decide();
  CHECK(room.limit(1) == 1000);
  room.services[0].usd_per_joule = 3e-6;
  room.decide();
  CHECK(room.limit(0) == 1000);
}

// Whatever racks do between decisions, they draw at most their limits, and limits sum to no more
// than the room: power <= rest + k sum(limits) = budget, also when the budget moves.
TEST_CASE("policies: no demand and no change of budget passes the budget after a decision") {
  CHECK(rc::check([] {
    Room room;
    room.p.policy = *rc::gen::element(PowerPolicy::steering, PowerPolicy::proportional,
                                      PowerPolicy::priority, PowerPolicy::slo);
    room.p.guard_band = *rc::gen::inRange(0, 5) / 100.0;
    const int racks = *rc::gen::inRange(1, 8);
    for (int i = 0; i < racks; ++i)
      room.add(*rc::gen::inRange(100, 1200), *rc::gen::inRange(0, 3), *rc::gen::inRange(0, 3));
    for (int step = 0; step < 8; ++step) {
      room.budgets = {50e3 + 1.2 * 100 * racks * *rc::gen::inRange(250, 1100)};
      for (auto& s : room.services) s.lateness = *rc::gen::inRange(0, 200) / 100.0;
      const auto result = room.decide();
      for (auto& d : room.demand) d = *rc::gen::inRange(100, 1200);
      if (result.below_least == 0) RC_ASSERT(room.limits_w() <= room.budgets[0] + 1e-6);
      for (const auto& l : room.limits) {
        RC_ASSERT(l.refusals == 0);
        RC_ASSERT(l.effective >= 200 && l.effective <= 1000);
      }
    }
  }));
}

// Which wants are set anew is a matter of speed alone: a policy that looks at every group gives the
// same limits at every decision.
TEST_CASE("steering: looking only at what has news gives what looking at all gives") {
  CHECK(rc::check([] {
    Room picked, all;
    for (Room* room : {&picked, &all}) room->p.how.grain = 0.002;
    const int racks = *rc::gen::inRange(1, 8);
    for (int i = 0; i < racks; ++i) {
      const double demand = *rc::gen::inRange(100, 1200);
      const int service = *rc::gen::inRange(0, 3), rank = *rc::gen::inRange(0, 3);
      picked.add(demand, service, rank);
      all.add(demand, service, rank);
    }
    picked.p.how.rank_by = all.p.how.rank_by =
        *rc::gen::element(RankBy::given, RankBy::revenue_per_joule);
    for (int step = 0; step < 8; ++step) {
      picked.budgets = all.budgets = {50e3 + 1.2 * 100 * racks * *rc::gen::inRange(250, 1100)};
      for (std::size_t s = 0; s < picked.services.size(); ++s)
        picked.services[s].usd_per_joule = all.services[s].usd_per_joule =
            *rc::gen::inRange(0, 3) * 1e-6;
      for (std::size_t i = 0; i < picked.demand.size(); ++i)
        if (*rc::gen::inRange(0, 2) == 1)
          picked.demand[i] = all.demand[i] = *rc::gen::inRange(100, 1200);
      picked.decide();
      all.state.allocation = {};  // as after a checkpoint: everything is looked at
      all.decide();
      for (std::size_t i = 0; i < picked.limits.size(); ++i)
        RC_ASSERT(picked.limits[i].requested == all.limits[i].requested);
    }
  }));
}

// A meter that reads above the budget (the rest has jumped) is an excursion: the overshoot is held
// back on top of the corrected room, and half of it is forgotten at each decision.
TEST_CASE("steering: an excursion is held back, then forgotten") {
  Room room;
  room.add(1000);
  room.budgets = {50e3 + 1.2 * 90e3};
  room.decide();
  CHECK(room.limit(0) == 900);
  room.fixed_w += 12e3;  // 10 kW of GPUs
  CHECK(room.decide().excursions == 1);
  CHECK(room.limit(0) == 700);  // 90 - 10 - 10 kW
  room.decide();
  CHECK(room.limit(0) == 750);
  for (int i = 0; i < 10; ++i) room.decide();
  CHECK(room.limit(0) == doctest::Approx(800).epsilon(0.002));
}

TEST_CASE("steering: a budget below the least keeps the devices there and says how many") {
  Room room;
  room.add(1000, 0, 0);
  room.add(1000, 1, 1);
  room.budgets = {50e3 + 1.2 * 30e3};
  CHECK(room.decide().below_least == 100);
  CHECK(room.limit(0) == 200);
  CHECK(room.limit(1) == 200);
}

// 5 % are taken each time while latencies are below 90 % of what is promised.
TEST_CASE("slo: power is taken only from what keeps its promise, and given back at once") {
  Room room;
  room.p.policy = PowerPolicy::slo;
  room.add(1000, 0);
  room.add(1000, 1);
  room.services = {{.lateness = 0.5}, {.lateness = 0.95}};
  room.decide();
  room.decide();
  CHECK(room.limit(0) == 902);  // 1000 x 0.95^2
  CHECK(room.limit(1) == 1000);
  room.services[0].lateness = 1.1;
  room.decide();
  CHECK(room.limit(0) == 1000);
}

TEST_CASE("steering: without a reading the design's limits stay") {
  Room room;
  room.add(1000);
  room.budgets = {1e5};
  const std::vector<DomainReading> nothing(1);
  const std::vector<GroupReading> groups(1);
  steering_step(room.p, room.power, {room.budgets, nothing, groups, room.services}, room.state,
                room.ranges, room.limits, 0);
  CHECK(room.limits[0].requested == 1000);

  // At the start the design stands in for readings: 1000 W each give 50 + 1.2 x 100 kW.
  const std::vector<DomainReading> design{{50e3 + 1.2 * 100e3, 100e3, true}};
  for (const auto policy : {PowerPolicy::fixed, PowerPolicy::steering}) {
    room.p.policy = policy;
    room.budgets = {50e3 + 1.2 * 60e3};
    CHECK(initial_steered_limits(room.p, room.power, room.budgets, design, room.ranges).w[0] ==
          600);
  }
}
