#include <doctest/doctest.h>

#include "models/site/hand_site.hpp"

using namespace mw;
using namespace mw::models;
using test::HandSite;
using test::run_until;

// A byte that crosses the network rack costs its per_byte_rate in J, and storage racks see none of
// it: energy more = per_byte_rate x tokens computed x bytes a token. (Without fans, which follow
// heat.)
TEST_CASE("Bytes between link domains draw power in the network racks alone") {
  const auto run = [](double bytes) {
    HandSite hand;
    hand.duration = 5 * sim::second;
    SiteParameters site = hand.build();
    for (auto& racks : site.racks) racks.law.fan = 0;
    for (auto& service : site.services) service.network_bytes_per_token = bytes;
    SiteState state = initial_site(site);
    run_until(state, site, site.duration);
    return state;
  };
  const SiteState without = run(0), with = run(5e4);
  double tokens = 0;
  for (const auto& c : with.counts)
    tokens += static_cast<double>(c.prompt_tokens + c.output_tokens);
  CHECK(tokens > 1000);
  const auto more = [&](Purpose p) { return with.ledger[p].value() - without.ledger[p].value(); };
  CHECK(more(Purpose::network) == doctest::Approx(1e-6 * 5e4 * tokens).epsilon(1e-9));
  CHECK(more(Purpose::storage) == 0);
  CHECK(more(Purpose::decode) == 0);  // these compute racks' cards draw nothing a byte
  CHECK(trace_hash(with).value == trace_hash(without).value);
}
