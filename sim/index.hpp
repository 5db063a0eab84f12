#pragma once
#include <cstddef>
#include <cstdint>

namespace mw::sim {

/// A count or index that is at least 0, as containers want it.
constexpr std::size_t idx(std::int64_t i) {
  return static_cast<std::size_t>(i);
}

}  // namespace mw::sim
