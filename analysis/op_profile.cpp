#include "analysis/op_profile.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>
#include <span>

#include "analysis/enum_word.hpp"
#include "scenarios/nearest.hpp"
#include "scenarios/problems.hpp"
#include "sim/index.hpp"
#include "sim/input_error.hpp"
#include "sim/io/csv.hpp"

namespace mw::analysis {
namespace {

using namespace mw::models;

const std::vector<std::string>& instructions() {
  static const std::vector<std::string> names(enum_names(Instruction{}).begin(),
                                              enum_names(Instruction{}).end());
  return names;
}

double positive(const sim::CsvReader& table, std::size_t column, const char* unit) {
  const double value = table.number(column);
  if (!(value > 0))
    table.fail(column, fmt::format("{:g} {} is not above 0", value, unit),
               "give what was measured, or leave the row out");
  return value;
}

}  // namespace

std::vector<OpTable> read_op_profile(const std::string& file) {
  sim::CsvReader table{std::filesystem::path(file)};
  const auto stage_column = table.column("stage"), instruction_column = table.column("instruction"),
             clock_column = table.column("frequency"), time_column = table.column("time"),
             energy_column = table.column("energy");
  std::map<std::pair<std::int64_t, Instruction>, std::map<double, std::pair<OpChoice, int>>> rows;
  while (table.next()) {
    const std::int64_t stage = table.integer(stage_column);
    if (stage < 0 || stage >= 65536)
      table.fail(stage_column, fmt::format("there is no stage {}", stage),
                 "count stages from 0, the one that reads the input");
    const std::string word(table.text(instruction_column));
    const auto at = std::find(instructions().begin(), instructions().end(), word);
    if (at == instructions().end())
      table.fail(
          instruction_column, fmt::format("{} is no instruction", scenarios::in_quotes(word)),
          fmt::format("did you mean `{}`? There are {}", scenarios::nearest(word, instructions()),
                      fmt::join(instructions(), ", ")));
    const auto instruction = static_cast<Instruction>(at - instructions().begin());
    const OpChoice choice{.clock = positive(table, clock_column, "MHz") * 1e6,
                          .time = positive(table, time_column, "s"),
                          .energy = positive(table, energy_column, "J")};
    const auto [row, is_new] =
        rows[{stage, instruction}].try_emplace(choice.clock, choice, table.line());
    if (!is_new)
      table.fail(clock_column,
                 fmt::format("{:g} MHz stands already in line {} for `{}` of stage {}",
                             choice.clock / 1e6, row->second.second, word, stage),
                 "keep one of the two rows");
  }
  if (rows.empty())
    throw sim::InputError(file, 0, 0, "has no rows", "give one row for each op and clock");
  std::vector<OpTable> tables;
  for (const auto& [key, choices] : rows) {
    OpTable& t = tables.emplace_back(OpTable{
        .part = static_cast<std::int32_t>(key.first), .instruction = key.second, .choices = {}});
    for (const auto& [clock, choice] : choices) t.choices.push_back(choice.first);
  }
  return tables;
}

std::int32_t stages_of(const std::vector<OpTable>& tables) {
  std::int32_t last = 0;
  for (const OpTable& t : tables) last = std::max(last, t.part);
  return last + 1;
}

void check_complete(const PipelineCosts& costs, const std::string& file) {
  std::set<std::pair<std::int32_t, Instruction>> missing;
  for (const auto& program : program_order(costs.pipeline))
    for (const PipelineOp& op : program)
      if (choices_of(costs, op).empty()) missing.insert({op.part, op.instruction});
  if (missing.empty()) return;
  std::vector<std::string> words;
  for (const auto& [part, instruction] : missing) {
    if (words.size() == 6) {
      words.push_back(fmt::format("{} more", missing.size() - 6));
      break;
    }
    words.push_back(fmt::format("`{}` of stage {}", name_of(instruction), part));
  }
  const bool split = std::any_of(missing.begin(), missing.end(), [](const auto& m) {
    return m.second == Instruction::backward_input || m.second == Instruction::backward_weight;
  });
  throw sim::InputError(
      file, 0, 0, fmt::format("has no rows for {}", fmt::join(words, ", ")),
      split ? "profile the two halves of the backward, or take a schedule that does not split it "
              "(gpipe, 1f1b, interleaved)"
            : "add them, at the same clocks for both halves of an op, or take fewer --stages");
}

}  // namespace mw::analysis
