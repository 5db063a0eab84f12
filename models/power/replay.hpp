#pragma once
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sim/io/file_clock.hpp"

// Racks whose power is not computed from work but was measured.
namespace mw::models {

/// Where measured power comes from. Moments are seconds since 1970-01-01T00:00Z.
class MeasuredPower {
 public:
  virtual ~MeasuredPower() = default;
  virtual std::size_t series() const = 0;
  /// Mean of each series between two moments, W.
  virtual void mean(double from, double to, std::span<double> watts) const = 0;
};

/// Columns of one file; straight lines between the rows.
struct ReplayTable {
  std::vector<double> at;    // seconds since 1970, ascending
  std::vector<double> rows;  // [row][column], W
  std::size_t columns() const { return at.empty() ? 0 : rows.size() / at.size(); }
};

/// What to read of a file, and how.
struct ReplayColumns {
  std::string time = "time";
  sim::FileClock clock = sim::FileClock::seconds;
  double start = 0;       // of the run, seconds since 1970
  double utc_offset = 0;  // of moments that do not tell theirs
  double longest_gap = 60;
  struct Column {
    std::string name;
    double watts = 1;  // of one unit of the file
  };
  std::vector<Column> power;
};

/// A CSV table with a header. Missing or negative power, moments out of order and gaps are an
/// InputError at their line and column.
ReplayTable read_replay(const std::filesystem::path& path, const ReplayColumns& columns);
ReplayTable read_replay(std::string name, std::string_view text, const ReplayColumns& columns);

/// Series of several files, in the order of files and columns.
class Replay : public MeasuredPower {
 public:
  explicit Replay(std::vector<ReplayTable> tables) : tables_(std::move(tables)) {}
  std::size_t series() const override;
  void mean(double from, double to, std::span<double> watts) const override;

 private:
  std::vector<ReplayTable> tables_;
};

}  // namespace mw::models
