#include "models/inference/router.hpp"

#include <algorithm>

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

}  // namespace mw::models
