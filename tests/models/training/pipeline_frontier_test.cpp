#include "models/training/pipeline_frontier.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "models/training/golden_profile.hpp"

using namespace mw;
using namespace mw::models;
using test::golden_choices;
using test::golden_costs;

namespace {

double busy_time(const ClockPlan& plan) {
  double sum = 0;
  for (const OpChoice& c : plan.ops) sum += c.time;
  return sum;
}

}  // namespace

// E = sum over ops of e + P_blk x (stages x T - sum of t): each second of each stage is either an
// op's or a gap's.
TEST_CASE("a plan's energy is that of its ops and of its gaps") {
  const auto f = pipeline_frontier(golden_costs(4, 8, 0, CostModel::piecewise_linear));
  REQUIRE(f);
  for (const std::int64_t at : {f->frontier.shortest(), cheapest_time(*f), f->frontier.longest()}) {
    const ClockPlan plan = plan_at(*f, at);
    double ops = 0;
    for (const OpChoice& c : plan.ops) ops += c.energy;
    CHECK(plan.active_energy == doctest::Approx(ops));
    CHECK(plan.blocking_energy == doctest::Approx(85 * (4 * plan.time - busy_time(plan))));
  }
}

// An op keeps its planned duration, so the real iteration is never later than planned; rounding to
// clocks of 15 MHz costs little.
TEST_CASE("clocks keep the planned time, at little more than the planned energy") {
  const auto f = pipeline_frontier(golden_costs(4, 8, 0, CostModel::piecewise_linear));
  REQUIRE(f);
  for (std::int64_t at = f->frontier.shortest(); at <= f->frontier.longest(); at += 97) {
    const ClockPlan plan = plan_at(*f, at);
    CHECK(plan.time <= static_cast<double>(at) * f->step * (1 + 1e-9));
    // Waited out to the planned time, it can only cost more than the optimum before rounding.
    const double waited = plan.energy() + 85 * 4 * (static_cast<double>(at) * f->step - plan.time);
    CHECK(waited >= energy_at(*f, at) * (1 - 1e-9));
    CHECK(waited <= energy_at(*f, at) * 1.004);
  }
}

// Perseus' intrinsic bloat: at the time of the all-fastest iteration the planned one takes less.
TEST_CASE("at the fastest time the plan saves energy") {
  const auto f = pipeline_frontier(golden_costs(4, 8, 0, CostModel::piecewise_linear));
  REQUIRE(f);
  const ClockPlan all_fast = fastest_plan(*f);
  const ClockPlan planned = plan_for_period(*f, all_fast.time * 1.005);
  CHECK(planned.time <= all_fast.time * 1.005);
  CHECK(planned.energy() < 0.87 * all_fast.energy());  // lowtime says 14.8 % on this case
}

// Perseus' extrinsic bloat: with a straggler at T' the plan is the frontier's at T'; beyond the
// slowest plan only waiting is added, P_blk a stage.
TEST_CASE("slack from a straggler is used up, then waited out") {
  const auto f = pipeline_frontier(golden_costs(4, 8, 0, CostModel::piecewise_linear));
  REQUIRE(f);
  const double fast = f->shortest(), slow = f->longest();
  double before = 1e300;
  for (double period = fast; period < slow; period += (slow - fast) / 20) {
    const ClockPlan plan = plan_for_period(*f, period);
    CHECK(plan.period == doctest::Approx(period));
    CHECK(plan.time <= period * (1 + 1e-12));
    const double beyond_waiting = plan.energy() - 85 * 4 * period;
    CHECK(beyond_waiting <= before + 1e-6);
    before = beyond_waiting;
  }
  const ClockPlan at_slow = plan_for_period(*f, slow), later = plan_for_period(*f, slow + 2);
  CHECK(later.ops.front().clock == at_slow.ops.front().clock);
  CHECK(later.energy() - at_slow.energy() == doctest::Approx(85 * 4 * 2.0));
}

// The cheapest time is where another step of speed costs what the step's waiting draws.
TEST_CASE("the cheapest time balances speed against waiting") {
  const auto f = pipeline_frontier(golden_costs(8, 16, 0, CostModel::piecewise_linear));
  REQUIRE(f);
  const std::int64_t best = cheapest_time(*f);
  CHECK(best < f->frontier.longest());
  const double step_of_waiting = 85 * 8 * f->step;
  for (const FrontierCorner& c : f->frontier.corners) {
    if (c.time > best) CHECK(c.slope <= step_of_waiting * (1 + 1e-9));
    if (c.time <= best && c.slope > 0) CHECK(c.slope >= step_of_waiting * (1 - 1e-9));
  }
}

// Time from stage to stage lengthens the critical path by one transfer for each crossing: 2 (p - 1)
// for 1F1B with as many microbatches as fill it once.
TEST_CASE("transfers lengthen the iteration") {
  auto costs = golden_costs(3, 1, 0.001, CostModel::piecewise_linear);
  const auto without = pipeline_frontier(costs);
  costs.transfer = 0.01;
  const auto with = pipeline_frontier(costs);
  CHECK(with->shortest() - without->shortest() == doctest::Approx(4 * 0.01));
}

TEST_CASE("choices that a table does not name are put together") {
  PipelineCosts costs{.pipeline = {Schedule::interleaved, 2, 4, 2}};
  costs.tables = {{0, Instruction::forward, golden_choices(0.1)},
                  {0, Instruction::backward_input, golden_choices(0.1)},
                  {0, Instruction::backward_weight, golden_choices(0.05)}};
  const auto half = choices_of(costs, {.instruction = Instruction::forward, .stage = 0, .part = 2});
  CHECK(half.front().time == doctest::Approx(golden_choices(0.05).front().time));
  const auto whole =
      choices_of(costs, {.instruction = Instruction::backward, .stage = 0, .part = 0});
  REQUIRE(whole.size() == golden_choices(0.1).size());
  CHECK(whole.front().energy == doctest::Approx(golden_choices(0.075).front().energy));
  CHECK(choices_of(costs, {.instruction = Instruction::forward, .stage = 1, .part = 1}).empty());
}

// Every schedule gives a frontier whose fastest plan is the graph's own shortest time.
TEST_CASE("every schedule has a frontier") {
  for (const Schedule s : {Schedule::gpipe, Schedule::one_f_one_b, Schedule::interleaved,
                           Schedule::zb_h1, Schedule::zb_h2, Schedule::dualpipe}) {
    PipelineCosts costs{.pipeline = {s, 4, 8, s == Schedule::interleaved ? 2 : 1},
                        .blocking_power = 85};
    for (std::int32_t stage = 0; stage < 4; ++stage) {
      costs.tables.push_back({stage, Instruction::forward, golden_choices(0.1)});
      costs.tables.push_back({stage, Instruction::backward_input, golden_choices(0.11)});
      costs.tables.push_back({stage, Instruction::backward_weight, golden_choices(0.09)});
    }
    const auto f = pipeline_frontier(costs);
    REQUIRE(f);
    CHECK(f->shortest() == doctest::Approx(fastest_plan(*f).time).epsilon(0.02));
    CHECK(plan_at(*f, f->frontier.shortest()).energy() < fastest_plan(*f).energy() * 1.0001);
  }
}
