#include "models/inference/closed_loop.hpp"

#include <algorithm>

namespace mw::models {

void check(const ClosedLoopParameters& loop, sim::Problems& problems) {
  if (loop.think.ns < 0 || loop.think.ns > 366 * sim::day) {
    problems.add("think", "is not a time from 0 to a year", "write a time such as `2 s`");
  }
}

PodUsers users_of_pod(const ClosedLoopParameters& loop, std::span<const std::int32_t> pod_ends,
                      std::size_t pod) {
  const std::int64_t replicas = pod_ends.back();
  const std::int64_t from = loop.users * (pod == 0 ? 0 : pod_ends[pod - 1]) / replicas;
  const std::int64_t to = loop.users * pod_ends[pod] / replicas;
  PodUsers users;
  users.users = to - from;
  users.first = from;
  users.all = loop.users;
  users.think = loop.think.ns;
  if (loop.requests) {
    const std::int64_t rounds = *loop.requests / loop.users, rest = *loop.requests % loop.users;
    users.requests = rounds * users.users + std::clamp<std::int64_t>(rest - from, 0, users.users);
  }
  return users;
}

Lengths lengths_of(const PodUsers& users, std::uint64_t id) {
  Lengths lengths = draw_lengths(users.lengths, users.draws, id);
  if (!users.prefixes) return lengths;
  if (users.prefixes->distinct > 0)
    lengths.prompt = draw_lengths(users.lengths, users.draws, users.prefixes->prompt_of(id)).prompt;
  constexpr std::int64_t longest = 1'000'000'000;  // no model takes as much: refused
  std::int64_t prompt = lengths.prompt + std::int64_t{users.prefixes->tokens_before(id)};
  const auto all = static_cast<std::uint64_t>(users.all);
  for (std::uint64_t turn = id / all % users.prefixes->turns; turn > 0; --turn) {
    id -= all;
    const Lengths earlier = draw_lengths(users.lengths, users.draws, id);
    prompt += earlier.prompt + std::int64_t{earlier.output};
  }
  lengths.prompt = static_cast<std::int32_t>(std::min(prompt, longest));
  return lengths;
}

UsersState initial_users(const PodUsers& users) {
  UsersState state;
  state.next.assign(static_cast<std::size_t>(std::min(users.users, users.requests)), 0);
  return state;
}

Arrival ask(UsersState& state, const PodUsers& users) {
  const sim::Time t = state.next[state.head];
  if (++state.head == state.next.size()) {
    state.next.clear();
    state.head = 0;
  } else if (state.head >= 64 && 2 * state.head >= state.next.size()) {
    // Give the space back when half of it is unused: amortised constant time.
    state.next.erase(state.next.begin(),
                     state.next.begin() + static_cast<std::ptrdiff_t>(state.head));
    state.head = 0;
  }
  const std::int64_t number = state.asked++;
  const auto id = static_cast<std::uint64_t>(number / users.users * users.all + users.first +
                                             number % users.users);
  const Lengths lengths = lengths_of(users, id);
  return {t, id, lengths.prompt, lengths.output};
}

void answer(UsersState& state, const PodUsers& users, sim::FineTime now) {
  const auto to_come = static_cast<std::int64_t>(state.next.size() - state.head);
  if (state.asked + to_come >= users.requests) return;
  state.next.push_back(now.ceil() + users.think);
}

}  // namespace mw::models
