#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "models/compute/batching.hpp"
#include "models/compute/step_table.hpp"
#include "sim/describe.hpp"
#include "sim/fixed.hpp"

namespace mw::models {

/// How an engine steps through time. Both take the same decisions at the same moments, to the last
/// picosecond and nanojoule; plain is the reference, jump is fast.
enum class Stepping { plain, jump };
inline std::span<const char* const> enum_names(Stepping) {
  static constexpr const char* names[] = {"plain", "jump"};
  return names;
}

/// Who runs first: in order of arrival, or by priority (vLLM's --scheduling-policy).
enum class Scheduling { fcfs, priority };
inline std::span<const char* const> enum_names(Scheduling) {
  static constexpr const char* names[] = {"fcfs", "priority"};
  return names;
}

/// What becomes of the KV cache of a request that must make room: computed anew, or kept in the
/// host's memory.
enum class Preemption { recompute, swap };
inline std::span<const char* const> enum_names(Preemption) {
  static constexpr const char* names[] = {"recompute", "swap"};
  return names;
}

/// Limits of the scheduler of one replica; names and defaults as vLLM V1 has them.
struct EngineParameters {
  int max_num_seqs = 256;
  int max_num_batched_tokens = 8192;
  int block_size = 16;
  std::optional<std::int64_t> kv_blocks;
  Stepping stepping = Stepping::jump;
  Scheduling scheduling = Scheduling::fcfs;
  Preemption preemption = Preemption::recompute;
  Batching batching = Batching::mixed;
  int admission_interval = 1;      // decode iterations from one look at new requests to the next
  int batch_wait = 0;              // iterations that prompts wait for more of them
  int batch_wait_tokens = 0;       // unless with the decodes they are so many tokens
  std::int64_t swap_blocks = 0;    // KV blocks that the hosts' memory holds
  std::int64_t swap_block_ps = 0;  // time to move one there or back

  bool operator==(const EngineParameters&) const = default;
};

template <sim::Describes<EngineParameters> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("max_num_seqs", self.max_num_seqs,
        About{.text = "Most requests that run at a time", .min = 1, .max = 16384});
  visit("max_num_batched_tokens", self.max_num_batched_tokens,
        About{.text = "Most tokens in one iteration: decodes and prefill chunks together",
              .min = 2,
              .max = 1048576});
  visit("block_size", self.block_size,
        About{.text = "Tokens in a block of the KV cache", .min = 1, .max = 1024});
  visit("kv_blocks", self.kv_blocks,
        About{.text = "Blocks of the KV cache; otherwise what the memory holds beside the weights",
              .min = 1});
  visit("stepping", self.stepping,
        About{.text = "One iteration at a time (plain), or from one change of the running requests "
                      "to the next (jump): the same results, faster"});
  visit("scheduling", self.scheduling, About{.text = "Who runs first"});
  visit("preemption", self.preemption,
        About{.text = "What becomes of the KV cache of a request that must make room"});
  visit("batching", self.batching, About{.text = "How prompts and decodes share iterations"});
  visit("admission_interval", self.admission_interval,
        About{.text = "Iterations of decodes alone from one look at new requests to the next",
              .min = 1,
              .max = 1e6});
  visit("batch_wait", self.batch_wait,
        About{.text = "Iterations that prompts wait for more of them", .min = 0, .max = 1e6});
  visit("batch_wait_tokens", self.batch_wait_tokens,
        About{.text = "Tokens, with the decodes, at which they no longer wait", .min = 0});
  visit("swap_blocks", self.swap_blocks,
        About{.text = "KV blocks that the hosts' memory holds", .min = 0});
  visit("swap_block_ps", self.swap_block_ps,
        About{.text = "Time to move one between GPU and host, ps", .min = 0});
}

/// A budget above the number of sequences: then no decode is ever skipped, and the one partial
/// prefill always gets a token.
inline void check(const EngineParameters& engine, sim::Problems& problems) {
  if (engine.max_num_batched_tokens <= engine.max_num_seqs) {
    problems.add("max_num_batched_tokens", "is not above max_num_seqs",
                 "raise it above " + std::to_string(engine.max_num_seqs) +
                     ", so that every running request gets its token");
  }
  if (engine.batching == Batching::prefill_first && engine.preemption == Preemption::swap) {
    problems.add("preemption", "swap goes with mixed batches only",
                 "use recompute, or batching: mixed");
  }
  if (engine.batch_wait > 0 &&
      (engine.batching != Batching::mixed || engine.scheduling != Scheduling::fcfs ||
       engine.admission_interval > 1)) {
    problems.add("batch_wait",
                 "goes with mixed batches, requests in order of arrival and admission_interval 1",
                 "leave it out");
  }
  if (engine.admission_interval > 1 && engine.scheduling == Scheduling::priority) {
    problems.add("admission_interval", "above 1 goes with requests in order of arrival only",
                 "use 1, or scheduling: fcfs");
  }
}

/// Blocks that hold `tokens` tokens.
MW_HD constexpr std::int64_t blocks_for(std::int64_t tokens, std::int64_t block_size) {
  return (tokens + block_size - 1) / block_size;
}

inline std::int64_t kv_blocks(const EngineParameters& engine, const StepTable& table) {
  return engine.kv_blocks ? *engine.kv_blocks : table.kv_token_capacity / engine.block_size;
}

/// The last output token is never computed, so a request needs room for one token less.
MW_HD constexpr bool can_ever_fit(std::int64_t prompt, std::int64_t output, std::int64_t block_size,
                                  std::int64_t blocks) {
  return blocks_for(prompt + output - 1, block_size) <= blocks;
}

/// Whether this iteration's average power stays within the limit: energy <= limit * time, in
/// integers (nJ against mW * ps).
MW_HD inline bool within_power(const StepCost& cost, std::int64_t limit_mw) {
  return static_cast<sim::Int128>(cost.energy_nj) * 1'000'000 <=
         static_cast<sim::Int128>(limit_mw) * cost.time_ps;
}

/// The highest clock (lowest level) whose average power in this iteration fits; the lowest clock
/// where none does.
MW_HD inline int level_for_power(const StepTableView& table, const StepLoad& load,
                                 std::int64_t limit_mw) {
  for (int level = 0; level + 1 < table.levels; ++level) {
    if (within_power(step_cost(table, level, load), limit_mw)) return level;
  }
  return table.levels - 1;
}
inline int level_for_power(const StepTable& table, const StepLoad& load, std::int64_t limit_mw) {
  return level_for_power(table.view(), load, limit_mw);
}

}  // namespace mw::models
