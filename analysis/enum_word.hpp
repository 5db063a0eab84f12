#pragma once
#include <cstddef>

namespace mw::analysis {

/// The word that scenario files and reports have for a value of a described enumeration.
template <class E>
auto name_of(E value) -> decltype(enum_names(value)[0]) {
  return enum_names(value)[static_cast<std::size_t>(value)];
}

}  // namespace mw::analysis
