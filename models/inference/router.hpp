#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "sim/describe.hpp"
#include "sim/random.hpp"

namespace mw::models {

enum class RouterPolicy { round_robin, least_tokens, power_of_two };
inline std::span<const char* const> enum_names(RouterPolicy) {
  static constexpr const char* names[] = {"round_robin", "least_tokens", "power_of_two"};
  return names;
}

/// What a router knows: what it sent, and what came back. It never looks into an engine. It charges
/// a replica, per request it sent there and that has not completed, the prompt tokens plus the mean
/// output length of the requests it has seen complete (0 before the first).
struct RouterState {
  std::vector<std::int64_t> outstanding;  // [replica] charged tokens
  std::int32_t next = 0;                  // where the turn is
  std::uint64_t draws = 0;
  std::int64_t completed_requests = 0, completed_output_tokens = 0;
};
template <sim::Describes<RouterState> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("outstanding", self.outstanding, About{.text = "Tokens charged to each replica"});
  visit("next", self.next, About{.text = "Replica whose turn it is"});
  visit("draws", self.draws, About{.text = "Random draws made"});
  visit("completed_requests", self.completed_requests, About{.text = "Requests seen to complete"});
  visit("completed_output_tokens", self.completed_output_tokens,
        About{.text = "Their output tokens"});
}

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

/// The request's last token passed through the router.
void note_completion(RouterState& router, std::int32_t replica, std::int32_t charge,
                     std::int32_t output_tokens);

}  // namespace mw::models
