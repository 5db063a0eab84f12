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

// The test does not run in the scenario's folder: its program is found from there.
TEST_CASE("exec-policy: thirty lines of Python hold the limit") {
  const Run run("exec-policy.yaml", {"duration=30 s"});
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

// Published: 15 % less energy at 97 % of the performance, 13 % more tokens in the same watts. Here
// by the law of clocks and voltage, for work that waits for memory; what waits for arithmetic does
// not get there.
TEST_CASE(
    "maxq: lower clocks save a seventh of the energy of long answers for a few percent of their "
    "pace") {
  // A minute holds the first fill, in which slower engines lose more: 94.8 % here, 96.7 % of five.
  const auto run = [](int racks, double clock, std::vector<std::string> more = {}) {
    more.insert(more.end(), {"duration=1 min", "racks[b].count=" + std::to_string(racks),
                             "racks[b].power_profile.clock=" + std::to_string(clock)});
    return Run("claims/maxq.yaml", more);
  };
  const auto per_token = [](const Run& r) { return r.figure("gpu_energy_mwh") / r.tokens(0); };
  const Run free = run(27, 1), slow = run(32, 0.85);
  CHECK(slow.tokens(0) / 32 > 0.93 * free.tokens(0) / 27);
  CHECK(per_token(slow) / per_token(free) < 0.90);
  CHECK(per_token(slow) / per_token(free) > 0.80);
  CHECK(slow.figure("mean_power_mw") < 1.01 * free.figure("mean_power_mw"));
  CHECK(slow.tokens(0) / free.tokens(0) > 1.08);
  CHECK(slow.tokens(0) / free.tokens(0) < 1.20);

  const std::vector<std::string> prompts = {
      "inference[chat].traffic={like: azure_conversation, scale: 2000}"};
  const Run fast_prompts = run(6, 1, prompts), slow_prompts = run(6, 0.92, prompts);
  const double kept = slow_prompts.tokens(0) / fast_prompts.tokens(0);
  CHECK(kept > 0.96);
  CHECK(kept < 0.99);
  CHECK(per_token(slow_prompts) / per_token(fast_prompts) > 0.94);
}

// Published: 1.451 times the GPUs, 0.915 times the revenue of each.
TEST_CASE(
    "maxlps: the racks that the claim adds make nearly as much as the others, inside the limit") {
  const std::vector<std::string> scaled = {"duration=1 min", "site.envelope=96 MW",
                                           "inference[chat].traffic.scale=76800"};
  auto managed = scaled, fixed = scaled;
  managed.push_back("racks[nvl].count=532");
  fixed.insert(fixed.end(), {"racks[nvl].count=365", "control.power.policy=static"});
  const Run steering("claims/maxlps-1gw.yaml", managed), planned("claims/maxlps-1gw.yaml", fixed);
  CHECK(steering.figure("time_above_limit") == 0);
  CHECK(steering.figure("excursions") == 0);
  CHECK(steering.highest_w > 75e6);
  CHECK(planned.highest_w < 65e6);
  const double tokens = steering.tokens(0) / planned.tokens(0);
  CHECK(tokens > 1.38);
  CHECK(tokens < 532.0 / 365);
}

TEST_CASE(
    "oversubscription: nineteen racks stay below 2 MW, twenty do not, and breakers take minutes") {
  const auto run = [](int racks, std::vector<std::string> more = {}) {
    more.insert(more.end(), {"racks[a].count=" + std::to_string(racks),
                             "inference[chat].traffic.scale=" + std::to_string(36 * racks)});
    return Run("oversubscription.yaml", more);
  };
  const Run planned = run(12, {"duration=2 min"}), most = run(19, {"duration=2 min"}),
            over = run(20, {"duration=2 min"});
  CHECK(planned.figure("stranded_power_mw") > 0.75);
  CHECK(most.figure("time_above_limit") == 0);
  CHECK(most.figure("stranded_power_mw") < 0.1);
  CHECK_FALSE(most.overloaded());
  CHECK(most.tokens(0) > 1.5 * planned.tokens(0));
  CHECK(over.figure("time_above_limit") > 60);
  CHECK(over.figure("breakers_opened") == 0);
  // 32 racks: rows at 1.21 times the rating, t = 300 s / (1.21^2 - 1); sixteen times as fast here.
  const Run far = run(32, {"duration=1 min", "site.envelope=4 MW",
                           "site.electrical.stages[row].breaker.inverse_time=18.75 s"});
  CHECK(far.figure("breakers_opened") == 4);
}

// The same chat on half of the racks, those whose heat costs least: all of the immersed ones, none
// of those in air.
TEST_CASE("zones: placement in the better zone saves energy at the same service") {
  const Run placed("zones.yaml", {"duration=6 min"}),
      spread("zones.yaml", {"duration=6 min", "control.placement.policy=none"});
  for (int r = 0; r < placed.site.rack_count(); ++r)
    CHECK(placed.state.rack_states[static_cast<std::size_t>(r)].on() ==
          (placed.site.group(r).name == "bath"));
  CHECK(placed.figure("energy_mwh") < 0.65 * spread.figure("energy_mwh"));
  CHECK(placed.figure("pue") < spread.figure("pue"));
  CHECK(placed.tokens(0) > 0.99 * spread.tokens(0));
  CHECK(placed.figure("good_token_share") > 0.999);
  CHECK(placed.state.counts[0].thrown_back == 0);
}
