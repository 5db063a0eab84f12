#include "models/power/electrical.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <cmath>
#include <string>

namespace mw::models {
namespace {

/// Half of the loss constant, half with the square of the load; eta at the full rating.
ElectricalStage stage(std::string name, Feeds feeds, double efficiency) {
  ElectricalStage s;
  s.name = std::move(name);
  s.feeds = feeds;
  s.loss.no_load = s.loss.resistive = 0.5 * (1 / efficiency - 1);
  return s;
}

ElectricalParameters chain() {
  return {"",
          {stage("hv", Feeds::all, 0.995), stage("mv", Feeds::all, 0.992),
           stage("ups", Feeds::it, 0.965), stage("busway", Feeds::it, 0.995),
           stage("mechanical", Feeds::mechanical, 0.98)}};
}

}  // namespace

TEST_CASE("T25: at full load a chain has the product of its stages' efficiencies") {
  // 0.995 x 0.992 x 0.965 x 0.995 x 0.970 = 0.91930, the last being the rack's supply.
  ElectricalParameters e = chain();
  e.stages.pop_back();
  e.stages.push_back(stage("supply", Feeds::it, 0.970));
  const ElectricalLaw law = size_electrical(e, {1e6}, {0});
  const ElectricalPower p = electrical_step(law, 1e6, 0);
  CHECK(1e6 / p.meter == doctest::Approx(0.91930).epsilon(1e-5));
  CHECK(1e6 / p.meter == doctest::Approx(0.995 * 0.992 * 0.965 * 0.995 * 0.970).epsilon(1e-12));
  CHECK_FALSE(p.overloaded);
  CHECK(electrical_step(law, 1.01e6, 0).overloaded);
}

TEST_CASE("With two full paths each carries half: resistive loss halves, no-load loss doubles") {
  // Loss of one stage rated R at load R: a + c. Two such, each at R/2: 2 a + 2 c/4 = 2 a + c/2.
  ElectricalParameters e{"", {stage("only", Feeds::it, 0.96)}};
  const double a = 0.5 * (1 / 0.96 - 1) * 1e6;
  CHECK(electrical_step(size_electrical(e, {1e6}, {0}), 1e6, 0).loss_total ==
        doctest::Approx(2 * a));
  e.stages[0].redundancy = Redundancy::two_n;
  CHECK(electrical_step(size_electrical(e, {1e6}, {0}), 1e6, 0).loss_total ==
        doctest::Approx(2 * a + a / 2));
  // Four modules and one spare: five at 80 % load each.
  e.stages[0].redundancy = Redundancy::n_plus_1;
  e.stages[0].modules = 4;
  CHECK(electrical_step(size_electrical(e, {1e6}, {0}), 1e6, 0).loss_total ==
        doctest::Approx(1.25 * a * (1 + 0.64)));
}

TEST_CASE("The mechanical branch does not pass the UPS") {
  const ElectricalLaw law = size_electrical(chain(), {1e6}, {1e5});
  const ElectricalPower with = electrical_step(law, 1e6, 1e5);
  const ElectricalPower without = electrical_step(law, 1e6, 0);
  CHECK(with.loss[2] == without.loss[2]);
  CHECK(with.loss[4] > without.loss[4]);
  CHECK(with.loss[0] > without.loss[0]);
}

TEST_CASE("What the meter reads is the loads and the losses of all stages") {
  const ElectricalLaw law = size_electrical(chain(), {1e6}, {1e5});
  CHECK(rc::check([&law](unsigned short it, unsigned short mechanical) {
    const double it_w = it * 15.0;
    const double mechanical_w = mechanical * 1.5;
    const ElectricalPower p = electrical_step(law, it_w, mechanical_w);
    RC_ASSERT(std::fabs(p.meter - (it_w + mechanical_w + p.loss_total)) <= 1e-12 * p.meter);
    for (int i = 0; i < law.count; ++i) RC_ASSERT(p.loss[i] > 0);
  }));
}

TEST_CASE("T26: availability of redundant modules") {
  // 4 of 5 at 0.999: 5 a^4 (1-a) + a^5; 1 of 2: 1 - (1-a)^2.
  CHECK(std::fabs(availability_of(4, 5, 0.999) - 0.99999002) < 1e-8);
  CHECK(std::fabs(availability_of(1, 2, 0.999) - 0.999999) < 1e-12);
  CHECK(std::fabs(availability_of(0, 7, 0.3) - 1) < 1e-12);
}

TEST_CASE("A chain that feeds all from behind a branch is refused") {
  ElectricalParameters e = chain();
  std::swap(e.stages[1], e.stages[2]);
  sim::Problems found;
  check(e, found);
  REQUIRE(found.items.size() == 1);
  CHECK(found.items[0].problem == "stage 'mv' feeds all but stands behind a branch");
  sim::Problems none;
  check(chain(), none);
  CHECK(none.items.empty());
}

}  // namespace mw::models
