#include <doctest/doctest.h>

#include <cmath>

#include "analysis/command.hpp"
#include "analysis/compare/branch_rules.hpp"

using namespace mw;
using test::millwright;

namespace {

/// A small run of 20 s in a file, with what is branched off it.
struct Held {
  test::Scratch folder;
  std::string run = (folder / "run.h5").string();
  explicit Held(std::vector<std::string> more = {}) {
    more.insert(more.end(), {"-o", run});
    const auto said = millwright(test::small_run(more));
    REQUIRE_MESSAGE(said.code == 0, said.err);
  }
  test::Said branch(const std::string& moment, std::vector<std::string> words) const {
    words.insert(words.begin(), {"branch", run + "@" + moment, "-q", "-t2", "--json", "-"});
    return millwright(words);
  }
};

}  // namespace

TEST_CASE("A branch that changes nothing ends as the run did, and says nothing else of its hash") {
  const Held held;
  const auto said = held.branch("+0:00:10", {"--set", "text=other"});
  REQUIRE_MESSAGE(said.code == 0, said.err);
  CHECK(said.err == "");  // it would tell of a run that is not the one in the file
  const auto pair = said.json();
  CHECK(pair["parted_s"] == 10);
  CHECK(pair["inputs"].size() == 1);
  for (const auto& [name, d] : pair["figures"].items()) {
    CAPTURE(name);
    if (!d["difference"].is_null()) CHECK(d["difference"] == 0);
  }
}

// A limit that an event brings at 10 s does nothing before: so the run that had the event from the
// start and the one that got it at 8 s are the same, joule for joule and request for request.
TEST_CASE("A branch equals the run that was told of the change from the start") {
  const std::string event = "events=[{at: 10 s, kind: power_limit, limit: 150 kW}]";
  const Held held;
  const auto said = held.branch("+0:00:08", {"--set", event});
  REQUIRE_MESSAGE(said.code == 0, said.err);
  const auto pair = said.json();
  const auto whole =
      millwright(test::small_run({"--set", event, "--json", "--no-output"})).json()["summary"];
  CHECK(pair["figures"]["mean_power_mw"]["difference"] < 0);
  for (const auto& [name, figure] : whole.items()) {
    CAPTURE(name);
    if (!figure["value"].is_null()) CHECK(pair["figures"][name]["to"] == figure["value"]);
  }
  // To the joule: both sides' parts, and so their differences, add up to the meter's.
  const auto& energy = pair["waterfalls"]["energy"];
  double parts = 0;
  for (const auto& [name, part] : energy["parts"].items())
    parts += part["to"].get<double>() - part["from"].get<double>();
  const double meter = energy["to"].get<double>() - energy["from"].get<double>();
  CHECK(std::fabs(parts - meter) < 1e-3);
  CHECK(meter < -1e5);
}

TEST_CASE("A new policy takes over in mid-run") {
  const Held held;
  const auto said = held.branch(
      "+0:00:10", {"--set", "control.power.policy=static", "--set", "site.envelope=0.15 MW"});
  REQUIRE_MESSAGE(said.code == 0, said.err);
  const auto pair = said.json();
  CHECK(pair["figures"]["mean_power_mw"]["to"] < pair["figures"]["mean_power_mw"]["from"]);
  CHECK(pair["figures"]["tokens_out_per_s"]["to"] <= pair["figures"]["tokens_out_per_s"]["from"]);
}

// Racks that steering may switch off have no switch under the policy before it.
TEST_CASE("Steering that begins in mid-run sheds racks where the least of all does not fit") {
  const Held held({"--set", "site.envelope=0.3 MW"});
  const auto said =
      held.branch("+0:00:05", {"--set", "control.power.policy=steering", "--set",
                               "control.power.interval=1 s", "--set", "site.envelope=0.09 MW"});
  REQUIRE_MESSAGE(said.code == 0, said.err);
  CHECK(said.json()["figures"]["shed_racks"]["to"] >= 1);
}

TEST_CASE("What cannot change in mid-run is refused, and so are moments that are none") {
  const Held held;
  const auto refused = [&](const char* moment, const char* set, const char* why) {
    const auto said = held.branch(moment, {"--set", set});
    CHECK(said.code == 2);
    CHECK_MESSAGE(said.err.find(why) != std::string::npos, said.err);
  };
  refused("+0:00:10", "racks[a].count=3", "cannot change in mid-run");
  refused("+0:00:10", "seed=9", "cannot change in mid-run");
  refused("+0:00:10", "control.placement={policy: consolidate}", "cannot change in mid-run");
  refused("+0:00:10", "control.batch={policy: within_slo}", "cannot change in mid-run");
  refused("+0:00:10", "events=[{at: 5 s, kind: power_limit, limit: 1 MW}]",
          "an event before that moment differs");
  refused("+0:00:10", "duration=5 s", "over before that moment");
  refused("+0:00:30", "text=x", "the run is over before");
  refused("+0:61", "text=x", "is no moment");
  refused("soon", "text=x", "is no moment");
  const auto said = millwright({"branch", held.run, "--set", "text=x"});
  CHECK(said.code == 2);
  CHECK(said.err.find("names no moment") != std::string::npos);
}

TEST_CASE("Paths of values that may change stand within their blocks") {
  CHECK(analysis::may_branch("control.power.policy"));
  CHECK_FALSE(analysis::may_branch("control.placement.policy"));
  CHECK(analysis::may_branch("events[0].at"));
  CHECK_FALSE(analysis::may_branch("control.powers"));
  CHECK(analysis::may_branch("inference[chat].price.input"));
  CHECK_FALSE(analysis::may_branch("inference[chat].engine.replicas"));
}
