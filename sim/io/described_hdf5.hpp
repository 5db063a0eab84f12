#pragma once
#include <string>
#include <type_traits>
#include <vector>

#include "sim/describe.hpp"
#include "sim/io/hdf5.hpp"
#include "sim/io/hdf5_table.hpp"
#include "sim/quantity.hpp"

// HDF5 layouts from descriptions: a described struct of plain fields is a set of scalars, or a row
// of a table. Quantities carry their stored unit, enums are written by name, and a field's text is
// its long name, so a file cannot drift from the struct that it shows.
namespace mw::sim::h5 {

namespace detail {

template <class F>
auto stored(const F& field) {
  if constexpr (is_quantity<F>) {
    return field.value;
  } else if constexpr (NamedEnum<F>) {
    return std::string(enum_names(field)[static_cast<std::size_t>(field)]);
  } else if constexpr (std::is_same_v<F, std::string> || std::is_same_v<F, float>) {
    return field;
  } else if constexpr (std::is_floating_point_v<F>) {
    return static_cast<double>(field);
  } else {
    static_assert(std::is_integral_v<F>, "a row holds plain fields only");
    return static_cast<std::int64_t>(field);
  }
}
template <class F>
using StoredAs = decltype(stored(std::declval<const F&>()));

template <class F>
Label label_of(const About& about) {
  if constexpr (is_quantity<F>) return {F::unit::symbol, about.text};
  return {"1", about.text};
}

}  // namespace detail

/// Writes each field as a scalar dataset.
template <Described T>
void write_scalars(const Group& group, const T& values) {
  describe(values, [&](const char* name, const auto& field, const About& about) {
    using F = std::remove_cvref_t<decltype(field)>;
    group.dataset<detail::StoredAs<F>>(name, detail::label_of<F>(about))
        .write(detail::stored(field));
  });
}

/// A table whose columns are the fields of a described struct.
template <Described Row>
class RowTable {
 public:
  explicit RowTable(Table& table) : table_(&table) {
    const Row shape{};
    describe(shape, [&](const char* name, const auto& field, const About& about) {
      using F = std::remove_cvref_t<decltype(field)>;
      columns_.push_back(table.column<detail::StoredAs<F>>(name, detail::label_of<F>(about)).index);
    });
  }
  /// Gives the row's values; the caller adds the coordinate, if there is one, and ends the row.
  void put(const Row& row) {
    std::size_t next = 0;
    describe(row, [&](const char*, const auto& field, const About&) {
      using F = std::remove_cvref_t<decltype(field)>;
      table_->put(Column<detail::StoredAs<F>>{columns_[next++]}, detail::stored(field));
    });
  }

 private:
  Table* table_;
  std::vector<std::size_t> columns_;
};

}  // namespace mw::sim::h5
