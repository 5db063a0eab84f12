#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "models/inference/counts.hpp"
#include "models/inference/steady.hpp"
#include "models/site/engine_sums.hpp"
#include "sim/describe.hpp"
#include "sim/moment.hpp"
#include "sim/time.hpp"

// Fidelity `cohort`: some whole pods are simulated, request by request; every other pod of their
// stratum follows one of them at a distance in time of its own. What it follows is what the pod
// really did, replica by replica and sub-step by sub-step, so sums of many pods swing as little as
// those of many pods do, which scaled samples would not. Docs: docs/models/site.md.
namespace mw::models {

struct SiteParameters;
struct SiteState;
struct SiteEpoch;

struct CohortParameters {
  double share = 0.01;
  int least = 4;
  std::optional<sim::Duration> window;
};
template <sim::Describes<CohortParameters> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("share", self.share,
        About{.text = "Share of the pods of each stratum that is simulated", .min = 0, .max = 1});
  visit("least", self.least,
        About{.text = "Simulated pods of a stratum at least, where it has as many: errors are told "
                      "from how these differ",
              .min = 2,
              .max = 1e6});
  visit("window", self.window,
        About{.text = "How far behind a pod may follow; otherwise 10 min, or ten intervals of a "
                      "controller that moves limits, if that is shorter; ten steps at least"});
}

/// Which pods are simulated, and who follows whom. Empty lists: every pod is simulated.
struct Cohort {
  std::string why;  // in words, where the choice was not the user's
  sim::Time window = 0;
  std::vector<std::int32_t> sampled;      // the simulated pods, in order
  std::vector<std::int32_t> stratum;      // of each of them
  std::vector<std::int32_t> strata_pods;  // pods of each stratum, simulated or not
  std::vector<std::int32_t> leader;       // by pod: its place, or its leader's, in `sampled`
  std::vector<sim::Time> lag;             // by pod: how far behind in the end; 0 for the simulated

  // Fidelity `fluid`: the sampled pods are not simulated either, they flow; by each of them.
  std::vector<FlowRequest> flows;

  bool on() const { return !sampled.empty(); }
  bool fluid() const { return !flows.empty(); }
  /// Followers keep step with their leader until the leader's first `window` is past that they
  /// would fall back to: a site that starts empty fills up in all its pods at once.
  sim::Time lag_at(std::size_t pod, sim::Time now) const {
    return now >= lag[pod] + window ? lag[pod] : 0;
  }
};

/// Samples the pods of a site whose services are placed, and lets their fronts make requests for
/// those alone. Strata: service, kind of rack, replicas to within a sixteenth; all draws are of
/// counters.
void sample_pods(SiteParameters& site, const CohortParameters& how);

/// In words, for reports: which requests were simulated, and what stands for the others.
std::string fidelity_text(const SiteParameters& site);

std::size_t simulated_pods(const SiteParameters& site);
/// Index among all pods of the i-th that is simulated.
std::size_t simulated_pod(const SiteParameters& site, std::size_t i);
/// Where the state of a pod stands among those; -1: it is not simulated.
std::int32_t state_of_pod(const SiteParameters& site, std::int32_t pod);

/// What a simulated pod did in one epoch.
struct PodPast {
  std::vector<std::int64_t> energy_nj;  // [replica][bin]
  PodCounts counts;
};
template <sim::Describes<PodPast> Self>
void describe(Self& self, auto&& visit) {
  visit("energy_nj", self.energy_nj, sim::About{.text = "Energy by replica and sub-step, nJ"});
  visit("counts", self.counts, sim::About{.text = "What it did"});
}

struct PastEpoch {
  sim::Time start = 0, end = 0;
  std::vector<PodPast> pods;  // by simulated pod
};
template <sim::Describes<PastEpoch> Self>
void describe(Self& self, auto&& visit) {
  visit("start", self.start, sim::About{.text = "Its start, ns"});
  visit("end", self.end, sim::About{.text = "Its end, ns"});
  visit("pods", self.pods, sim::About{.text = "What each simulated pod did in it"});
}

struct CohortState {
  std::vector<PastEpoch> past;       // a ring, as long as someone may follow that far behind
  std::uint64_t oldest = 0;          // index of its first epoch
  std::vector<PodCounts> groups;     // by simulated pod: its own counts and its followers'
  std::vector<EngineSums> engines;   // of the same
  std::vector<Latencies> latencies;  // by simulated pod: its own
};
template <sim::Describes<CohortState> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("past", self.past, About{.text = "What the simulated pods did of late"});
  visit("oldest", self.oldest, About{.text = "Index of the oldest epoch among them"});
  visit("groups", self.groups,
        About{.text = "Counts since the start of each simulated pod and those that follow it"});
  visit("engines", self.engines, About{.text = "Energy and working time of the same"});
  visit("latencies", self.latencies, About{.text = "Latencies by simulated pod"});
}

CohortState initial_cohort(const SiteParameters& site);

/// What a pod did in the epoch, whether simulated or followed.
struct PodSeen {
  const std::int64_t* energy_nj = nullptr;  // [replica][bin]
  const PodCounts* counts = nullptr;
};

/// Fills epoch.seen for all pods; the simulated ones have run.
void see_pods(SiteState& state, const SiteParameters& site, SiteEpoch& epoch);
/// Moves what the simulated pods did in the epoch into the past. epoch.seen ends with it.
void remember(SiteState& state, const SiteParameters& site, SiteEpoch& epoch);

/// What a pod did between any two moments of `past` (in order, without gaps) cut anew: bins of
/// `sub_step` from `from` on. Sums over neighbouring spans add up to the whole, to the nanojoule
/// and the request: parts of a bin, or of an epoch's counts, are differences of cumulative floors.
void cut_past(std::span<const PastEpoch* const> past, std::size_t pod, std::size_t replicas,
              sim::Time from, sim::Time to, sim::Time sub_step, PodPast& out);

/// Latencies of a service since the start: those of its simulated pods, each as often as pods
/// follow it. `without` >= 0: as if that simulated pod had not been drawn and the others of its
/// stratum stood for it.
Latencies cohort_latencies(const SiteState& state, const SiteParameters& site, std::size_t service,
                           std::int32_t without = -1);

}  // namespace mw::models
