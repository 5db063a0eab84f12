#include "models/power/replay.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sim/input_error.hpp"

namespace mw::models {
namespace {

ReplayTable read(sim::CsvReader table, const std::string& file, const ReplayColumns& columns) {
  const std::size_t time = table.column(columns.time);
  std::vector<std::size_t> power;
  for (const auto& column : columns.power) power.push_back(table.column(column.name));
  ReplayTable out;
  while (table.next()) {
    const double at = sim::row_time(table, time, columns.clock, columns.start, columns.utc_offset);
    if (!out.at.empty() && at <= out.at.back())
      table.fail(time, "this moment does not follow the one before it",
                 "sort the rows by time, each moment once");
    if (!out.at.empty() && at - out.at.back() > columns.longest_gap)
      table.fail(time,
                 fmt::format("{:g} s lie between this row and the one before it, more than "
                             "longest_gap, {:g} s",
                             at - out.at.back(), columns.longest_gap),
                 "fill the gap, or raise longest_gap: between rows power follows a straight line");
    out.at.push_back(at);
    for (std::size_t i = 0; i < power.size(); ++i) {
      const double value = table.number(power[i]);
      if (value < 0)
        table.fail(power[i], fmt::format("a power of {:g}", value),
                   "correct it: racks do not feed power back");
      out.rows.push_back(value * columns.power[i].watts);
    }
  }
  if (out.at.size() < 2)
    throw sim::InputError(file, 0, 0, "the file holds fewer than two rows", "add rows");
  return out;
}

/// Weights are those of the straight lines' integral, so energy is that of the lines.
void add_mean(const ReplayTable& table, double from, double to, std::span<double> watts) {
  const auto after = std::upper_bound(table.at.begin(), table.at.end(), from);
  auto i = static_cast<std::size_t>(std::max<std::ptrdiff_t>(0, after - table.at.begin() - 1));
  for (; i + 1 < table.at.size() && table.at[i] < to; ++i) {
    const double low = std::max(from, table.at[i]), high = std::min(to, table.at[i + 1]);
    if (high <= low) continue;
    const double weight = (high - low) / (to - from);
    const double later = ((low + high) / 2 - table.at[i]) / (table.at[i + 1] - table.at[i]);
    const double* row = &table.rows[i * watts.size()];
    const double* next = row + watts.size();
    for (std::size_t s = 0; s < watts.size(); ++s)
      watts[s] += weight * (row[s] + later * (next[s] - row[s]));
  }
}

}  // namespace

ReplayTable read_replay(const std::filesystem::path& path, const ReplayColumns& columns) {
  return read(sim::CsvReader(path), path.string(), columns);
}

ReplayTable read_replay(std::string name, std::string_view text, const ReplayColumns& columns) {
  return read(sim::CsvReader(name, text), name, columns);
}

std::size_t Replay::series() const {
  std::size_t sum = 0;
  for (const auto& table : tables_) sum += table.columns();
  return sum;
}

void Replay::mean(double from, double to, std::span<double> watts) const {
  std::fill(watts.begin(), watts.end(), 0);
  for (const auto& table : tables_) {
    add_mean(table, from, to, watts.first(table.columns()));
    watts = watts.subspan(table.columns());
  }
}

}  // namespace mw::models
