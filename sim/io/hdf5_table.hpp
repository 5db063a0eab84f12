#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sim/io/hdf5.hpp"

namespace mw::sim::h5 {

/// Names a column of a table.
template <Storable T>
struct Column {
  std::size_t index;
};

/// Datasets that grow together along one unlimited dimension: samples along time, events, requests.
/// Rows are gathered in memory and written in blocks; all columns always have the same length in
/// the file, chunked, byte-shuffled and deflated. Memory does not grow with the number of rows.
///
///   Table& series = file.table(site, "time", utc_seconds_since(start, "End of the interval"));
///   const auto power = series.column<double>("meter_power", {"W", "Power at the utility meter"});
///   const auto racks = series.column<float>("power", {"W", "Rack power"}, {rack});
///   ... each sample: series.put(series.coordinate(), t); series.put(power, w); ...
///   series.end_row();
class Table {
 public:
  /// With a label, the dimension has values (a column of float64 named as it); without, it counts.
  Table(Group group, std::string dimension, std::optional<Label> coordinate, int deflate_level);

  /// Columns are made before the first row. `inner` are the dimensions besides the growing one.
  template <Storable T>
  Column<T> column(const std::string& name, const Label& label,
                   const std::vector<Dimension>& inner = {}) {
    return {add(name, type_of<T>, label, inner)};
  }
  Column<double> coordinate() const { return {0}; }

  /// Every column is given once in each row: all its elements, or the one it has.
  template <Storable T>
  void put(Column<T> column, std::span<const T> values) {
    put_raw(column.index, type_of<T>, values.size(), values.data());
  }
  template <Storable T>
  void put(Column<T> column, const T& value) {
    put(column, std::span<const T>(&value, 1));
  }
  void end_row();
  /// Rows ended so far, written or still gathered.
  std::uint64_t rows() const { return written_ + gathered_; }

  /// Writes what is gathered, so that every column has rows() rows in the library's hands.
  void flush();

 private:
  struct Store {
    Handle id;
    std::string where;
    Type type;
    std::vector<std::uint64_t> inner;  // sizes of the inner dimensions
    std::uint64_t width;               // elements in a row
    std::vector<std::byte> numbers;    // gathered rows
    std::vector<std::string> texts;    // or these, where the type is text
    std::uint64_t given = 0;           // rows gathered, the present one included
  };
  std::size_t add(const std::string& name, Type type, const Label& label,
                  const std::vector<Dimension>& inner);
  Handle create(const std::string& name, const Store& store);
  void put_raw(std::size_t index, Type type, std::uint64_t count, const void* values);
  void write(Store& store);
  std::uint64_t row_bytes() const;

  Group group_;
  std::string dimension_;
  int deflate_level_;
  bool has_coordinate_;
  Handle scale_;
  std::vector<Store> columns_;
  std::uint64_t block_rows_ = 0;  // set at the first row
  std::uint64_t written_ = 0, gathered_ = 0;
  bool broken_ = false;  // a block was written in part: the columns may differ in length
};

}  // namespace mw::sim::h5
