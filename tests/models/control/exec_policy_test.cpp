#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "models/control/power_steering.hpp"
#include "sim/io/lockstep.hpp"

using namespace mw;
using namespace mw::models;

namespace {

/// Two groups of ten GPUs of 200 to 1000 W under 14 kW of room, a controller outside, decisions.
struct Outside {
  PowerControlParameters p{.policy = PowerPolicy::exec, .interval = {}, .guard_band = 0, .how = {}};
  SteeredPower power{.tree = {.groups = {{0, 2'000'000, 10'000'000}, {0, 2'000'000, 10'000'000}}},
                     .devices = {10, 10},
                     .service = {0, -1},
                     .given_rank = {0},
                     .group_names = {"rack/a-0", "rack/a-1"},
                     .service_names = {"chat"},
                     .domain_per_gpu_watt = {1.0}};
  SteeringState state;
  std::vector<sim::SetPointParameters> ranges{2, {.unit = "W", .min = 200, .max = 1000}};
  std::vector<sim::SetPointState> limits{2, sim::initial_set_point(700)};
  sim::LockstepProcess client;

  explicit Outside(const std::string& script, double timeout = 20)
      : client({"/bin/sh", "-c", script}, timeout) {}
  void decide() {
    const std::vector<double> budgets{14e3};
    const std::vector<DomainReading> domains{{10e3, 10e3, true}};
    const std::vector<GroupReading> groups(2, {5'000'000, 7'000'000, true});
    const std::vector<ServiceReading> services(1);
    steering_step(p, power, {budgets, domains, groups, services, &client}, state, ranges, limits,
                  0);
  }
};

const std::string answers = "while read -r line; do echo '{\"limits\": {\"rack/a-1\": 300}}'; done";

}  // namespace

// Of 14 kW the second group has what was asked for, 3 kW, the first, which was not named, the most.
TEST_CASE("exec: what a controller outside asks for holds, inside the budget") {
  Outside outside(answers);
  outside.decide();
  CHECK(outside.client.running());
  CHECK(outside.limits[0].effective == 1000);
  CHECK(outside.limits[1].effective == 300);
}

TEST_CASE("exec: it sees groups, their draws and the room") {
  Outside outside(
      "read -r line; case $line in *'\"drawn_w\":500.0'*'\"name\":\"rack/a-0\"'*"
      "'\"rooms_w\":[14000.0]'*) echo '{\"limits\": {\"rack/a-0\": 400}}';; "
      "*) echo \"$line\" >&2; echo no;; esac; read -r line");
  outside.decide();
  CHECK(outside.client.failure().empty());
  CHECK(outside.limits[0].effective == 400);
}

TEST_CASE("exec: a budget is kept whatever is asked for") {
  Outside outside(
      "while read -r line; do echo '{\"limits\": {\"rack/a-0\": 1e9, \"rack/a-1\": "
      "1e9}}'; done");
  outside.decide();
  CHECK(outside.limits[0].effective + outside.limits[1].effective <= 1400);
  CHECK(outside.limits[0].effective == doctest::Approx(700).epsilon(0.001));
}

TEST_CASE("exec: one that dies, hangs or talks nonsense is left, and its last limits stay") {
  struct Bad {
    const char *script, *says;
  };
  const std::string good = "read -r line; echo '{\"limits\": {\"rack/a-1\": 300}}'; ";
  for (const Bad& bad :
       {Bad{"exit 3", "ended before"}, Bad{"sleep 60", "no answer within"},
        Bad{"read -r line; echo hello", "did not answer"},
        Bad{"read -r line; echo '{\"limits\": {\"rack/b-9\": 300}}'", "no group"},
        Bad{"read -r line; echo '{\"limits\": {\"rack/a-1\": \"much\"}}'", "no number"}}) {
    CAPTURE(bad.script);
    Outside outside(good + bad.script, 0.5);
    outside.decide();
    CHECK(outside.client.failure().empty());
    for (int i = 0; i < 3; ++i) outside.decide();
    CHECK_FALSE(outside.client.running());
    CHECK(outside.client.failure().find(bad.says) != std::string::npos);
    CHECK(outside.limits[1].effective == 300);
    CHECK(outside.limits[0].effective == 1000);
  }
  sim::LockstepProcess elsewhere({"/bin/sh", "-c", "read -r line; pwd"}, 20, "/");
  CHECK(elsewhere.ask("?") == "/");
  const sim::LockstepProcess nobody({"/no/such/program"}, 1);
  CHECK(nobody.failure().find("cannot be started") != std::string::npos);
}
