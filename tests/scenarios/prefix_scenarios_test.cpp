// Caches of prefixes from the scenario's words to its figures, and what is refused.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "scenarios/shipped_run.hpp"

using namespace mw;
using namespace mw::scenarios;

namespace {

models::PodCounts counts_of(std::vector<std::string> sets) {
  sets.push_back("duration=5 min");
  return test::ShippedRun("kv-routing.yaml", std::move(sets)).state.counts[0];
}

std::string refusal(std::vector<std::string> sets) {
  try {
    test::shipped_site("kv-routing.yaml", std::move(sets));
  } catch (const std::exception& e) {
    return e.what();
  }
  return {};
}

const std::string engine = "inference[assistant].engine.",
                  traffic = "inference[assistant].traffic.";

}  // namespace

TEST_CASE("kv-routing: a cache of prefixes pays, and more where the router heeds it") {
  const auto neither = counts_of({engine + "prefix_cache=false", engine + "router=least_tokens"});
  const auto cache = counts_of({engine + "router=least_tokens"});
  const auto both = counts_of({});
  CHECK(neither.cached_tokens == 0);
  CHECK(cache.cached_tokens > 0);
  CHECK(cache.output_tokens > neither.output_tokens);
  CHECK(both.output_tokens > cache.output_tokens);
  const auto hit_share = [](const models::PodCounts& c) {
    return double(c.cached_tokens) / double(c.cached_tokens + c.prompt_tokens);
  };
  CHECK(hit_share(both) > hit_share(cache));
  // No request finds its last prompt token, nor its own new text.
  CHECK(hit_share(both) < 1);
}

TEST_CASE("what a cache of prefixes does not go with is refused, with a way out") {
  CHECK(refusal({}).empty());
  CHECK(refusal({engine + "prefix_cache=false"}).find("kv_aware needs") != std::string::npos);
  CHECK(refusal({engine + "preemption=swap"}).find("use recompute") != std::string::npos);
  CHECK(refusal({"fidelity.mode=fluid"}).find("prefix_cache") != std::string::npos);
  CHECK(refusal({traffic + "closed_loop.turns=1", traffic + "shared_prefixes=null"})
            .find("nothing in common") != std::string::npos);
}
