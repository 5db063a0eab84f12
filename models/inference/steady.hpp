#pragma once
#include <cstdint>
#include <optional>

#include "models/inference/front.hpp"
#include "models/inference/pod.hpp"

// A pod in steady flow: rates instead of requests, from the step tables that the engines read.
// Docs: docs/models/site.md, Fidelity.
namespace mw::models {

/// Requests a second of the whole service, by the day's and the week's shape; bursts and the swings
/// of a trace are evened out.
class FlowRate {
 public:
  FlowRate() = default;
  explicit FlowRate(const FrontParameters& front);
  double mean(sim::Time from, sim::Time to) const;

 private:
  double mean_ = 0;
  double start_in_week_ = 0;
  std::optional<WeekShape> shape_;  // none: even
};

/// What a request of a service is like in the mean, and how many come.
struct FlowRequest {
  FlowRate rate;
  double fits = 1;        // share that the model's context and the replica's cache take at all
  double all_prompt = 0;  // tokens, of those that are refused too
  double all_output = 0;
  double prompt = 0, output = 0;  // tokens, of those that fit
  double context = 0;             // tokens held by a running request, at a moment seen by chance
};

/// By draws of counters, or over the rows of a trace.
FlowRequest flow_request(const FrontParameters& front, const PodParameters& pod);

/// Means over time, of all replicas of the pod.
struct SteadyPod {
  double capacity = 0;    // requests/s that it completes when far more wait
  double completed = 0;   // requests/s: those that come, or the capacity
  double running = 0;     // requests
  double busy = 0;        // replicas inside iterations
  double iterations = 0;  // per second
  double capped = 0;      // of them: slowed by the power limit, per second
  double heated = 0;      // of them: slowed by heat
  double prefill_w = 0, decode_w = 0, idle_w = 0;
  double per_token = 0;  // s: a running request's time over its output tokens
};

/// The pod as a queue whose requests share what it serves, at a rate phi(n) that grows with their
/// number n (an iteration yields a token to each). Its stationary law knows nothing of lengths but
/// their means: p(n) ~ prod over j <= n of rate / phi(j) (Kelly, Reversibility and Stochastic
/// Networks, 1979, 3.3; Bonald and Proutiere, "Insensitive bandwidth sharing in data networks",
/// Queueing Systems 44 (2003) 69). Requests lie evenly on the replicas.
/// `rate`: requests/s that fit. `limit_mw`, `ceiling_level`: of one replica.
SteadyPod steady_pod(const PodParameters& pod, const FlowRequest& request, double rate,
                     std::int64_t limit_mw, std::int32_t ceiling_level = 0);

}  // namespace mw::models
