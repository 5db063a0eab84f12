#pragma once
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "models/inference/lengths.hpp"
#include "models/inference/prefix_law.hpp"
#include "models/inference/request.hpp"
#include "sim/describe.hpp"
#include "sim/moment.hpp"
#include "sim/random.hpp"
#include "sim/time.hpp"

// Users who wait for an answer before they ask again: what a benchmark with a fixed concurrency is.
// Each asks at time 0 and then `think` after its request was completed or refused. Arrivals are
// whole nanoseconds, so the end of an iteration is rounded up to the next one first.
namespace mw::models {

struct ClosedLoopParameters {
  std::int64_t users = 1;
  std::optional<std::int64_t> requests;
  sim::Duration think;
  std::int64_t turns = 1;
};
template <sim::Describes<ClosedLoopParameters> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("users", self.users,
        About{.text = "Users of the service, each with one request at a time; all ask at the start",
              .min = 1,
              .max = 1e7,
              .required = true});
  visit("requests", self.requests,
        About{.text = "Requests of all of them together; otherwise they go on for ever",
              .min = 1,
              .max = 1e12});
  visit("think", self.think, About{.text = "Time from an answer to the same user's next request"});
  visit("turns", self.turns,
        About{.text = "Requests of a conversation, each with all prompts and answers before it in "
                      "front of its own prompt",
              .min = 1,
              .max = 1000});
}
void check(const ClosedLoopParameters& loop, sim::Problems& problems);

inline constexpr std::int64_t endless = std::numeric_limits<std::int64_t>::max();

/// The users of one pod. Request i of the service is asked by user i modulo all users, so a pod
/// knows the numbers of its requests without knowing the other pods.
struct PodUsers {
  std::int64_t users = 0;           // none: requests come from outside
  std::int64_t first = 0, all = 0;  // its first user, and the users of the whole service
  std::int64_t requests = endless;  // of this pod
  sim::Time think = 0;
  LengthParameters lengths;
  sim::Stream draws;                            // lengths, by number of request
  std::shared_ptr<const PrefixLaw> prefixes{};  // what comes before a prompt; null: nothing
};

/// Splits users over pods by their replicas (`pod_ends`: of the pods up to and including each), and
/// requests over users, each as evenly as integers allow.
PodUsers users_of_pod(const ClosedLoopParameters& loop, std::span<const std::int32_t> pod_ends,
                      std::size_t pod);

/// Moments of the next requests of users who think; later ones are appended, so it stays sorted.
struct UsersState {
  std::int64_t asked = 0;
  std::vector<sim::Time> next;
  std::uint64_t head = 0;  // those before it have asked
};
template <sim::Describes<UsersState> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("asked", self.asked, About{.text = "Requests so far", .min = 0});
  visit("next", self.next, About{.text = "Moments of those to come, ns"});
  visit("head", self.head, About{.text = "Index of the first that is still to come"});
}

/// Lengths of request `id` of the service, with all that comes before its own prompt.
Lengths lengths_of(const PodUsers& users, std::uint64_t id);

UsersState initial_users(const PodUsers& users);

/// Moment of the next request that is known of; sim::never without one.
inline sim::Time next_ask(const UsersState& state) {
  return state.head < state.next.size() ? state.next[state.head] : sim::never;
}
/// That request, at its moment.
Arrival ask(UsersState& state, const PodUsers& users);
/// A request of one of the users ended at `now`.
void answer(UsersState& state, const PodUsers& users, sim::FineTime now);

}  // namespace mw::models
