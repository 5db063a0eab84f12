#pragma once
#include <algorithm>
#include <cstdint>

#include "models/inference/accounting.hpp"
#include "models/inference/prefix_law.hpp"
#include "models/inference/prefix_tree.hpp"
#include "models/inference/replica.hpp"

// A replica's cache of prefixes, in the words of both engines. Whoever is admitted holds the groups
// of its prompt; those that others hold or left behind need not be computed. Blocks of groups that
// nobody holds count as free and are taken when no others are left, so the rest of an engine knows
// nothing of them.
//
// When something is evicted does not depend on when one looks: between two calls here free blocks
// only become fewer, so evicting at the next call down to what is free then is the same as evicting
// block by block. Whoever is sent back for want of blocks finds everything evicted.
//
// A prompt's groups are there for others from its admission on: who is admitted next runs no
// earlier than the iteration that computes the last of them (the one partial prefill goes first),
// as vLLM V1 allows within an iteration.
namespace mw::models {

inline std::int64_t blocks_per_group(const PodLaw& law) {
  return law.prefixes->group_tokens / law.engine.block_size;
}

/// Evicts what `free_blocks` no longer holds.
inline void evict_for(ReplicaState& replica, const PodLaw& law, std::int64_t free_blocks) {
  evict_to(replica.prefixes, free_blocks / blocks_per_group(law));
}

/// What a request would find: tokens, and the blocks that it need not take from the free ones.
struct PrefixHit {
  PromptKeys keys;
  PrefixMatch found;
  std::int32_t tokens = 0;
  std::int64_t blocks = 0;
};
inline PrefixHit look_up(ReplicaState& replica, const PodLaw& law, std::uint64_t id,
                         std::int32_t prompt, std::int64_t free_blocks) {
  evict_for(replica, law, free_blocks);
  PrefixHit hit;
  hit.keys = law.prefixes->keys_of(id, prompt);
  hit.found = match(replica.prefixes, hit.keys);
  hit.tokens = hit.found.groups * law.prefixes->group_tokens;
  hit.blocks = (hit.found.groups - hit.found.unheld) * blocks_per_group(law);
  return hit;
}

/// It is admitted; `known`: the most of its tokens that it ever had, which this raises.
inline void hold_prefix(ReplicaState& replica, PodCounts& counts, const PrefixHit& hit,
                        std::int32_t& known) {
  hold(replica.prefixes, hit.keys, hit.found);
  counts.cached_tokens += std::max(0, hit.tokens - known);
  known = std::max(known, hit.tokens);
}

/// A request that held `blocks` leaves, `computed` of its tokens in them: how many become free.
/// `room`: the blocks that are free by then, none where it is sent back for want of one.
inline std::int64_t freed_blocks(ReplicaState& replica, const PodLaw& law, std::uint64_t id,
                                 std::int32_t prompt, std::int32_t computed, std::int64_t blocks,
                                 std::int64_t room) {
  if (!law.prefixes) return blocks;
  evict_for(replica, law, room);
  const std::int32_t filled = computed / law.prefixes->group_tokens;
  const PromptKeys own = law.prefixes->keys_of(id, prompt);
  if (filled > own.groups) {  // its answer filled some more
    const PromptKeys all = law.prefixes->keys_of(id, prompt, computed + 1);
    hold(replica.prefixes, all, match(replica.prefixes, all));
    release(replica.prefixes, all, all.groups);
  }
  return blocks - release(replica.prefixes, own, filled) * blocks_per_group(law);
}

}  // namespace mw::models
