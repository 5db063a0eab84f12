// Fluid: rates without requests. They must be those that requests have where queues are stable, and
// say so where they are not.
#include "models/site/fluid.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "models/inference/hand_table.hpp"
#include "models/site/hand_site.hpp"
#include "models/site/summary.hpp"

using namespace mw;
using namespace mw::models;
using models::test::HandSite;
using models::test::HandTable;
using models::test::run_until;
using sim::second;

namespace {

HandSite chat(double rate, int replicas_per_pod) {
  HandSite hand;
  hand.compute_racks = 10;
  hand.chat_replicas = 20;
  hand.chat_replicas_per_pod = replicas_per_pod;
  hand.chat_rate = rate;
  hand.chat_kv_blocks = 3000;
  hand.chat_cv = 1;
  hand.batch = false;
  hand.duration = 120 * second;
  return hand;
}

struct Means {
  double tokens_per_s, meter_w, busy;
};
/// Between two moments: requests begin with an empty site, flow does not.
Means means_of(const SiteParameters& site) {
  SiteState state = initial_site(site);
  run_until(state, site, 30 * second, 2);
  const SiteState begin = state;
  run_until(state, site, site.duration, 2);
  const double seconds = sim::to_seconds(state.now - begin.now);
  return {
      static_cast<double>(state.counts[0].output_tokens - begin.counts[0].output_tokens) / seconds,
      (state.ledger.meter().value() - begin.ledger.meter().value()) / seconds,
      (state.engines[0].busy_s - begin.engines[0].busy_s) / seconds};
}

PodParameters hand_pod(int replicas, int most) {
  HandTable table;
  table.base_s = 10e-3;
  table.per_token_s = 0;
  PodParameters pod;
  pod.table = table.build();
  pod.engine.max_num_seqs = most;
  pod.replicas = replicas;
  return pod;
}
constexpr FlowRequest hundred_tokens{{}, 1, 10, 100, 10, 100, 60};

}  // namespace

// Iterations of T whatever they carry: each of n requests gets a token every T, so n of them end at
// rate n / (L T), as with a server for each. Their number is Poisson with mean a = rate L T, the
// replica is idle with chance exp(-a), and draws 1000 W or 200 W.
TEST_CASE("A replica whose iterations all take the same time serves as many servers would") {
  for (const double rate : {0.1, 0.7, 2.0, 20.0}) {
    const SteadyPod s = steady_pod(hand_pod(1, 256), hundred_tokens, rate, no_power_limit);
    const double a = rate * 100 * 10e-3, idle = std::exp(-a);
    CHECK(s.running == doctest::Approx(a).epsilon(1e-9));
    CHECK(s.completed == doctest::Approx(rate).epsilon(1e-9));
    CHECK(s.busy == doctest::Approx(1 - idle).epsilon(1e-9));
    CHECK(s.iterations == doctest::Approx((1 - idle) / 10e-3).epsilon(1e-9));
    CHECK(s.idle_w == doctest::Approx(200 * idle).epsilon(1e-9));
    CHECK(s.prefill_w + s.decode_w == doctest::Approx(1000 * (1 - idle)).epsilon(1e-9));
    CHECK(s.per_token == doctest::Approx(10e-3).epsilon(1e-9));
  }
}

// A full replica of K requests completes K / (L T).
TEST_CASE("A pod to which more comes than it completes is full and completes its capacity") {
  const SteadyPod s = steady_pod(hand_pod(3, 8), hundred_tokens, 100, no_power_limit);
  CHECK(s.capacity == doctest::Approx(3 * 8.0));
  CHECK(s.completed == doctest::Approx(24));
  CHECK(s.running == doctest::Approx(24));
  CHECK(s.busy == doctest::Approx(3));
  CHECK(s.idle_w == doctest::Approx(0));
}

TEST_CASE("Where queues are stable, flow has the tokens, the power and the work of requests") {
  for (const int replicas_per_pod : {1, 4})
    for (const double rate : {20.0, 100.0, 240.0}) {
      CAPTURE(replicas_per_pod);
      CAPTURE(rate);
      // Of n requests whose lengths vary by 0.8, tokens are off by sqrt((1 + 0.8^2) / n): of 12,000
      // by 1.2 %.
      HandSite hand = chat(rate, replicas_per_pod);
      hand.duration = sim::from_seconds(30 + std::max(90.0, 12000 / rate));
      SiteParameters fluid = hand.build();
      let_flow(fluid);
      const Means every = means_of(hand.build()), flow = means_of(fluid);
      CHECK(flow.tokens_per_s == doctest::Approx(every.tokens_per_s).epsilon(0.04));
      CHECK(flow.meter_w == doctest::Approx(every.meter_w).epsilon(0.03));
      CHECK(flow.busy == doctest::Approx(every.busy).epsilon(0.06));
    }
}

// arrivals = completed + refused + what waits; asked tokens = good + lost + in flight.
TEST_CASE("Where more comes than is completed the queue grows by the difference, and both close") {
  SiteParameters site = chat(4000, 4).build();
  let_flow(site);
  SiteState state = initial_site(site);
  run_until(state, site, 40 * second);
  const PodCounts half = state.counts[0];
  run_until(state, site, 80 * second);
  const PodCounts& c = state.counts[0];
  CHECK(c.arrivals == c.completed + c.refused + c.waiting);
  CHECK(c.waiting > 1000);
  CHECK(c.waiting == doctest::Approx(2.0 * static_cast<double>(half.waiting)).epsilon(1e-3));
  CHECK(flow_waiting(state, site, 0) ==
        doctest::Approx(static_cast<double>(c.waiting)).epsilon(1e-3));
  std::int64_t tokens = 0;
  for (const std::int64_t part : token_ledger(state)) tokens += part;
  CHECK(tokens == c.arrived_output_tokens);
  CHECK(c.slo_good_requests == 0);
}

TEST_CASE("Flow claims no latency but its mean, and no interval") {
  SiteParameters site = chat(100, 4).build();
  let_flow(site);
  SiteState state = initial_site(site);
  run_until(state, site, 5 * second);
  const auto metrics = service_metrics(site, state, 0);
  const auto has = [&](const char* name) {
    return std::any_of(metrics.begin(), metrics.end(),
                       [&](const Metric& m) { return m.name == name; });
  };
  CHECK_FALSE(has("ttft_p99"));
  CHECK_FALSE(has("good_request_share"));
  CHECK(value_of(metrics, "tpot_mean") > 0.01);
  for (const Metric& m : metrics) CHECK(std::isnan(m.half_width));
}
