#pragma once
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "sim/describe.hpp"
#include "sim/moment.hpp"
#include "sim/units.hpp"

// What a described C++ type looks like from outside: a table made once per type from its
// describe(), which the reader, the writers and the schema walk. Templates end here; all that
// follows is compiled once.
namespace mw::scenarios {

struct Type;
/// A function, not a reference: types may contain themselves (a list of themselves).
using TypeOf = const Type& (*)();

struct Field {
  std::string name;
  sim::About about;
  TypeOf type;
  std::size_t offset;
};

struct Type {
  enum class Kind {
    boolean,
    integer,
    number,
    text,
    quantity,
    duration,
    instant,
    choice,
    structure,
    list,
    optional,
    sourced,
    entry,
    number_or
  };
  Kind kind;

  // structure
  std::string name{};  // of the C++ struct, without its namespace
  std::vector<Field> fields{};
  const void* prototype = nullptr;  // holds the initial values, which are the defaults
  void (*check)(const void*, sim::Problems&) = nullptr;
  int name_field = -1;  // the field that addresses an item of a list

  // quantity
  sim::UnitContext unit{};

  // choice
  std::vector<std::string> choices{};

  // integer: the range of the C++ type, as whole numbers
  std::int64_t lowest = 0;
  std::uint64_t highest = 0;

  // entry, and the structure in it: the kind of catalog
  const char* catalog = "";

  // list, optional, sourced, entry, number_or (the number)
  TypeOf item = nullptr;
  TypeOf word = nullptr;       // number_or
  std::size_t fixed_size = 0;  // list that is a std::array

  // Access to values behind a pointer to the C++ object.
  void (*set_number)(void*, double) = nullptr;  // number, quantity
  double (*get_number)(const void*) = nullptr;
  void (*set_integer)(void*, std::int64_t, bool) = nullptr;  // the bits; true: of a std::uint64_t
  std::int64_t (*get_integer)(const void*) = nullptr;        // integer, choice (its index)
  void* (*append)(void*) = nullptr;                          // list: a new last item
  void (*clear)(void*) = nullptr;                            // list, optional
  std::size_t (*size)(const void*) = nullptr;                // list; optional: 0 or 1
  void* (*at)(void*, std::size_t) = nullptr;                 // list, optional (engaged)
  void* (*value)(void*) = nullptr;                           // sourced, entry: the value
  void* (*label)(void*) = nullptr;       // entry: its name; sourced: its source (std::string)
  void* (*confidence)(void*) = nullptr;  // sourced

  const void* item_at(const void* list, std::size_t i) const {
    return at(const_cast<void*>(list), i);
  }
  const void* value_of(const void* holder) const { return value(const_cast<void*>(holder)); }
  const std::string& label_of(const void* holder) const {
    return *static_cast<const std::string*>(label(const_cast<void*>(holder)));
  }
  const Field* field(std::string_view wanted) const {
    for (const Field& f : fields)
      if (f.name == wanted) return &f;
    return nullptr;
  }
};

inline void* field_of(void* object, const Field& field) {
  return static_cast<char*>(object) + field.offset;
}
inline const void* field_of(const void* object, const Field& field) {
  return static_cast<const char*>(object) + field.offset;
}

/// `mw::models::PumpParameters` is called `PumpParameters`.
std::string short_type_name(const char* pretty_function);

template <class T>
const Type& type_of();

namespace detail {

template <class T>
inline constexpr bool always_false = false;

template <class T>
const char* signature() {
  return __PRETTY_FUNCTION__;
}

template <class T>
Type make_integer() {
  Type type{.kind = Type::Kind::integer};
  type.lowest = static_cast<std::int64_t>(std::numeric_limits<T>::min());
  type.highest = static_cast<std::uint64_t>(std::numeric_limits<T>::max());
  type.set_integer = [](void* p, std::int64_t v, bool) { *static_cast<T*>(p) = static_cast<T>(v); };
  type.get_integer = [](const void* p) {
    return static_cast<std::int64_t>(*static_cast<const T*>(p));
  };
  return type;
}

template <class T>
Type make_choice() {
  Type type{.kind = Type::Kind::choice};
  for (const char* name : enum_names(T{})) type.choices.emplace_back(name);
  type.name = short_type_name(signature<T>());
  type.set_integer = [](void* p, std::int64_t v, bool) { *static_cast<T*>(p) = static_cast<T>(v); };
  type.get_integer = [](const void* p) {
    return static_cast<std::int64_t>(*static_cast<const T*>(p));
  };
  return type;
}

template <class T>
Type make_list() {
  using Item = typename T::value_type;
  static_assert(!std::is_same_v<Item, bool>, "use std::vector<std::uint8_t> or an enum");
  Type type{.kind = Type::Kind::list};
  type.item = &type_of<Item>;
  type.size = [](const void* p) { return static_cast<const T*>(p)->size(); };
  type.at = [](void* p, std::size_t i) -> void* { return &(*static_cast<T*>(p))[i]; };
  if constexpr (sim::is_array<T>) {
    type.fixed_size = std::tuple_size_v<T>;
  } else {
    type.append = [](void* p) -> void* { return &static_cast<T*>(p)->emplace_back(); };
    type.clear = [](void* p) { static_cast<T*>(p)->clear(); };
  }
  return type;
}

template <class T>
Type make_optional() {
  using Item = typename T::value_type;
  Type type{.kind = Type::Kind::optional};
  type.item = &type_of<Item>;
  type.append = [](void* p) -> void* { return &static_cast<T*>(p)->emplace(); };
  type.clear = [](void* p) { static_cast<T*>(p)->reset(); };
  type.size = [](const void* p) -> std::size_t {
    return static_cast<const T*>(p)->has_value() ? 1 : 0;
  };
  type.at = [](void* p, std::size_t) -> void* { return &**static_cast<T*>(p); };
  return type;
}

template <class T>
Type make_structure() {
  Type type{.kind = Type::Kind::structure};
  type.name = short_type_name(signature<T>());
  static const T prototype{};
  type.prototype = &prototype;
  describe(prototype, [&]<class F>(const char* name, const F& field, const sim::About& about) {
    const auto offset =
        reinterpret_cast<const char*>(&field) - reinterpret_cast<const char*>(&prototype);
    type.fields.push_back({name, about, &type_of<F>, static_cast<std::size_t>(offset)});
    if constexpr (sim::NamedItem<T>) {
      if constexpr (std::is_same_v<F, std::string>)
        if (&field == &prototype.name) type.name_field = static_cast<int>(type.fields.size()) - 1;
    }
  });
  if constexpr (requires { T::catalog; }) type.catalog = T::catalog;
  if constexpr (sim::Checked<T>)
    type.check = [](const void* p, sim::Problems& problems) {
      check(*static_cast<const T*>(p), problems);
    };
  return type;
}

template <class T>
Type make_type() {
  using Kind = Type::Kind;
  if constexpr (std::is_same_v<T, bool>) {
    Type type{.kind = Kind::boolean};
    type.set_integer = [](void* p, std::int64_t v, bool) { *static_cast<bool*>(p) = v != 0; };
    type.get_integer = [](const void* p) -> std::int64_t { return *static_cast<const bool*>(p); };
    return type;
  } else if constexpr (std::is_integral_v<T>) {
    return make_integer<T>();
  } else if constexpr (std::is_floating_point_v<T>) {
    Type type{.kind = Kind::number};
    type.set_number = [](void* p, double v) { *static_cast<T*>(p) = static_cast<T>(v); };
    type.get_number = [](const void* p) -> double { return *static_cast<const T*>(p); };
    return type;
  } else if constexpr (std::is_same_v<T, std::string>) {
    return Type{.kind = Kind::text};
  } else if constexpr (sim::is_quantity<T>) {
    Type type{.kind = Kind::quantity};
    type.unit = {T::unit::symbol, T::unit::display, std::is_same_v<T, sim::Temperature>};
    type.set_number = [](void* p, double v) { static_cast<T*>(p)->value = v; };
    type.get_number = [](const void* p) -> double { return static_cast<const T*>(p)->value; };
    return type;
  } else if constexpr (std::is_same_v<T, sim::Duration>) {
    return Type{.kind = Kind::duration};
  } else if constexpr (std::is_same_v<T, sim::Instant>) {
    return Type{.kind = Kind::instant};
  } else if constexpr (sim::NamedEnum<T>) {
    return make_choice<T>();
  } else if constexpr (sim::is_vector<T> || sim::is_array<T>) {
    return make_list<T>();
  } else if constexpr (sim::is_optional<T>) {
    return make_optional<T>();
  } else if constexpr (sim::is_sourced<T>) {
    Type type{.kind = Kind::sourced};
    type.item = &type_of<decltype(T::value)>;
    type.value = [](void* p) -> void* { return &static_cast<T*>(p)->value; };
    type.label = [](void* p) -> void* { return &static_cast<T*>(p)->source; };
    type.confidence = [](void* p) -> void* { return &static_cast<T*>(p)->confidence; };
    return type;
  } else if constexpr (sim::is_entry<T>) {
    Type type{.kind = Kind::entry};
    type.item = &type_of<decltype(T::value)>;
    type.catalog = decltype(T::value)::catalog;
    type.value = [](void* p) -> void* { return &static_cast<T*>(p)->value; };
    type.label = [](void* p) -> void* { return &static_cast<T*>(p)->name; };
    return type;
  } else if constexpr (sim::is_number_or<T>) {
    Type type{.kind = Kind::number_or};
    using Number = typename decltype(T::number)::value_type;
    type.item = &type_of<Number>;
    type.word = &type_of<decltype(T::word)>;
    type.append = [](void* p) -> void* { return &static_cast<T*>(p)->number.emplace(); };
    type.clear = [](void* p) { static_cast<T*>(p)->number.reset(); };
    type.size = [](const void* p) -> std::size_t {
      return static_cast<const T*>(p)->number.has_value() ? 1 : 0;
    };
    type.at = [](void* p, std::size_t) -> void* { return &*static_cast<T*>(p)->number; };
    type.value = [](void* p) -> void* { return &static_cast<T*>(p)->word; };
    return type;
  } else if constexpr (sim::Described<T>) {
    return make_structure<T>();
  } else {
    static_assert(always_false<T>, "a field of this type cannot be read: describe() it");
  }
}

}  // namespace detail

template <class T>
const Type& type_of() {
  static const Type type = detail::make_type<T>();
  return type;
}

}  // namespace mw::scenarios
