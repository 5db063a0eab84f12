// `millwright bench`: what it measures depends on the machine; what it counts does not.
#include <doctest/doctest.h>

#include "analysis/command.hpp"
#include "gpu/backend.hpp"

using namespace mw;
using test::millwright;
using test::quickstart;

namespace {
std::vector<std::string> small_bench(std::vector<std::string> more) {
  std::vector<std::string> words = {"bench",     quickstart,
                                    "--set",     "racks[a].count=2",
                                    "--set",     "duration=40 s",
                                    "--warm-up", "5",
                                    "--seconds", "10",
                                    "--repeat",  "2",
                                    "-t",        "2"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}
}  // namespace

// Rates are counts over a time: events of a request are at most arrival, admission and completion
// (nobody is sent back here), and all that is asked for is made.
TEST_CASE("bench: JSON of each backend and number of threads, with one history") {
  const auto said = millwright(small_bench({"--json"}));
  REQUIRE(said.code == 0);
  const auto j = said.json();
  const bool cuda = gpu::has_backend(gpu::Backend::cuda);
  REQUIRE(j["runs"].size() == (cuda ? 3 : 2));
  CHECK(j["device"].is_null() == !cuda);
  if (!cuda) CHECK(j["no_device"] == gpu::missing(gpu::Backend::cuda));
  for (const auto& run : j["runs"]) {
    CHECK(run["simulated_s"] == 10);
    CHECK(run["same_trace_hash"] == true);
    const double requests = run["requests_per_s"], events = run["events_per_s"];
    CHECK(requests > 0);
    CHECK(events > requests);
    CHECK(events < 3.5 * requests);
    CHECK(run["made_requests_per_s"] == doctest::Approx(requests));
    CHECK(run["core_s"] > 0);
  }
  CHECK(j["runs"][0]["backend"] == "cpu");
  CHECK(j["runs"][0]["threads"] == 1);
  CHECK(j["runs"][0]["times_one_core"] == 1);
  CHECK(j["runs"][1]["threads"] == 2);
}

TEST_CASE("bench: a table that says why there is no device, and what does not fit is bad input") {
  const auto said = millwright(small_bench({}));
  REQUIRE(said.code == 0);
  CHECK(said.out.find("events/s") != std::string::npos);
  CHECK(said.out.find("pod s/s") != std::string::npos);
  if (!gpu::has_backend(gpu::Backend::cuda))
    CHECK(said.out.find(gpu::missing(gpu::Backend::cuda)) != std::string::npos);
  const auto late = millwright(small_bench({"--set", "duration=12 s"}));
  CHECK(late.code == 2);
  CHECK(late.err.find("lower --warm-up") != std::string::npos);
}
