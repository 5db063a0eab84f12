#include "models/inference/router.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>

using namespace mw::models;

namespace {
RouterState of(std::vector<std::int64_t> outstanding) {
  RouterState router;
  router.outstanding = std::move(outstanding);
  return router;
}
constexpr mw::sim::Stream stream{1, 2, 3};
}  // namespace

TEST_CASE("round robin takes replicas in turn") {
  RouterState router = of({0, 0, 0});
  for (const int expected : {0, 1, 2, 0, 1}) {
    CHECK(dispatch(router, RouterPolicy::round_robin, stream, 10).replica == expected);
  }
}

// Charges 50, 20, 20: the turn is at 0, so of the two at 20 the nearer one, 1, goes first.
TEST_CASE("least tokens takes the least charged; the turn breaks ties") {
  RouterState router = of({50, 20, 20});
  CHECK(dispatch(router, RouterPolicy::least_tokens, stream, 10).replica == 1);
  CHECK(dispatch(router, RouterPolicy::least_tokens, stream, 10).replica == 2);
  CHECK(router.outstanding == std::vector<std::int64_t>{50, 30, 30});
}

// By its definition: the least, and of several the first from the turn on; those that are switched
// off last of all. As many replicas as vectors hold, and some more or fewer.
TEST_CASE("the least charged replica is found as by walking from the turn on") {
  CHECK(rc::check("the walk and the search agree", [] {
    const auto n = *rc::gen::inRange<std::size_t>(1, 140);
    RouterState router;
    for (std::size_t r = 0; r < n; ++r)
      router.outstanding.push_back(*rc::gen::element<std::int64_t>(0, 1, 2, 3, 1'000'000'000'000,
                                                                   off_charge, off_charge + 7));
    RC_PRE(std::any_of(router.outstanding.begin(), router.outstanding.end(),
                       [](std::int64_t charge) { return charge < off_charge; }));
    router.next = static_cast<std::int32_t>(*rc::gen::inRange<std::size_t>(0, n));
    std::size_t least = static_cast<std::size_t>(router.next);
    for (std::size_t k = 1; k < n; ++k) {
      const std::size_t r = (static_cast<std::size_t>(router.next) + k) % n;
      if (router.outstanding[r] < router.outstanding[least]) least = r;
    }
    RC_ASSERT(dispatch(router, RouterPolicy::least_tokens, stream, 10).replica ==
              static_cast<std::int32_t>(least));
  }));
}

// Nothing has completed: a request is charged its prompt. After completions of 30 and 50 output
// tokens it is charged 40 more. What was charged is what is given back.
TEST_CASE("the charge is the prompt and the mean output seen so far, and is given back in full") {
  RouterState router = of({0, 0});
  const Dispatch first = dispatch(router, RouterPolicy::round_robin, stream, 100);
  CHECK(first.charge == 100);
  note_completion(router, 0, first.charge, 30);
  note_completion(router, 1, dispatch(router, RouterPolicy::round_robin, stream, 7).charge, 50);
  CHECK(dispatch(router, RouterPolicy::round_robin, stream, 100).charge == 140);
  CHECK(router.outstanding == std::vector<std::int64_t>{140, 0});
}

// Of n replicas with one loaded above all others, the loaded one is never chosen (the other one
// drawn is always less charged), and the rest share evenly: 1 / (n - 1) each.
TEST_CASE("power of two never takes the most charged and spreads the rest evenly") {
  RouterState router = of({1'000'000'000, 0, 0, 0, 0});
  std::vector<int> taken(5, 0);
  for (int i = 0; i < 40'000; ++i) {
    const Dispatch sent = dispatch(router, RouterPolicy::power_of_two, stream, 1);
    ++taken[static_cast<std::size_t>(sent.replica)];
    router.outstanding[static_cast<std::size_t>(sent.replica)] -= sent.charge;
  }
  CHECK(taken[0] == 0);
  for (std::size_t r = 1; r < 5; ++r) CHECK(taken[r] == doctest::Approx(10'000).epsilon(0.04));
}
