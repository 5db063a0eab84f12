#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "gpu/atomic.hpp"
#include "models/inference/prefix_tree.hpp"
#include "sim/describe.hpp"
#include "sim/host_device.hpp"
#include "sim/random.hpp"

namespace mw::models {

enum class RouterPolicy { round_robin, least_tokens, power_of_two, kv_aware };
inline std::span<const char* const> enum_names(RouterPolicy) {
  static constexpr const char* names[] = {"round_robin", "least_tokens", "power_of_two",
                                          "kv_aware"};
  return names;
}

/// What a router knows: what it sent, and what came back. It never looks into an engine. It charges
/// a replica, per request it sent there and that has not completed, the prompt tokens plus the mean
/// output length of the requests it has seen complete (0 before the first).
struct RouterState {
  std::vector<std::int64_t> outstanding;  // [replica] charged tokens
  std::int32_t next = 0;                  // where the turn is
  std::int32_t off = 0;                   // replicas that get nothing
  std::uint64_t draws = 0;
  std::int64_t completed_requests = 0, completed_output_tokens = 0;
  std::vector<PrefixTree> sent;  // [replica] what it sent there last; kv_aware only
};
template <sim::Describes<RouterState> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("outstanding", self.outstanding, About{.text = "Tokens charged to each replica"});
  visit("next", self.next, About{.text = "Replica whose turn it is"});
  visit("off", self.off, About{.text = "Replicas that are switched off", .min = 0});
  visit("draws", self.draws, About{.text = "Random draws made"});
  visit("completed_requests", self.completed_requests, About{.text = "Requests seen to complete"});
  visit("completed_output_tokens", self.completed_output_tokens,
        About{.text = "Their output tokens"});
  visit("sent", self.sent, About{.text = "Prefixes sent to each replica, the last of them"});
}

/// Charge of a replica that is switched off: none that is on is charged as much.
inline constexpr std::int64_t off_charge = std::int64_t{1} << 62;

struct Dispatch {
  std::int32_t replica;
  std::int32_t charge;
};

/// round_robin: in turn. least_tokens: the replica with the least charge; the turn breaks ties.
/// power_of_two: the lesser charged of two different replicas drawn at random, the first drawn on a
/// tie (Mitzenmacher, "The power of two choices in randomized load balancing", TPDS 12 (2001)
/// 1094).
Dispatch dispatch(RouterState& router, RouterPolicy policy, sim::Stream stream,
                  std::int32_t prompt_tokens);

/// What a router that heeds caches knows of a request and of a replica's cache.
struct PrefixRoute {
  PromptKeys keys;
  std::int32_t group_tokens = 1;
  std::int64_t groups = 0;  // that fit into a replica's KV cache
};

/// kv_aware: the replica for which the tokens to compute of this prompt and the charge are the
/// least together, the turn breaks ties: what Dynamo's router adds up, with both weights 1. What a
/// replica has cached the router tells from what it sent there, the least recently used forgotten
/// beyond the replica's capacity, as SGLang's router does and Dynamo's without events.
Dispatch dispatch_by_prefix(RouterState& router, const PrefixRoute& route,
                            std::int32_t prompt_tokens);

// What the host and a device have in common; `Router` has the words of RouterState.

template <class Router>
MW_HD bool nobody_on(const Router& router) {
  return router.off > 0 && router.off == static_cast<std::int32_t>(router.outstanding.size());
}

/// The replica whose turn it is among those that are on.
template <class Router>
MW_HD std::int32_t turn_of(const Router& router) {
  std::int32_t turn = router.next;
  if (router.off == 0) return turn;
  while (router.outstanding[static_cast<std::size_t>(turn)] >= off_charge)
    turn = (turn + 1) % static_cast<std::int32_t>(router.outstanding.size());
  return turn;
}

/// Charges `replica` with a request, and takes the turn beyond it.
template <class Router>
MW_HD Dispatch charge(Router& router, std::int32_t replica, std::int32_t prompt_tokens) {
  router.next = (replica + 1) % static_cast<std::int32_t>(router.outstanding.size());
  const std::int64_t expected = router.completed_requests > 0
                                    ? router.completed_output_tokens / router.completed_requests
                                    : 0;
  const auto charged = static_cast<std::int32_t>(prompt_tokens + expected);
  router.outstanding[static_cast<std::size_t>(replica)] += charged;
  return {replica, charged};
}

template <class Router>
MW_HD std::int32_t lesser_of_two(Router& router, sim::Stream stream) {
  const auto n = static_cast<std::uint64_t>(router.outstanding.size()) -
                 static_cast<std::uint64_t>(router.off);
  // The k-th of those that are on.
  const auto on = [&](std::int32_t k) {
    if (router.off == 0) return k;
    std::int32_t r = -1;
    do {
      ++r;
      if (router.outstanding[static_cast<std::size_t>(r)] < off_charge) --k;
    } while (k >= 0);
    return r;
  };
  if (n == 1) return on(0);
  // High bits times n: the bias is below n / 2^32, as no replica count can notice.
  const sim::Bits draw = sim::bits(stream, router.draws++);
  const auto first = static_cast<std::int32_t>((draw.first >> 32) * n >> 32);
  const auto other = static_cast<std::int32_t>((draw.second >> 32) * (n - 1) >> 32);
  const std::int32_t one = on(first), two = on(other < first ? other : other + 1);
  const auto charged = [&](std::int32_t r) {
    return router.outstanding[static_cast<std::size_t>(r)];
  };
  return charged(two) < charged(one) ? two : one;
}

/// The request's last token passed through the router. Sums of the pod, to which its replicas may
/// add side by side.
template <class Router>
MW_HD void note_completion(Router& router, std::int32_t replica, std::int32_t charged,
                           std::int32_t output_tokens) {
  router.outstanding[static_cast<std::size_t>(replica)] -= charged;
  gpu::add_to(router.completed_requests, 1);
  gpu::add_to(router.completed_output_tokens, output_tokens);
}

}  // namespace mw::models
