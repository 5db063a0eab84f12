#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "models/inference/arrivals.hpp"
#include "models/inference/closed_loop.hpp"
#include "models/inference/lengths.hpp"
#include "models/inference/prefix_law.hpp"
#include "models/inference/request.hpp"
#include "models/inference/trace.hpp"
#include "models/inference/traffic.hpp"
#include "sim/describe.hpp"
#include "sim/time.hpp"

// The front of a service: makes its requests and splits them over its pods, each by a draw of its
// own, so the split knows nothing of the pods and pods can run in any order.
namespace mw::models {

struct FrontParameters {
  std::shared_ptr<const Trace> trace;  // replayed; null: generated from the two below
  ArrivalParameters arrivals;
  LengthParameters lengths;
  std::optional<ClosedLoopParameters> closed_loop;  // then the pods' users ask, not the front
  std::shared_ptr<const PrefixLaw> prefixes;        // null: its prompts have nothing in common
  std::int64_t copies = 1;                          // of the stream
  std::vector<std::int32_t> pod_ends{1};            // replicas of the pods up to and including each
  double kept = 1;  // share of the requests that is made: that of its pods among all there are
  std::uint64_t seed = 0;
  std::uint32_t entity = 0;  // tells the services of a run apart
  std::int64_t start_unix_ns = 0;
};

/// `replicas` of each pod: a pod's share of the requests is its share of them. Reads the trace if
/// there is one (relative names as find_trace says). The traffic has passed its check. Throws
/// sim::InputError.
FrontParameters make_front(const TrafficParameters& traffic, std::span<const std::int32_t> replicas,
                           std::uint64_t seed, std::uint32_t entity, std::int64_t start_unix_ns,
                           const std::filesystem::path& base);

/// The same service, of which only some pods are to be fed: `pods` of those it has, in order. What
/// would go to the others is not made, at no cost, and what comes follows the law of a stream of
/// which each request is kept by a draw of its own. Its pods' users are asked for before.
FrontParameters keep_pods(FrontParameters parameters, std::span<const std::int32_t> pods);

/// A copy of a trace: where it stands.
struct ReplayState {
  sim::Time shift = 0;
  std::int64_t lap = 0;
  std::uint64_t row = 0;
};
template <sim::Describes<ReplayState> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("shift", self.shift, About{.text = "How far the copy is ahead, ns"});
  visit("lap", self.lap, About{.text = "Times it has begun again"});
  visit("row", self.row, About{.text = "Next row"});
}

struct FrontState {
  sim::Time now = 0;                    // every request before it was handed out
  std::int64_t made = 0;                // how many those were
  std::vector<ArrivalState> generated;  // one of the two is empty
  std::vector<ReplayState> replayed;
  // Replicas in service of the pods up to and including each, where a controller takes some out of
  // it; empty: all are. A pod's share of the requests is its share of them.
  std::vector<std::int32_t> pod_ends;
};
template <sim::Describes<FrontState> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("now", self.now, About{.text = "Every request before this moment was handed out, ns"});
  visit("made", self.made, About{.text = "Requests handed out", .min = 0});
  visit("generated", self.generated, About{.text = "Copies of the generator"});
  visit("replayed", self.replayed, About{.text = "Copies of the trace"});
  visit("pod_ends", self.pod_ends, About{.text = "Replicas in service, summed over pods"});
}

FrontState initial_front(const FrontParameters& parameters);

/// Requests by pod, in one piece of memory.
struct ArrivalsByPod {
  std::vector<Arrival> all;
  std::vector<std::size_t> begin{0};  // of each pod, and the end of the last

  std::size_t size() const { return begin.size() - 1; }
  std::span<const Arrival> operator[](std::size_t pod) const {
    return std::span(all).subspan(begin[pod], begin[pod + 1] - begin[pod]);
  }
};

/// The requests of a service in [front.now, until), in three steps of which the first and the last
/// can be shared among threads: copies are drawn by parts, requests go to their pods, each pod's
/// are sorted. Holds what one call leaves for the next: tables made once, and memory.
///
/// A request is a function of its copy and its number in that copy (its row and lap in a trace):
/// number, lengths and pod come from one draw. So neither how time is cut into calls nor who makes
/// which part changes anything.
class Generation {
 public:
  /// Prepares for `front` and its parameters, which stay where they are until the requests are
  /// made.
  void begin(FrontState& front, const FrontParameters& parameters, sim::Time until);
  std::size_t parts() const { return drawn_.size(); }
  void draw(std::size_t part);
  void split();
  /// Order of time, and of numbers where two come in the same nanosecond.
  void sort(std::size_t pod);

  const ArrivalsByPod& arrivals() const { return arrivals_; }

 private:
  struct Drawn {
    Arrival arrival;
    std::uint32_t pod;
  };
  struct Laws {
    ArrivalLaw arrivals;
    RequestLengths lengths;
  };
  void generate(std::uint64_t copy, sim::Bits bits, double gap, std::vector<Drawn>& out);
  void replay(std::uint64_t copy, std::vector<Drawn>& out);

  std::optional<Laws> laws_;  // of generated traffic
  FrontState* front_ = nullptr;
  const FrontParameters* parameters_ = nullptr;
  const std::vector<std::int32_t>* ends_ = nullptr;
  // Next requests of the copies, in the order of front_->generated, as of known_: most copies of a
  // large service have none in an epoch, and to see that one word of theirs is enough.
  std::vector<sim::Time> next_;
  sim::Time known_ = -1;
  std::int64_t known_made_ = 0;
  std::uint64_t copies_ = 0;
  sim::Time from_ = 0, until_ = 0;
  std::vector<std::vector<Drawn>> drawn_;  // by part
  ArrivalsByPod arrivals_;
};

/// All three steps in turn.
const ArrivalsByPod& generate(Generation& generation, FrontState& front,
                              const FrontParameters& parameters, sim::Time until);

/// The users of one of its pods; none where the front itself makes the requests.
PodUsers users_of_pod(const FrontParameters& parameters, std::size_t pod);

/// Where the priorities of its requests are drawn from.
sim::Stream tier_draws(const FrontParameters& parameters);

/// Long-run means of the whole service, pods that are not fed included; in a closed loop the rate
/// follows from the engines: NaN.
struct TrafficMeans {
  double requests_per_s = 0, prompt_tokens = 0, output_tokens = 0;
};
TrafficMeans traffic_means(const FrontParameters& parameters);

}  // namespace mw::models
