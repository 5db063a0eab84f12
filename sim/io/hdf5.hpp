#pragma once
#include <concepts>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/output_error.hpp"

// The one place that speaks to the HDF5 library, through its C interface. What is written follows
// the netCDF-4 and CF conventions, so that h5py, xarray (h5netcdf and netcdf4) and Panoply read it:
// dimension scales, `units` and `long_name` on every dataset, UTF-8 text, little-endian numbers, no
// time stamps of its own. What cannot be written is an OutputError. One thread at a time.
namespace mw::sim::h5 {

/// An HDF5 identifier, released at the end of its life. Shared: groups and datasets are names of
/// things in a file and are passed around by value.
using Handle = std::shared_ptr<const std::int64_t>;

/// What a stored number means. Units are as UDUNITS writes them ("W", "kg s-1", "1").
struct Label {
  std::string units, long_name;
  std::vector<std::pair<std::string, std::string>> attributes = {};  // further ones
};
/// A time axis of CF: seconds (float64) since a moment, UTC.
Label utc_seconds_since(std::int64_t unix_ns, std::string long_name);

/// A named axis that datasets of one group (and the groups below it) share.
struct Dimension {
  std::string name;
  std::uint64_t size = 0;
  Handle scale;
};

/// How elements are stored. Text is UTF-8 of any length.
enum class Type { f64, f32, i64, i32, text };
template <class T>
inline constexpr Type type_of = Type::text;
template <>
inline constexpr Type type_of<double> = Type::f64;
template <>
inline constexpr Type type_of<float> = Type::f32;
template <>
inline constexpr Type type_of<std::int64_t> = Type::i64;
template <>
inline constexpr Type type_of<std::int32_t> = Type::i32;
template <class T>
concept Storable = std::same_as<T, double> || std::same_as<T, float> ||
    std::same_as<T, std::int64_t> || std::same_as<T, std::int32_t> || std::same_as<T, std::string>;

/// A dataset of fixed size. Until it is written it reads as NaN (floating point), -1 (whole
/// numbers) or empty text.
class Dataset {
 public:
  Dataset(Handle id, std::string where, Type type, std::uint64_t elements);

  template <Storable T>
  void write(std::span<const T> values) {
    write_raw(type_of<T>, values.size(), values.data());
  }
  template <Storable T>
  void write(const std::vector<T>& values) {
    write(std::span<const T>(values));
  }
  template <Storable T>
  void write(const T& value) {
    write(std::span<const T>(&value, 1));
  }
  void attribute(const std::string& name, std::string_view text);
  void attribute(const std::string& name, double value);

 private:
  void write_raw(Type type, std::uint64_t count, const void* values);

  Handle id_;
  std::string where_;  // file and path within it, for messages
  Type type_;
  std::uint64_t elements_;
};

class Group {
 public:
  Group(Handle id, std::string where);

  Group group(const std::string& name) const;

  // Attributes; one that stands already is replaced.
  void attribute(const std::string& name, std::string_view text) const;
  void attribute(const std::string& name, std::int64_t value) const;
  void attribute(const std::string& name, double value) const;

  /// An axis whose positions have names, or values.
  Dimension dimension(const std::string& name, const std::vector<std::string>& names,
                      const Label& label) const;
  Dimension dimension(const std::string& name, const std::vector<double>& values,
                      const Label& label) const;

  /// A dataset along these dimensions; a scalar without any.
  template <Storable T>
  Dataset dataset(const std::string& name, const Label& label,
                  const std::vector<Dimension>& dimensions = {}) const {
    return create(name, type_of<T>, label, dimensions);
  }

  std::int64_t id() const { return *id_; }
  const std::string& where() const { return where_; }

 private:
  Dataset create(const std::string& name, Type type, const Label& label,
                 const std::vector<Dimension>& dimensions) const;

  Handle id_;
  std::string where_;
};

/// Reads what was written: a run's file, for reports and comparisons. What cannot be read is an
/// InputError.
class Reader {
 public:
  explicit Reader(const std::filesystem::path& path);

  bool has(const std::string& path) const;
  /// Names of the groups and datasets in a group, in the order of their creation.
  std::vector<std::string> names(const std::string& group) const;
  std::vector<std::uint64_t> shape(const std::string& dataset) const;
  std::vector<double> numbers(const std::string& dataset) const;
  std::vector<std::int64_t> integers(const std::string& dataset) const;
  std::vector<std::string> texts(const std::string& dataset) const;
  bool has_attribute(const std::string& object, const std::string& name) const;
  std::string text_attribute(const std::string& object, const std::string& name) const;
  double number_attribute(const std::string& object, const std::string& name) const;

 private:
  std::string where_;
  Handle id_;
};

}  // namespace mw::sim::h5
