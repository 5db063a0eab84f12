#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "models/inference/steady.hpp"
#include "sim/describe.hpp"

// Fidelity `fluid`: no requests. In each epoch a pod of each stratum has the rates of its steady
// flow, and the others of the stratum do the same. Docs: docs/models/site.md.
namespace mw::models {

struct SiteParameters;
struct SiteState;
struct SiteEpoch;

/// What a pod in flow carries from one epoch to the next.
struct FlowState {
  double waiting = 0;              // requests beyond what it can complete
  double among = 1;                // share of the replicas that those are for
  double request_s = 0;            // time of running requests, summed
  std::array<double, 13> carry{};  // parts of a whole that its counts still owe
};
template <sim::Describes<FlowState> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("waiting", self.waiting, About{.text = "Requests that came and were not completed"});
  visit("among", self.among, About{.text = "Share of the replicas that were on"});
  visit("request_s", self.request_s, About{.text = "Time of running requests since the start, s"});
  visit("carry", self.carry, About{.text = "Parts of a whole that counts owe"});
}

/// The steady flow of a pod and what it was worked out for: most epochs are like the last.
struct KnownFlow {
  double rate = -1;
  std::int64_t limit_mw = 0;
  std::int32_t ceiling = 0;
  SteadyPod steady;
};

/// Lets the services of a site whose pods are placed flow. Their traffic has a rate of its own.
void let_flow(SiteParameters& site);
std::vector<FlowState> initial_flows(const SiteParameters& site);

/// Fills epoch.pods for [epoch.start, epoch.end).
void flow_pods(SiteState& state, const SiteParameters& site, SiteEpoch& epoch);

/// Mean time of a running request for each of its output tokens, s.
double flow_per_token(const SiteState& state, const SiteParameters& site, std::size_t service);
/// Requests of a service that wait because more came than its pods can complete.
double flow_waiting(const SiteState& state, const SiteParameters& site, std::size_t service);

}  // namespace mw::models
