#pragma once
#include <array>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "sim/quantity.hpp"
#include "sim/time.hpp"

// Each struct is described once, by a free function beside it:
//
//   template <Describes<PumpParameters> Self>
//   void describe(Self& self, auto&& visit) {
//     visit("head", self.head, About{.text = "Pressure rise at the rated flow", .min = 0});
//   }
//
// Reading YAML, printing, JSON Schema, the reference pages, checkpoints and HDF5 layouts are
// visitors of that one description, so none of them can drift from the struct. A visitor is any
// callable (const char* name, Field& field, const About& about).
namespace mw::sim {

/// What is said of a field besides its name and type. Limits are in the field's stored unit.
struct About {
  const char* text = "";  // one sentence; becomes help text and documentation
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
  bool required = false;  // otherwise the struct's own initial value is the default
};

/// `Self` is T or const T: lets one describe() serve readers and writers.
template <class Self, class T>
concept Describes = std::is_same_v<std::remove_const_t<Self>, T>;

struct AnyVisitor {
  template <class F>
  void operator()(const char*, F&, const About&) const {}
};
template <class T>
concept Described = requires(T& t, AnyVisitor v) {
  describe(t, v);
};

/// Moments finer than a nanosecond are state of many models, so they archive too.
template <Describes<FineTime> Self>
void describe(Self& self, auto&& visit) {
  visit("ns", self.ns, About{.text = "Whole nanoseconds"});
  visit("ps", self.ps, About{.text = "Picoseconds beyond them", .min = 0, .max = 999});
}

/// How sure a figure is. Order matters: later is surer.
enum class Confidence { assumed, data_sheet, calibrated, measured };
inline std::span<const char* const> enum_names(Confidence) {
  static constexpr const char* names[] = {"assumed", "data_sheet", "calibrated", "measured"};
  return names;
}
/// An enum is described by enum_names(E): its names in the order of its values, which count from 0.
template <class E>
concept NamedEnum = std::is_enum_v<E> && requires(E e) {
  enum_names(e);
};

/// A figure with its origin. In YAML: {value: 3.35 TB/s, confidence: data_sheet, source: "..."};
/// written bare it is taken as the author's own and marked `assumed`, source "scenario".
template <class T>
struct Sourced {
  T value{};
  Confidence confidence = Confidence::assumed;
  std::string source;
};
template <class T>
inline constexpr bool is_sourced = false;
template <class T>
inline constexpr bool is_sourced<Sourced<T>> = true;

/// A catalog entry used in place: in YAML its name (`gpu: h100_sxm`), or a block that extends one
/// (`gpu: {extends: h100_sxm, tdp: 600 W}`), or a whole block. T::catalog names the folder.
template <class T>
struct Entry {
  std::string name;
  T value{};
};
template <class T>
inline constexpr bool is_entry = false;
template <class T>
inline constexpr bool is_entry<Entry<T>> = true;

template <class T>
inline constexpr bool is_array = false;
template <class T, std::size_t n>
inline constexpr bool is_array<std::array<T, n>> = true;

template <class T>
inline constexpr bool is_vector = false;
template <class T>
inline constexpr bool is_vector<std::vector<T>> = true;
template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;

/// Described structs that stand in lists and have a `std::string name` are addressed by it:
/// `racks[a].count`.
template <class T>
concept NamedItem = Described<T> && requires(T t) {
  { t.name } -> std::convertible_to<std::string>;
};

/// Rules that span fields: overload `void check(const T&, Problems&)` beside the struct. The reader
/// calls it when every field has been read; `at` is a field name (or "" for the whole).
struct Problems {
  struct Item {
    std::string at, problem, advice;
  };
  std::vector<Item> items;
  void add(std::string at, std::string problem, std::string advice) {
    items.push_back({std::move(at), std::move(problem), std::move(advice)});
  }
};
template <class T>
concept Checked = requires(const T& t, Problems& p) {
  check(t, p);
};

}  // namespace mw::sim
