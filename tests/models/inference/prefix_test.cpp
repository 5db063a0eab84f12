#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <list>
#include <map>
#include <set>
#include <unordered_set>
#include <vector>

#include "models/inference/prefix_law.hpp"
#include "models/inference/prefix_tree.hpp"
#include "models/inference/random_pod.hpp"

using namespace mw::models;

namespace {

using Prompt = std::vector<std::uint32_t>;

/// A prompt's keys, its groups numbered with all before them.
PromptKeys keys_of(const Prompt& prompt) {
  PromptKeys keys;
  keys.ids = prompt.data();
  keys.groups = keys.shared = static_cast<std::int32_t>(prompt.size());
  return keys;
}

/// The same by sets: every prefix a number, no tree, no index.
class PlainCache {
 public:
  explicit PlainCache(std::int64_t most_unheld) : most_(most_unheld) {}

  std::int32_t matched(const Prompt& prompt) const {
    std::int32_t n = 0;
    while (n < static_cast<std::int32_t>(prompt.size()) && cached_.contains(prompt[idx(n)])) ++n;
    return n;
  }
  void hold(const Prompt& prompt) {
    for (std::size_t i = 0; i < prompt.size(); ++i) {
      Node& node = cached_[prompt[i]];
      node.before = i > 0 ? static_cast<std::int64_t>(prompt[i - 1]) : -1;
      ++node.holders;
    }
  }
  void release(const Prompt& prompt) {
    ++clock_;
    for (const std::uint32_t group : prompt) {
      Node& node = cached_.at(group);
      if (--node.holders == 0) node.used = clock_;
    }
    evict();
  }
  std::int64_t unheld() const {
    return std::count_if(cached_.begin(), cached_.end(),
                         [](const auto& one) { return one.second.holders == 0; });
  }
  std::size_t size() const { return cached_.size(); }

 private:
  struct Node {
    std::int64_t holders = 0, used = 0, before = -1;
  };
  static std::size_t idx(std::int32_t i) { return static_cast<std::size_t>(i); }
  /// Of the leaves that nobody holds the least recently used goes, one by one.
  void evict() {
    while (unheld() > most_) {
      std::set<std::int64_t> parents;
      for (const auto& [group, node] : cached_) parents.insert(node.before);
      auto least = cached_.end();
      for (auto it = cached_.begin(); it != cached_.end(); ++it) {
        if (it->second.holders > 0 || parents.contains(it->first)) continue;
        if (least == cached_.end() || it->second.used < least->second.used) least = it;
      }
      cached_.erase(least);
    }
  }
  std::int64_t most_, clock_ = 0;
  std::map<std::uint32_t, Node> cached_;
};

/// Prompts that branch. A group is numbered with all before it when it first appears, as a trace's
/// reader does, so that what is new goes on evenly and what branches off does not.
class Prompts {
 public:
  Prompt random() {
    Prompt prompt;
    std::uint32_t at = 0;
    const int length = *rc::gen::inRange(1, 15);
    for (int i = 0; i < length; ++i) {
      const int letter = *rc::gen::inRange(0, 5) == 0 ? 1 : 0;
      at = numbers_.try_emplace({at, letter}, numbers_.size() + 1).first->second;
      prompt.push_back(at);
    }
    return prompt;
  }

 private:
  std::map<std::pair<std::uint32_t, int>, std::uint32_t> numbers_;
};

}  // namespace

TEST_CASE("a prefix tree finds, holds and forgets what plain sets do") {
  CHECK(rc::check([] {
    const std::int64_t most = *rc::gen::inRange(0, 60);
    PrefixTree tree;
    PlainCache plain(most);
    Prompts prompts;
    std::list<Prompt> held;
    const int steps = *rc::gen::inRange(1, 120);
    for (int step = 0; step < steps; ++step) {
      if (held.empty() || *rc::gen::inRange(0, 2) == 0) {
        held.push_back(prompts.random());
        const PromptKeys keys = keys_of(held.back());
        const PrefixMatch found = match(tree, keys);
        RC_ASSERT(found.groups == plain.matched(held.back()));
        const std::int64_t before = tree.unheld;
        hold(tree, keys, found);
        plain.hold(held.back());
        RC_ASSERT(before - tree.unheld == found.unheld);
      } else {
        auto leaving = held.begin();
        std::advance(leaving, *rc::gen::inRange<std::size_t>(0, held.size()));
        release(tree, keys_of(*leaving), static_cast<std::int32_t>(leaving->size()));
        evict_to(tree, most);
        plain.release(*leaving);
        held.erase(leaving);
      }
      RC_ASSERT(tree.unheld == plain.unheld());
      RC_ASSERT(tree.groups == static_cast<std::int64_t>(plain.size()));
    }
    for (const Prompt& prompt : held) {
      release(tree, keys_of(prompt), static_cast<std::int32_t>(prompt.size()));
    }
    evict_to(tree, 0);
    RC_ASSERT(tree.groups == 0);
  }));
}

// Two of five groups are computed when a request is sent back: they stay, the other three go.
TEST_CASE("what was never computed leaves no prefix behind") {
  PrefixTree tree;
  const Prompt prompt{1, 2, 3, 4, 5};
  hold(tree, keys_of(prompt), match(tree, keys_of(prompt)));
  CHECK(release(tree, keys_of(prompt), 2) == 0);
  CHECK(match(tree, keys_of(prompt)).groups == 2);
  CHECK(tree.unheld == 2);
  // Held by another, they are not free.
  hold(tree, keys_of({1, 2}), match(tree, keys_of({1, 2})));
  hold(tree, keys_of({1, 2, 3}), match(tree, keys_of({1, 2, 3})));
  CHECK(tree.unheld == 0);
  CHECK(release(tree, keys_of({1, 2, 3}), 3) == 2);
  CHECK(tree.unheld == 1);
}

// n turns, each of p new prompt and a answer tokens: turn k (from 0) brings k (p + a) + p prompt
// tokens, of which all but the new p and the last answer token (never computed by its own turn) can
// be found. With groups of g tokens: floor((k (p + a) - 1) / g) g of them.
TEST_CASE("a conversation finds all its earlier turns in the cache, but for the last token") {
  PrefixLaw law;
  law.group_tokens = 16;
  law.users = 10;
  law.turns = 4;
  PrefixTree tree;
  const std::int32_t p = 100, a = 60;
  for (std::int32_t k = 0; k < 4; ++k) {
    const std::uint64_t id = 7 + 10 * static_cast<std::uint64_t>(k);
    CHECK(law.conversation_of(id) == law.conversation_of(7));
    const std::int32_t prompt = k * (p + a) + p;
    const PromptKeys keys = law.keys_of(id, prompt);
    const PrefixMatch found = match(tree, keys);
    CHECK(found.groups == std::max(0, k * (p + a) - 1) / 16);
    hold(tree, keys, found);
    const PromptKeys all = law.keys_of(id, prompt, prompt + a - 1 + 1);
    hold(tree, all, match(tree, all));
    release(tree, all, all.groups);
    release(tree, keys, keys.groups);
  }
  CHECK(law.conversation_of(47) != law.conversation_of(7));  // the fifth request begins anew
  CHECK(match(tree, law.keys_of(47, 1000)).groups == 0);
  CHECK(match(tree, law.keys_of(8, 1000)).groups == 0);  // another user
}

// Zipf's law over n beginnings with exponent s: the first has the share 1 / sum of k^-s.
TEST_CASE("shared beginnings are as popular as Zipf's law says") {
  PrefixLaw law;
  law.group_tokens = 16;
  add_shared(law, {.count = 50, .tokens = 320, .share = 0.7, .skew = 1.2}, {1, 2, 3});
  double sum = 0;
  for (int k = 1; k <= 50; ++k) sum += std::pow(k, -1.2);
  std::map<std::uint64_t, int> seen;
  int none = 0;
  const int n = 100'000;
  for (std::uint64_t id = 0; id < n; ++id) {
    const PromptKeys keys = law.keys_of(id, 400);
    CHECK_MESSAGE(keys.groups == 24, keys.groups);
    CHECK(law.tokens_before(id) == (keys.shared > 0 ? 320 : 0));
    if (keys.shared == 0) {
      ++none;
    } else {
      ++seen[keys.common];
    }
  }
  CHECK(seen.size() == 50);
  int most = 0;
  for (const auto& [key, count] : seen) most = std::max(most, count);
  // Binomial: four standard deviations.
  const double expected = 0.7 * n / sum;
  CHECK(std::abs(most - expected) < 4 * std::sqrt(expected));
  CHECK(std::abs(none - 0.3 * n) < 4 * std::sqrt(0.21 * n));
}

TEST_CASE("Mooncake's synthetic trace: 64.0 % of its blocks were seen before; an LRU finds fewer") {
  const char* data = std::getenv("MILLWRIGHT_DATA");
  const std::filesystem::path path =
      std::filesystem::path(data ? data : "") / "inference_traces/mooncake_synthetic_trace.jsonl";
  if (!data || !std::filesystem::exists(path)) {
    MESSAGE("SKIPPED: set MILLWRIGHT_DATA to a folder with inference_traces");
    return;
  }
  const Trace trace = read_trace(path);
  CHECK(trace.group_tokens == 512);
  const auto hit_ratio = [&](std::int64_t capacity) {
    PrefixTree tree;
    std::int64_t hits = 0;
    for (const Trace::Row& row : trace.rows) {
      PromptKeys keys;
      keys.ids = trace.groups.data() + row.first_group;
      keys.groups = keys.shared = row.groups;
      const PrefixMatch found = match(tree, keys);
      hits += found.groups;
      hold(tree, keys, found);
      release(tree, keys, keys.groups);
      evict_to(tree, capacity);
    }
    return static_cast<double>(hits) / static_cast<double>(trace.groups.size());
  };
  // Blocks of the whole list less the different ones, over the whole list: no cache is needed.
  const std::unordered_set<std::uint32_t> different(trace.groups.begin(), trace.groups.end());
  const double ideal =
      1 - static_cast<double>(different.size()) / static_cast<double>(trace.groups.size());
  CHECK(ideal == doctest::Approx(0.640).epsilon(0.001));
  CHECK(hit_ratio(1'000'000) == doctest::Approx(ideal));
  // A least recently used list of single blocks, counted by stack distances: the leaves-first tree
  // of the same size evicts in the same order, as a block is never used without those before it.
  const auto plain_lru = [&](std::size_t capacity) {
    std::list<std::uint32_t> order;  // the most recent first
    std::map<std::uint32_t, std::list<std::uint32_t>::iterator> place;
    std::int64_t hits = 0;
    for (const Trace::Row& row : trace.rows) {
      const auto* ids = trace.groups.data() + row.first_group;
      for (std::int32_t i = 0; i < row.groups && place.contains(ids[i]); ++i) ++hits;
      for (std::int32_t i = row.groups; i-- > 0;) {  // the first group is the most recent
        if (const auto known = place.find(ids[i]); known != place.end()) order.erase(known->second);
        order.push_front(ids[i]);
        place[ids[i]] = order.begin();
      }
      for (; order.size() > capacity; order.pop_back()) place.erase(order.back());
    }
    return static_cast<double>(hits) / static_cast<double>(trace.groups.size());
  };
  double last = 1;
  for (const std::int64_t capacity : {20'000, 5'000, 1'000, 200}) {
    const double ratio = hit_ratio(capacity);
    CHECK(ratio == doctest::Approx(plain_lru(static_cast<std::size_t>(capacity))));
    CHECK(ratio < last);
    last = ratio;
    MESSAGE("blocks found by an LRU of " << capacity << ": " << ratio);
  }
}

TEST_CASE("the router that heeds caches sends a prefix where it is, unless others wait there") {
  RouterState router;
  router.outstanding.assign(3, 0);
  const Prompt shared{10, 11, 12, 13}, other{20, 21, 22, 23};
  const auto route = [&](const Prompt& prompt) {
    return dispatch_by_prefix(router, {keys_of(prompt), 100, 1000}, 450);
  };
  CHECK(route(shared).replica == 0);
  CHECK(route(other).replica == 1);  // replica 0 has 450 outstanding
  const Dispatch again = route(shared);
  // 450 + 50 at replica 0, 450 + 450 at 1, 450 at the idle one.
  CHECK(again.replica == 2);
  const Dispatch third = route(shared);  // 450 + 50 at both that have it: the turn is 0's
  CHECK(third.replica == 0);
  CHECK(third.charge == 50);
  router.outstanding[0] = off_charge;
  CHECK(route(shared).replica == 2);
}
