// Scenarios of power control: what their headers say, on shorter runs.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "scenarios/shipped_run.hpp"

using namespace mw;
using Run = mw::scenarios::test::ShippedRun;

// T40: the utility of 750 kW binds; a PDU with two of eight racks carries a quarter of it, far from
// its own 450 kW.
TEST_CASE("dps-sdk: steering holds a tree that is oversubscribed, without control it does not") {
  const Run steered("dps-sdk.yaml", {"duration=1 min"});
  CHECK(steered.figure("time_above_limit") == 0);
  CHECK_FALSE(steered.overloaded());
  CHECK(steered.highest_w > 0.9 * 750e3);
  CHECK(steered.figure("excursions") == 0);
  CHECK(steered.figure("offered_capacity_share") <= 1 + 1e-9);
  CHECK(steered.figure("offered_capacity_share") > 0.9);
  for (std::size_t n = 0; n < steered.state.feeds.size(); ++n)
    if (steered.site.distribution.nodes[n].racks == 2) CHECK(steered.state.feeds[n].peak_w < 200e3);
  const Run free("dps-sdk.yaml", {"duration=1 min", "control.power.policy=none"});
  CHECK(free.figure("time_above_limit") > 0);
  CHECK(free.overloaded());
}

TEST_CASE("pilot-3-vs-4: four steered racks make more of an envelope than three left alone") {
  const std::vector<std::string> minute = {"duration=2 min"};
  auto three = minute;
  three.insert(three.end(), {"racks[a].count=3", "control.power.policy=none"});
  const Run managed("pilot-3-vs-4.yaml", minute), unmanaged("pilot-3-vs-4.yaml", three);
  CHECK(managed.figure("time_above_limit") == 0);
  CHECK(managed.figure("excursions") == 0);
  CHECK(unmanaged.figure("time_above_limit") == 0);
  CHECK(managed.tokens(1) > 1.15 * unmanaged.tokens(1));
  CHECK(managed.tokens(0) > 0.99 * unmanaged.tokens(0));
}

TEST_CASE("priority: when the power goes down the first rank is served as before") {
  const std::vector<std::string> low = {"duration=2 min", "events[0].at=0 s"};
  auto equal = low;
  equal.push_back("control.power.policy=uniform");
  const Run ranked("priority.yaml", low), uniform("priority.yaml", equal);
  CHECK(ranked.figure("time_above_limit") == 0);
  CHECK(ranked.state.latencies[0].tpot.quantile(0.5) <
        0.8 * uniform.state.latencies[0].tpot.quantile(0.5));
  CHECK(ranked.tokens(1) < uniform.tokens(1));
}

TEST_CASE("exec-policy: thirty lines of Python hold the limit") {
  const Run run("exec-policy.yaml",
                {"duration=30 s", "control.power.exec=[python3, " MILLWRIGHT_SOURCE_DIR
                                  "/scenarios/exec_policy.py]"});
  CHECK(run.figure("time_above_limit") == 0);
  CHECK(run.state.totals.decisions == 30);
  CHECK(run.figure("offered_capacity_share") > 0.5);
  CHECK(run.figure("offered_capacity_share") <= 1 + 1e-9);
}

TEST_CASE("power profiles: max_q draws less and is hardly slower at the same work") {
  const std::vector<std::string> base = {"duration=1 min", "control.power.policy=none"};
  auto q = base;
  q.push_back("racks[nvl].power_profile=max_q");
  const Run max_p("dps-sdk.yaml", base), max_q("dps-sdk.yaml", q);
  CHECK(max_q.figure("gpu_energy_mwh") < max_p.figure("gpu_energy_mwh"));
  CHECK(max_q.tokens(0) > 0.95 * max_p.tokens(0));
  for (const auto& limit : max_q.state.limits) CHECK(limit.effective == 0.82 * 1400);
}
