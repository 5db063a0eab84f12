#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "models/inference/arrivals.hpp"
#include "models/inference/closed_loop.hpp"
#include "models/inference/lengths.hpp"
#include "models/inference/prefix_law.hpp"
#include "models/inference/priority.hpp"
#include "sim/describe.hpp"

namespace mw::models {

/// A named kind of traffic: when requests come, and how long they are.
struct TrafficProfile {
  static constexpr const char* catalog = "traffic";
  std::string text;
  sim::Confidence confidence = sim::Confidence::assumed;
  std::string source;
  ArrivalParameters arrivals;
  LengthParameters lengths;
};
template <sim::Describes<TrafficProfile> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("text", self.text, About{.text = "What the traffic is, in one line"});
  visit("confidence", self.confidence, About{.text = "How sure the whole entry is"});
  visit("source", self.source, About{.text = "Where the whole entry comes from"});
  visit("arrivals", self.arrivals, About{.text = "When requests come", .required = true});
  visit("lengths", self.lengths, About{.text = "How long they are", .required = true});
}

/// The requests of a service: like a catalog entry, from a trace, or of some lengths, by arrivals
/// or by users in a closed loop.
struct TrafficParameters {
  std::optional<sim::Entry<TrafficProfile>> like;
  std::optional<std::string> trace;
  std::optional<ArrivalParameters> arrivals;
  std::optional<ClosedLoopParameters> closed_loop;
  std::optional<LengthParameters> lengths;
  std::optional<SharedPrefixes> shared_prefixes;
  std::int64_t scale = 1;
  std::vector<PriorityTier> priorities;
};
template <sim::Describes<TrafficParameters> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("like", self.like, About{.text = "Traffic of the catalog"});
  visit("trace", self.trace,
        About{.text = "A file of recorded requests, beside the scenario or below MILLWRIGHT_DATA; "
                      "it begins again after its end"});
  visit("arrivals", self.arrivals, About{.text = "When requests come; needs lengths"});
  visit("closed_loop", self.closed_loop,
        About{.text = "Users who wait for their answers before they ask again; needs lengths"});
  visit("lengths", self.lengths, About{.text = "How long they are; needs arrivals or closed_loop"});
  visit("shared_prefixes", self.shared_prefixes,
        About{.text = "Beginnings, such as system prompts, that many of the prompts share; before "
                      "the tokens of lengths"});
  visit("scale", self.scale,
        About{.text = "Independent copies of the stream, laid over each other; of a trace, shifted "
                      "in a circle. Not a faster clock",
              .min = 1,
              .max = 1e6});
  visit("priorities", self.priorities,
        About{.text = "Tiers of urgency, drawn for each request; engine.scheduling: priority heeds "
                      "them"});
}
void check(const TrafficParameters& traffic, sim::Problems& problems);

}  // namespace mw::models
