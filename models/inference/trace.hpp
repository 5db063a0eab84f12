#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "sim/time.hpp"

namespace mw::models {

/// Recorded requests, in order of arrival, times from the start of the recording.
struct Trace {
  struct Row {
    sim::Time t;
    std::int32_t prompt_tokens, output_tokens;
    std::int32_t groups =
        0;  // of its prompt that are known, from `first_group` on in Trace::groups
    std::size_t first_group = 0;
  };
  std::vector<Row> rows;
  sim::Time period = 0;  // after which it begins again: the last arrival and one mean gap
  // Groups of tokens of the prompts, each numbered together with all before it: prompts that begin
  // alike begin with the same numbers.
  std::vector<std::uint32_t> groups{};
  std::int32_t group_tokens = 0;  // 0: nothing is known of what they have in common
};

/// Reads one of three formats, told apart by what the file holds:
///   Azure CSV       TIMESTAMP,ContextTokens,GeneratedTokens; time runs from the first request
///   own CSV         arrival_s,prompt_tokens,output_tokens; seconds from the start of the run
///   Mooncake JSONL  {"timestamp": ms, "input_length": n, "output_length": n, "hash_ids": [...]}
///                   with the hash_ids of each 512 tokens of the prompt, or in no line
/// Plain or gzip. Requests must stand in order of time, with at least one prompt and one output
/// token each. Throws sim::InputError.
Trace read_trace(const std::filesystem::path& path);

/// Where a trace named in a scenario lies: as it is if absolute, else below `base` (the scenario's
/// folder), else below the folder that the environment variable MILLWRIGHT_DATA names, `data` if it
/// is not set. Throws sim::InputError when it is nowhere.
std::filesystem::path find_trace(const std::string& name, const std::filesystem::path& base);

}  // namespace mw::models
