#include "models/inference/trace.hpp"

#include <functional>
#include <string>

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
  while (lines.next()) {
    const double ms = lines.number("timestamp");
    if (ms < 0 || ms > 1000 * latest_s) {
      fail("time", "is not a time between 0 and 1e12 ms", "count milliseconds from the start");
    }
    append(trace, sim::from_seconds(ms / 1000), lines.integer("input_length"),
           lines.integer("output_length"), fail);
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
