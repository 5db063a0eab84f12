#pragma once
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "sim/describe.hpp"

// What prompts have in common, as a tree of runs of tokens: two prompts share nodes exactly as far
// as they agree. A cache of prefixes is such a tree whose nodes are held by the requests that use
// them; those that nobody holds can be evicted, the least recently used leaf first and from its end
// (SGLang's radix cache, Zheng et al., "SGLang: Efficient execution of structured language model
// programs", NeurIPS 2024, section 3). Tokens count in groups, the unit in which prompts compare.
//
// A run is as long as the keys of its groups go on evenly, so a conversation of any length is a
// node or two a turn, and costs grow with nodes and not with tokens.
namespace mw::models {

/// The groups of one prompt, from its beginning. A key stands for a group and all before it.
struct PromptKeys {
  /// From a group to the next, where they are numbered on. Odd (the golden ratio in 64 bits), so
  /// that different numbers stay different.
  static constexpr std::uint64_t stride = 0x9e3779b97f4a7c15;

  const std::uint32_t* ids = nullptr;  // numbers of the common groups in a trace; null: from 0 on
  std::int32_t groups = 0;             // whole ones that end before the last token
  std::int32_t shared = 0;             // of those: common to all that have this `common`
  std::uint64_t common = 0, own = 0;

  std::uint64_t operator[](std::int32_t group) const {
    const bool in_common = group < shared;
    const std::uint64_t number = in_common && ids ? ids[group] : static_cast<std::uint64_t>(group);
    return (in_common ? common : own) + number * stride;
  }
  /// How many groups from this one on have keys that go on evenly.
  std::int32_t run_from(std::int32_t group) const {
    if (group >= shared) return groups - group;
    if (!ids) return shared - group;
    std::int32_t next = group + 1;
    while (next < shared && ids[next] == ids[next - 1] + 1) ++next;
    return next - group;
  }
};

/// A run of groups. All of them are held, or none.
struct PrefixNode {
  std::uint64_t key = 0;                   // of its first group
  std::int64_t last_used = 0;              // on the tree's clock, while nobody holds it
  std::uint32_t parent = 0, children = 0;  // parent: none at the root's level
  std::uint32_t holders = 0;               // requests that end with it, and held children
  std::int32_t groups = 0;
};
template <sim::Describes<PrefixNode> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("key", self.key, About{.text = "Its first group and all before it"});
  visit("last_used", self.last_used, About{.text = "When the last holder left"});
  visit("parent", self.parent, About{.text = "Node that it follows"});
  visit("children", self.children, About{.text = "Nodes that follow it"});
  visit("holders", self.holders, About{.text = "Requests that end with it, and held children"});
  visit("groups", self.groups, About{.text = "Groups of tokens", .min = 0});
}

/// A leaf that nobody holds, in a heap whose front is the least recently used.
struct IdlePrefix {
  std::int64_t last_used = 0;
  std::uint64_t node = 0;
};
template <sim::Describes<IdlePrefix> Self>
void describe(Self& self, auto&& visit) {
  visit("last_used", self.last_used, sim::About{.text = "When the last holder left"});
  visit("node", self.node, sim::About{.text = "Node"});
}

struct PrefixTree {
  std::vector<PrefixNode> nodes;
  std::vector<std::uint32_t> free_nodes;
  std::vector<std::uint32_t> index;  // open hash table of nodes by key, one further; 0: empty
  std::vector<IdlePrefix> idle;      // may hold outdated entries
  std::int64_t clock = 0;            // releases so far
  std::int64_t groups = 0;           // in all
  std::int64_t unheld = 0;           // of those: nobody holds them
};
template <sim::Describes<PrefixTree> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("nodes", self.nodes, About{.text = "Runs of groups of tokens"});
  visit("free_nodes", self.free_nodes, About{.text = "Nodes that are not in use"});
  visit("index", self.index, About{.text = "Nodes by key"});
  visit("idle", self.idle, About{.text = "Heap of the leaves that nobody holds"});
  visit("clock", self.clock, About{.text = "Releases so far"});
  visit("groups", self.groups, About{.text = "Groups in all", .min = 0});
  visit("unheld", self.unheld, About{.text = "Groups that nobody holds", .min = 0});
}

/// The longest beginning of a prompt that is in a tree.
struct PrefixMatch {
  static constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();
  std::int32_t groups = 0;
  std::int32_t unheld = 0;    // of them: nobody holds it
  std::uint32_t node = none;  // of the last of them
  std::int32_t within = 0;    // of that node's groups
};
PrefixMatch match(const PrefixTree& tree, const PromptKeys& keys);

/// Puts all groups of the prompt into the tree, beyond those that `found` says are there, and holds
/// them. A prompt without groups changes nothing.
void hold(PrefixTree& tree, const PromptKeys& keys, const PrefixMatch& found);

/// A holder leaves, of whose groups only the first `computed` were ever filled: the others go.
/// Returns how many of those that stay are held by somebody else.
std::int32_t release(PrefixTree& tree, const PromptKeys& keys, std::int32_t computed);

/// Evicts until at most `most` groups are held by nobody.
void evict_to(PrefixTree& tree, std::int64_t most);

}  // namespace mw::models
