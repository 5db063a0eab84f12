#include "models/inference/trace.hpp"

#include <functional>
#include <string>
#include <unordered_map>

#include "sim/input_error.hpp"
#include "sim/io/csv.hpp"
#include "sim/io/data_folder.hpp"
#include "sim/io/jsonl.hpp"

namespace mw::models {

namespace {

constexpr std::int64_t longest = 10'000'000;  // tokens; anything above is a slip
constexpr double latest_s = 1e9;              // 31 years

/// Appends a row after the checks that all formats share; `fail(problem, advice)` throws.
void append(Trace& trace, sim::Time t, std::int64_t prompt, std::int64_t output,
            const std::function<void(const char* field, std::string, std::string)>& fail) {
  if (!trace.rows.empty() && t < trace.rows.back().t) {
    fail("time", "is earlier than the request before it", "sort the file by time");
  }
  if (prompt < 1 || prompt > longest) {
    fail("prompt", "is not a prompt length between 1 and 10000000 tokens",
         "correct it or remove the line");
  }
  if (output < 1 || output > longest) {
    fail("output", "is not an output length between 1 and 10000000 tokens",
         "correct it or remove the line; a prefill alone already gives one token");
  }
  trace.rows.push_back({t, static_cast<std::int32_t>(prompt), static_cast<std::int32_t>(output)});
}

/// The hash_ids of a line, as Mooncake writes them (Qin et al., "Mooncake: Trading more storage for
/// less computation", FAST 2025, section 4.1): one for each 512 tokens and one for the rest, each
/// for its tokens and all before them.
class MooncakeGroups {
 public:
  void append(Trace& trace, const sim::JsonlReader& lines) {
    const bool has = lines.has("hash_ids");
    Trace::Row& row = trace.rows.back();
    if (trace.rows.size() == 1 && has) trace.group_tokens = tokens;
    if (has != (trace.group_tokens > 0)) {
      lines.fail(has ? "hash_ids" : "input_length",
                 has ? "stands here, but not in the lines before"
                     : "has no hash_ids beside it, unlike the lines before",
                 "give every line its hash_ids, or none");
    }
    if (!has) return;
    const std::vector<std::int64_t> ids = lines.integers("hash_ids");
    if (static_cast<std::int64_t>(ids.size()) != (row.prompt_tokens + tokens - 1) / tokens) {
      lines.fail("hash_ids", "are not one for each 512 tokens of input_length",
                 "give one for each, and one for what is left");
    }
    row.first_group = trace.groups.size();
    row.groups = static_cast<std::int32_t>(ids.size());
    std::uint32_t before = none;
    for (const std::int64_t id : ids) {
      const auto [known, is_new] =
          known_.try_emplace(id, Known{static_cast<std::uint32_t>(known_.size()), before});
      if (!is_new && known->second.before != before) {
        lines.fail("hash_ids", "have a number that followed another one in an earlier line",
                   "number a block together with all before it, as Mooncake does");
      }
      before = known->second.number;
      trace.groups.push_back(before);
    }
  }

 private:
  static constexpr std::int32_t tokens = 512;
  static constexpr std::uint32_t none = ~std::uint32_t{0};
  struct Known {
    std::uint32_t number, before;
  };
  std::unordered_map<std::int64_t, Known> known_;
};

struct CsvColumns {
  std::size_t time, prompt, output;
  auto failing(const sim::CsvReader& table) const {
    return [this, &table](const std::string& field, std::string problem, std::string advice) {
      const std::size_t column = field == "time" ? time : field == "prompt" ? prompt : output;
      table.fail(column, problem, std::move(advice));
    };
  }
};

Trace read_azure(sim::CsvReader& table) {
  const CsvColumns at{table.column("TIMESTAMP"), table.column("ContextTokens"),
                      table.column("GeneratedTokens")};
  Trace trace;
  std::int64_t first = 0;
  while (table.next()) {
    const std::int64_t t = table.time_stamp(at.time).unix_ns;
    if (trace.rows.empty()) first = t;
    append(trace, t - first, table.integer(at.prompt), table.integer(at.output), at.failing(table));
  }
  return trace;
}

Trace read_own(sim::CsvReader& table) {
  const CsvColumns at{table.column("arrival_s"), table.column("prompt_tokens"),
                      table.column("output_tokens")};
  Trace trace;
  while (table.next()) {
    const double t = table.number(at.time);
    if (t < 0 || t > latest_s) {
      table.fail(at.time, "is not a time between 0 and 1e9 s",
                 "count seconds from the run's start");
    }
    append(trace, sim::from_seconds(t), table.integer(at.prompt), table.integer(at.output),
           at.failing(table));
  }
  return trace;
}

Trace read_mooncake(sim::JsonlReader& lines) {
  const auto fail = [&](const std::string& field, std::string problem, std::string advice) {
    lines.fail(field == "time"     ? "timestamp"
               : field == "prompt" ? "input_length"
                                   : "output_length",
               problem, std::move(advice));
  };
  Trace trace;
  MooncakeGroups groups;
  while (lines.next()) {
    const double ms = lines.number("timestamp");
    if (ms < 0 || ms > 1000 * latest_s) {
      fail("time", "is not a time between 0 and 1e12 ms", "count milliseconds from the start");
    }
    append(trace, sim::from_seconds(ms / 1000), lines.integer("input_length"),
           lines.integer("output_length"), fail);
    groups.append(trace, lines);
  }
  return trace;
}

bool holds_json(const std::filesystem::path& path) {
  sim::LineReader lines(path);
  while (lines.next()) {
    const std::size_t start = lines.line().find_first_not_of(" \t");
    if (start != std::string_view::npos) return lines.line()[start] == '{';
  }
  return false;
}

Trace read_any(const std::filesystem::path& path) {
  if (holds_json(path)) {
    sim::JsonlReader lines(path);
    return read_mooncake(lines);
  }
  sim::CsvReader table(path);
  if (table.find_column("TIMESTAMP")) return read_azure(table);
  if (table.find_column("arrival_s")) return read_own(table);
  throw sim::InputError(path.string(), 1, 1, "the columns are those of no known request trace",
                        "name them TIMESTAMP,ContextTokens,GeneratedTokens or "
                        "arrival_s,prompt_tokens,output_tokens");
}

}  // namespace

Trace read_trace(const std::filesystem::path& path) {
  Trace trace = read_any(path);
  if (trace.rows.empty()) {
    throw sim::InputError(path.string(), 0, 0, "the trace holds no request",
                          "give at least one line below the header");
  }
  const auto n = static_cast<sim::Time>(trace.rows.size());
  const sim::Time span = trace.rows.back().t - trace.rows.front().t;
  const sim::Time mean_gap = n > 1 ? span / (n - 1) : sim::second;
  trace.period = trace.rows.back().t + (mean_gap > 0 ? mean_gap : 1);
  return trace;
}

std::filesystem::path find_trace(const std::string& name, const std::filesystem::path& base) {
  if (const auto found = sim::find_input(name, base)) return *found;
  throw sim::InputError(
      name, 0, 0,
      "there is no such trace beside the scenario or below " + sim::data_folder().string(),
      "check the path, or put the file there (`millwright data` says where "
      "public ones are; MILLWRIGHT_DATA names another folder)");
}

}  // namespace mw::models
