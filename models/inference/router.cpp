#include "models/inference/router.hpp"

#include <algorithm>
#include <array>

namespace mw::models {

namespace {

std::int32_t least_charged(const RouterState& router) {
  // The least first, four at a time and without branches; then who has it, from the turn on.
  const std::int64_t* const charged = router.outstanding.data();
  const std::size_t n = router.outstanding.size();
  std::array<std::int64_t, 4> least;
  least.fill(charged[0]);
  std::size_t r = 0;
  for (; r + 4 <= n; r += 4) {
    for (std::size_t k = 0; k < 4; ++k) least[k] = std::min(least[k], charged[r + k]);
  }
  for (; r < n; ++r) least[0] = std::min(least[0], charged[r]);
  const std::int64_t all = std::min(std::min(least[0], least[1]), std::min(least[2], least[3]));
  const auto turn = router.outstanding.begin() + router.next;
  auto found = std::find(turn, router.outstanding.end(), all);
  if (found == router.outstanding.end()) found = std::find(router.outstanding.begin(), turn, all);
  return static_cast<std::int32_t>(found - router.outstanding.begin());
}

}  // namespace

Dispatch dispatch(RouterState& router, RouterPolicy policy, sim::Stream stream,
                  std::int32_t prompt_tokens) {
  std::int32_t replica = turn_of(router);
  if (policy == RouterPolicy::least_tokens) replica = least_charged(router);
  if (policy == RouterPolicy::power_of_two) replica = lesser_of_two(router, stream);
  return charge(router, replica, prompt_tokens);
}

}  // namespace mw::models
