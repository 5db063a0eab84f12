#include "models/inference/router.hpp"

#include <algorithm>
#include <limits>

#include "sim/host_device.hpp"

namespace mw::models {

namespace {

/// Charge and place from the turn on in one number, whose least tells who is sent to: one pass
/// without branches. 47 bits hold more tokens than a queue ever does; all beyond them, those that
/// are off among them, count as alike.
constexpr int place_bits = 16;
constexpr std::int64_t most_told = (std::int64_t{1} << (63 - place_bits)) - 1;

MW_WIDE_VECTORS std::int64_t least_key(const std::int64_t* charged, std::int64_t n,
                                       std::int64_t turn) {
  std::int64_t least = INT64_MAX;
  for (std::int64_t r = 0; r < n; ++r) {
    const std::int64_t place = r < turn ? r + n : r;
    least = std::min(least, std::min(charged[r], most_told) << place_bits | place);
  }
  return least;
}

std::int32_t least_charged(const RouterState& router) {
  const auto n = static_cast<std::int64_t>(router.outstanding.size());
  const std::int64_t place =
      least_key(router.outstanding.data(), n, router.next) & ((std::int64_t{1} << place_bits) - 1);
  return static_cast<std::int32_t>(place < n ? place : place - n);
}

}  // namespace

Dispatch dispatch(RouterState& router, RouterPolicy policy, sim::Stream stream,
                  std::int32_t prompt_tokens) {
  std::int32_t replica = turn_of(router);
  if (policy == RouterPolicy::least_tokens) replica = least_charged(router);
  if (policy == RouterPolicy::power_of_two) replica = lesser_of_two(router, stream);
  return charge(router, replica, prompt_tokens);
}

Dispatch dispatch_by_prefix(RouterState& router, const PrefixRoute& route,
                            std::int32_t prompt_tokens) {
  const std::size_t n = router.outstanding.size();
  router.sent.resize(n);
  struct Choice {
    std::int64_t cost = std::numeric_limits<std::int64_t>::max();
    std::size_t replica = 0;
    PrefixMatch found;
  } best;
  for (std::size_t k = 0; k < n; ++k) {
    const std::size_t r = (static_cast<std::size_t>(router.next) + k) % n;
    if (router.outstanding[r] >= off_charge) continue;
    // Nothing that it finds can be worth more than the prompt.
    if (router.outstanding[r] >= best.cost) continue;
    const PrefixMatch found = match(router.sent[r], route.keys);
    const std::int64_t cost =
        router.outstanding[r] + prompt_tokens - std::int64_t{found.groups} * route.group_tokens;
    if (cost < best.cost) best = {cost, r, found};
  }
  PrefixTree& sent = router.sent[best.replica];
  hold(sent, route.keys, best.found);
  release(sent, route.keys, route.keys.groups);
  evict_to(sent, route.groups);
  return charge(router, static_cast<std::int32_t>(best.replica),
                prompt_tokens - best.found.groups * route.group_tokens);
}

}  // namespace mw::models
