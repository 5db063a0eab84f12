#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "models/inference/prefix_tree.hpp"
#include "models/inference/trace.hpp"
#include "sim/describe.hpp"
#include "sim/random.hpp"

// What the prompts of a service have in common, as a function of a request's number alone, so that
// neither a request nor a checkpoint has to carry it.
namespace mw::models {

/// Beginnings that many generated prompts share, such as system prompts.
struct SharedPrefixes {
  std::int64_t count = 1;
  std::int32_t tokens = 1024;
  double share = 1;
  double skew = 1;
};
template <sim::Describes<SharedPrefixes> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("count", self.count,
        About{.text = "Different ones", .min = 1, .max = 1e6, .required = true});
  visit("tokens", self.tokens,
        About{.text = "Length of each, before the prompt's own tokens",
              .min = 1,
              .max = 1e6,
              .required = true});
  visit("share", self.share,
        About{.text = "Share of the requests that begin with one", .min = 0, .max = 1});
  visit(
      "skew", self.skew,
      About{
          .text = "Exponent of Zipf's law of their popularity; 0: all alike", .min = 0, .max = 4});
}

struct PrefixLaw {
  std::int32_t group_tokens = 16;      // a multiple of the engine's KV block
  std::shared_ptr<const Trace> trace;  // its groups; null: generated, by what follows
  std::uint64_t copies = 1;            // of the trace
  std::uint64_t users = 0;             // of the whole service; 0: requests know no users
  std::uint64_t turns = 1;             // requests of a user's conversation
  std::uint64_t distinct = 0;          // prompts that requests repeat in turn, whole; 0: none do
  std::vector<double> popularity;      // of the shared beginnings, added up; none: there are none
  std::int32_t shared_tokens = 0;      // of each of them
  double share = 0;                    // of the conversations that begin with one
  sim::Stream draws{};                 // which one

  /// The groups of request `id` that end before the last of its `tokens` tokens, of which an engine
  /// computes at least that one. Beyond its prompt they are those of its answer.
  PromptKeys keys_of(std::uint64_t id, std::int32_t prompt, std::int32_t tokens) const;
  PromptKeys keys_of(std::uint64_t id, std::int32_t prompt) const {
    return keys_of(id, prompt, prompt);
  }

  /// Tokens of the shared beginning of the request's conversation; 0: it has none.
  std::int32_t tokens_before(std::uint64_t id) const;
  /// Number of the request's own prompt: prompts of one number are alike from end to end.
  std::uint64_t prompt_of(std::uint64_t id) const { return distinct > 0 ? id % distinct : id; }
  std::uint64_t conversation_of(std::uint64_t id) const {
    return users > 0 ? id / users / turns * users + id % users : id;
  }
};

/// Of generated traffic.
void add_shared(PrefixLaw& law, const SharedPrefixes& shared, sim::Stream draws);

}  // namespace mw::models
