#include "models/inference/prefix_law.hpp"

#include <algorithm>

#include "sim/index.hpp"
#include "sim/portable_math.hpp"

namespace mw::models {
namespace {

using sim::idx;

enum Kind : std::uint64_t { of_trace = 1, of_beginning, of_conversation, of_prompt };

/// Different for different numbers: the finalizer of SplitMix64 (Steele, Lea, Flood, "Fast
/// splittable pseudorandom number generators", OOPSLA 2014) is one to one.
std::uint64_t salt(Kind kind, std::uint64_t number) {
  std::uint64_t z = number * 4 + kind;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
  z = (z ^ z >> 27) * 0x94d049bb133111eb;
  return z ^ z >> 31;
}

/// Number of the shared beginning; -1: none.
std::int64_t beginning_of(const PrefixLaw& law, std::uint64_t conversation) {
  if (law.popularity.empty()) return -1;
  const sim::Bits bits = sim::bits(law.draws, conversation);
  if (sim::unit_interval(bits.first) >= law.share) return -1;
  const auto at = std::upper_bound(law.popularity.begin(), law.popularity.end() - 1,
                                   sim::unit_interval(bits.second));
  return at - law.popularity.begin();
}

}  // namespace

PromptKeys PrefixLaw::keys_of(std::uint64_t id, std::int32_t prompt, std::int32_t tokens) const {
  PromptKeys keys;
  keys.groups = (tokens - 1) / group_tokens;
  if (trace) {
    const std::uint64_t number = id / copies;
    const Trace::Row& row = trace->rows[number % trace->rows.size()];
    keys.ids = trace->groups.data() + row.first_group;
    keys.shared = std::min({keys.groups, row.groups, prompt / group_tokens});
    // Each copy, and each time that the trace begins again, is of other users.
    keys.common = salt(of_trace, number / trace->rows.size() * copies + id % copies);
    keys.own = salt(of_conversation, id);
    return keys;
  }
  if (distinct > 0) {
    // Answers to a repeated prompt differ, since they are drawn.
    keys.shared = std::min(keys.groups, prompt / group_tokens);
    keys.common = salt(of_prompt, prompt_of(id));
    keys.own = salt(of_conversation, id);
    return keys;
  }
  const std::uint64_t conversation = conversation_of(id);
  const std::int64_t beginning = beginning_of(*this, conversation);
  if (beginning >= 0) {
    keys.shared = std::min(keys.groups, shared_tokens / group_tokens);
    keys.common = salt(of_beginning, static_cast<std::uint64_t>(beginning));
  }
  keys.own = salt(of_conversation, conversation);
  return keys;
}

std::int32_t PrefixLaw::tokens_before(std::uint64_t id) const {
  return beginning_of(*this, conversation_of(id)) >= 0 ? shared_tokens : 0;
}

void add_shared(PrefixLaw& law, const SharedPrefixes& shared, sim::Stream draws) {
  law.shared_tokens = shared.tokens;
  law.share = shared.share;
  law.draws = draws;
  law.popularity.resize(idx(shared.count));
  double sum = 0;
  for (std::size_t rank = 0; rank < law.popularity.size(); ++rank) {
    sum += sim::portable::pow(static_cast<double>(rank + 1), -shared.skew);
    law.popularity[rank] = sum;
  }
  for (double& p : law.popularity) p /= sum;
}

}  // namespace mw::models
