#include "models/inference/router.hpp"

namespace mw::models {

namespace {

std::int32_t least_charged(const RouterState& router) {
  const auto n = static_cast<std::int32_t>(router.outstanding.size());
  std::int32_t best = router.next;
  const auto look = [&](std::int32_t from, std::int32_t to) {
    for (std::int32_t r = from; r < to; ++r) {
      if (router.outstanding[r] < router.outstanding[best]) best = r;
    }
  };
  look(router.next + 1, n);
  look(0, router.next);
  return best;
}

std::int32_t lesser_of_two(RouterState& router, sim::Stream stream) {
  const auto n = static_cast<std::uint64_t>(router.outstanding.size());
  if (n == 1) return 0;
  // High bits times n: the bias is below n / 2^32, as no replica count can notice.
  const sim::Bits draw = sim::bits(stream, router.draws++);
  const auto first = static_cast<std::int32_t>((draw.first >> 32) * n >> 32);
  const auto other = static_cast<std::int32_t>((draw.second >> 32) * (n - 1) >> 32);
  const std::int32_t second = other < first ? other : other + 1;
  return router.outstanding[second] < router.outstanding[first] ? second : first;
}

}  // namespace

Dispatch dispatch(RouterState& router, RouterPolicy policy, sim::Stream stream,
                  std::int32_t prompt_tokens) {
  std::int32_t replica = router.next;
  if (policy == RouterPolicy::least_tokens) replica = least_charged(router);
  if (policy == RouterPolicy::power_of_two) replica = lesser_of_two(router, stream);
  router.next = (replica + 1) % static_cast<std::int32_t>(router.outstanding.size());

  const std::int64_t expected = router.completed_requests > 0
                                    ? router.completed_output_tokens / router.completed_requests
                                    : 0;
  const auto charge = static_cast<std::int32_t>(prompt_tokens + expected);
  router.outstanding[replica] += charge;
  return {replica, charge};
}

void note_completion(RouterState& router, std::int32_t replica, std::int32_t charge,
                     std::int32_t output_tokens) {
  router.outstanding[replica] -= charge;
  ++router.completed_requests;
  router.completed_output_tokens += output_tokens;
}

}  // namespace mw::models
