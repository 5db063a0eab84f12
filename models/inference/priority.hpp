#pragma once
#include <cmath>
#include <cstdint>
#include <vector>

#include "sim/describe.hpp"
#include "sim/random.hpp"

namespace mw::models {

/// A part of a service's requests, and how urgent they are: the smaller, the more.
struct PriorityTier {
  double share = 1;
  int priority = 0;
};
template <sim::Describes<PriorityTier> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("share", self.share,
        About{.text = "Share of the requests; all tiers' add up to 1",
              .min = 0,
              .max = 1,
              .required = true});
  visit("priority", self.priority,
        About{.text = "How urgent they are: smaller numbers first",
              .min = -100,
              .max = 100,
              .required = true});
}

inline void check_tiers(const std::vector<PriorityTier>& tiers, sim::Problems& problems) {
  if (tiers.empty()) return;
  double sum = 0;
  for (const PriorityTier& tier : tiers) sum += tier.share;
  if (std::abs(sum - 1) > 1e-9) {
    problems.add("priorities", "have shares that do not add up to 1", "change the shares");
  }
}

/// The priority of request `id`: a draw of its own; 0 without tiers.
inline std::int32_t priority_of(const std::vector<PriorityTier>& tiers, sim::Stream draws,
                                std::uint64_t id) {
  if (tiers.empty()) return 0;
  double left = sim::uniform(draws, id);
  for (const PriorityTier& tier : tiers) {
    if (left < tier.share) return tier.priority;
    left -= tier.share;
  }
  return tiers.back().priority;
}

/// Who goes first where priorities count: the more urgent, then the earlier.
struct Urgency {
  std::int32_t priority;
  std::int64_t arrival;
  std::uint64_t id;
  constexpr auto operator<=>(const Urgency&) const = default;
};

}  // namespace mw::models
