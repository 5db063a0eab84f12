#include "models/control/power_control.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <vector>

using namespace mw;
using namespace mw::models;

namespace {

struct Bench {
  PowerControlParameters p{
      .policy = PowerPolicy::uniform, .interval = {}, .guard_band = 0, .how = {}};
  std::vector<LimitedGpus> groups;
  std::vector<sim::SetPointParameters> ranges;
  std::vector<sim::SetPointState> limits;

  void add(std::int32_t gpus, double rated, double min) {
    groups.push_back({gpus, rated});
    ranges.push_back(
        {.object = "rack", .quantity = "power_limit", .unit = "W", .min = min, .max = rated});
    limits.push_back(sim::initial_set_point(rated));
  }
  std::int64_t decide(double envelope, double meter, double gpu_sum, sim::Time now = 0) {
    const PowerReadings readings{{0, meter, sim::Quality::good}, {0, gpu_sum, sim::Quality::good}};
    return power_control_step(p, envelope, readings, groups, ranges, limits, now);
  }
};

}  // namespace

// The site draws meter = fixed + k gpus. If the controller knows k, then one decision puts the
// meter on the budget when all GPUs draw their limit: fixed + k share sum(rated) = budget.
TEST_CASE("uniform: with the true slope, GPUs at their limits put the meter on the budget") {
  CHECK(rc::check([] {
    Bench b;
    b.p.meter_per_gpu_watt = 1.0 + *rc::gen::inRange(0, 100) / 100.0;
    b.p.guard_band = *rc::gen::inRange(0, 20) / 100.0;
    const int groups = *rc::gen::inRange(1, 6);
    double rated = 0, drawn = 0;
    for (int i = 0; i < groups; ++i) {
      const int gpus = *rc::gen::inRange(1, 100);
      const double tdp = *rc::gen::inRange(200, 2000);
      b.add(gpus, tdp, 0);
      rated += gpus * tdp;
      drawn += gpus * tdp * (*rc::gen::inRange(10, 100) / 100.0);
    }
    const double fixed = 1000.0 * *rc::gen::inRange(0, 50);
    const double meter = fixed + b.p.meter_per_gpu_watt * drawn;
    const double budget_share = *rc::gen::inRange(10, 99) / 100.0;
    const double envelope =
        (fixed + b.p.meter_per_gpu_watt * rated * budget_share) / (1 - b.p.guard_band);
    RC_ASSERT(b.decide(envelope, meter, drawn) == 0);
    double worst = fixed;
    for (std::size_t i = 0; i < b.groups.size(); ++i) {
      worst += b.p.meter_per_gpu_watt * b.groups[i].gpus * b.limits[i].target;
      RC_ASSERT(std::abs(b.limits[i].target / b.groups[i].rated_w - budget_share) < 1e-9);
    }
    RC_ASSERT(std::abs(worst - envelope * (1 - b.p.guard_band)) < 1e-6 * envelope);
  }));
}

TEST_CASE("uniform: an envelope with room for everybody leaves rated power") {
  Bench b;
  b.add(72, 1200, 200);
  CHECK(b.decide(1e6, 50e3, 20e3) == 0);
  CHECK(b.limits[0].target == 1200);
}

// 100 GPUs of 1000 W, k = 1.2, nothing else: a 12 kW envelope allows 100 W each, the device 200 W.
TEST_CASE("uniform: below the devices' minimum the limit stays there, and that is counted") {
  Bench b;
  b.add(100, 1000, 200);
  CHECK(b.decide(12e3, 1.2 * 50e3, 50e3) == 100);
  CHECK(b.limits[0].target == 200);
}

TEST_CASE("none, or no reading yet: nothing is asked for") {
  Bench b;
  b.add(8, 700, 200);
  const PowerReadings nothing{};
  CHECK(power_control_step(b.p, 1, nothing, b.groups, b.ranges, b.limits, 0) == 0);
  CHECK(b.limits[0].target == 700);
  b.p.policy = PowerPolicy::none;
  CHECK(b.decide(1, 1e6, 1e3) == 0);
  CHECK(b.limits[0].target == 700);
}

// A wrong belief about k heals itself: the rest is measured anew at every decision. GPUs that
// always draw their limit end on the budget whatever k the controller believes in (here 1.2
// against 1.1).
TEST_CASE("uniform: repeated decisions settle on the budget under a wrong slope") {
  Bench b;
  b.add(1000, 1000, 100);
  const double fixed = 100e3, slope = 1.1, envelope = 800e3;
  double each = 1000;
  for (int i = 0; i < 50; ++i) {
    const double gpus = 1000 * each;
    b.decide(envelope, fixed + slope * gpus, gpus, i * sim::second);
    each = b.limits[0].target;
  }
  CHECK(fixed + slope * 1000 * each == doctest::Approx(envelope).epsilon(1e-6));
}
