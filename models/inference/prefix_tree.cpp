#include "models/inference/prefix_tree.hpp"

#include <algorithm>
#include <utility>

#include "sim/index.hpp"
#include "sim/invariant.hpp"

namespace mw::models {
namespace {

using sim::idx;
constexpr std::uint32_t none = PrefixMatch::none;

// --- Nodes by key: linear probing; a gap is closed by moving up what belongs before it -----------

std::size_t home_of(const PrefixTree& tree, std::uint64_t key) {
  // The top bits of a second product (Fibonacci hashing, Knuth, TAOCP 3, 6.4): those of a key
  // itself are alike for the groups of one prompt.
  key = (key ^ key >> 32) * 0xd6e8feb86659fd93;
  return static_cast<std::size_t>(key ^ key >> 32) & (tree.index.size() - 1);
}

std::uint32_t find(const PrefixTree& tree, std::uint64_t key) {
  if (tree.index.empty()) return none;
  const std::size_t mask = tree.index.size() - 1;
  for (std::size_t at = home_of(tree, key); tree.index[at] != 0; at = (at + 1) & mask) {
    if (tree.nodes[tree.index[at] - 1].key == key) return tree.index[at] - 1;
  }
  return none;
}

void enter(PrefixTree& tree, std::uint32_t node) {
  const std::size_t mask = tree.index.size() - 1;
  std::size_t at = home_of(tree, tree.nodes[node].key);
  while (tree.index[at] != 0) at = (at + 1) & mask;
  tree.index[at] = node + 1;
}

void strike(PrefixTree& tree, std::uint32_t node) {
  const std::size_t mask = tree.index.size() - 1;
  std::size_t gap = home_of(tree, tree.nodes[node].key);
  while (tree.index[gap] != node + 1) gap = (gap + 1) & mask;
  for (std::size_t at = (gap + 1) & mask; tree.index[at] != 0; at = (at + 1) & mask) {
    const std::size_t home = home_of(tree, tree.nodes[tree.index[at] - 1].key);
    if (((at - home) & mask) < ((at - gap) & mask)) continue;  // its home lies beyond the gap
    tree.index[gap] = tree.index[at];
    gap = at;
  }
  tree.index[gap] = 0;
}

void make_room(PrefixTree& tree) {
  const std::size_t used = tree.nodes.size() - tree.free_nodes.size();
  if (2 * (used + 1) <= tree.index.size()) return;
  tree.index.assign(std::max<std::size_t>(64, 2 * tree.index.size()), 0);
  std::vector<bool> gone(tree.nodes.size(), false);
  for (const std::uint32_t node : tree.free_nodes) gone[node] = true;
  for (std::uint32_t node = 0; node < tree.nodes.size(); ++node) {
    if (!gone[node]) enter(tree, node);
  }
}

// --- The tree ------------------------------------------------------------------------------------

std::uint32_t new_node(PrefixTree& tree, const PrefixNode& as) {
  make_room(tree);
  std::uint32_t node;
  if (tree.free_nodes.empty()) {
    node = static_cast<std::uint32_t>(tree.nodes.size());
    tree.nodes.push_back(as);
  } else {
    node = tree.free_nodes.back();
    tree.free_nodes.pop_back();
    tree.nodes[node] = as;
  }
  return node;
}

std::uint32_t add_child(PrefixTree& tree, std::uint32_t parent, std::uint64_t key,
                        std::int32_t groups) {
  const std::uint32_t node = new_node(tree, {.key = key, .parent = parent, .groups = groups});
  enter(tree, node);
  if (parent != none) ++tree.nodes[parent].children;
  tree.groups += groups;
  tree.unheld += groups;
  return node;
}

/// Cuts a node in two after its first groups, so that a request may end there: the new node is the
/// upper one, as those below know the other by its number. Returns the upper one.
std::uint32_t split(PrefixTree& tree, std::uint32_t node, std::int32_t groups) {
  const PrefixNode whole = tree.nodes[node];
  PrefixNode upper = whole;
  upper.groups = groups;
  upper.children = 1;
  upper.holders = whole.holders > 0 ? 1 : 0;
  strike(tree, node);
  const std::uint32_t above = new_node(tree, upper);
  PrefixNode& lower = tree.nodes[node];
  lower.key += static_cast<std::uint64_t>(groups) * PromptKeys::stride;
  lower.groups -= groups;
  lower.parent = above;
  enter(tree, above);
  enter(tree, node);
  return above;
}

/// A leaf that nobody holds, or whose only holder has let go of it.
void remove(PrefixTree& tree, std::uint32_t node) {
  strike(tree, node);
  tree.groups -= tree.nodes[node].groups;
  const std::uint32_t parent = tree.nodes[node].parent;
  if (parent != none) --tree.nodes[parent].children;
  tree.nodes[node] = {};
  tree.free_nodes.push_back(node);
}

bool later(const IdlePrefix& a, const IdlePrefix& b) {
  return a.last_used != b.last_used ? a.last_used > b.last_used : a.node > b.node;
}
bool outdated(const PrefixTree& tree, const IdlePrefix& entry) {
  const PrefixNode& node = tree.nodes[entry.node];
  return node.last_used != entry.last_used || node.holders > 0 || node.children > 0;
}

void note_idle(PrefixTree& tree, std::uint32_t node) {
  if (tree.nodes[node].holders > 0 || tree.nodes[node].children > 0) return;
  // Outdated entries are dropped once they outnumber the nodes.
  if (tree.idle.size() > 64 + 2 * tree.nodes.size()) {
    std::erase_if(tree.idle, [&](const IdlePrefix& entry) { return outdated(tree, entry); });
    std::make_heap(tree.idle.begin(), tree.idle.end(), later);
  }
  tree.idle.push_back({tree.nodes[node].last_used, node});
  std::push_heap(tree.idle.begin(), tree.idle.end(), later);
}

/// How many groups of a node the prompt has from its group `from` on, where the first is the same.
std::int32_t common_groups(const PrefixNode& node, const PromptKeys& keys, std::int32_t from) {
  const auto same = [&](std::int32_t n) {  // up to and including the n-th; so are all before it
    return keys[from + n - 1] == node.key + static_cast<std::uint64_t>(n - 1) * PromptKeys::stride;
  };
  std::int32_t beyond = std::min(node.groups, keys.groups - from) + 1;
  if (same(beyond - 1)) return beyond - 1;
  std::int32_t n = 1;
  while (beyond - n > 1) {
    const std::int32_t middle = n + (beyond - n) / 2;
    (same(middle) ? n : beyond) = middle;
  }
  return n;
}

}  // namespace

PrefixMatch match(const PrefixTree& tree, const PromptKeys& keys) {
  PrefixMatch found;
  while (found.groups < keys.groups) {
    const std::uint32_t node = find(tree, keys[found.groups]);
    if (node == none) break;
    found.node = node;
    found.within = common_groups(tree.nodes[node], keys, found.groups);
    found.groups += found.within;
    if (tree.nodes[node].holders == 0) found.unheld += found.within;
    if (found.within < tree.nodes[node].groups) break;
  }
  return found;
}

void hold(PrefixTree& tree, const PromptKeys& keys, const PrefixMatch& found) {
  std::uint32_t last = found.node;
  if (last != none && found.within < tree.nodes[last].groups)
    last = split(tree, last, found.within);
  for (std::int32_t group = found.groups; group < keys.groups;) {
    const std::int32_t run = keys.run_from(group);
    last = add_child(tree, last, keys[group], run);
    group += run;
  }
  for (std::uint32_t node = last; node != none && tree.nodes[node].holders++ == 0;
       node = tree.nodes[node].parent) {
    tree.unheld -= tree.nodes[node].groups;
  }
}

std::int32_t release(PrefixTree& tree, const PromptKeys& keys, std::int32_t computed) {
  if (keys.groups == 0) return 0;
  const PrefixMatch whole = match(tree, keys);
  std::uint32_t node = whole.node;
  MW_INVARIANT(whole.groups == keys.groups && whole.within == tree.nodes[node].groups,
               "a request's prefix is in the tree, and ends a node, while it is held");
  for (std::int32_t beyond = keys.groups - computed; beyond > 0;) {
    MW_INVARIANT(tree.nodes[node].holders == 1 && tree.nodes[node].children == 0,
                 "nobody else uses what has not been computed");
    if (tree.nodes[node].groups > beyond) {
      tree.nodes[node].groups -= beyond;
      tree.groups -= beyond;
      break;
    }
    beyond -= tree.nodes[node].groups;
    const std::uint32_t parent = tree.nodes[node].parent;
    remove(tree, node);  // who held it holds its parent now, which counted it as a held child
    node = parent;
  }
  if (node == none) return 0;
  ++tree.clock;
  std::int32_t let_go = 0;
  for (std::uint32_t up = node; up != none && --tree.nodes[up].holders == 0;
       up = tree.nodes[up].parent) {
    tree.nodes[up].last_used = tree.clock;
    let_go += tree.nodes[up].groups;
  }
  tree.unheld += let_go;
  note_idle(tree, node);
  return std::min(computed, keys.groups) - let_go;
}

void evict_to(PrefixTree& tree, std::int64_t most) {
  while (tree.unheld > most) {
    MW_INVARIANT(!tree.idle.empty(), "a tree with groups that nobody holds has such a leaf");
    const IdlePrefix entry = tree.idle.front();
    const auto node = static_cast<std::uint32_t>(entry.node);
    const std::int64_t beyond = tree.unheld - most;
    if (!outdated(tree, entry) && tree.nodes[node].groups > beyond) {
      tree.nodes[node].groups -= static_cast<std::int32_t>(beyond);
      tree.groups -= beyond;
      tree.unheld = most;
      return;
    }
    std::pop_heap(tree.idle.begin(), tree.idle.end(), later);
    tree.idle.pop_back();
    if (outdated(tree, entry)) continue;
    tree.unheld -= tree.nodes[node].groups;
    const std::uint32_t parent = tree.nodes[node].parent;
    remove(tree, node);
    if (parent != none) note_idle(tree, parent);
  }
}

}  // namespace mw::models
