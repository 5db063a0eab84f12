#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "sim/describe.hpp"

namespace mw::sim {

/// The last few of a sequence. A value like any other: copied and archived with its owner.
template <class T>
struct Ring {
  std::vector<T> slots;      // slots.size() is the capacity once full
  std::uint64_t pushed = 0;  // ever

  void push(const T& item, std::size_t capacity) {
    if (slots.size() < capacity) {
      slots.push_back(item);
    } else {
      slots[pushed % capacity] = item;
    }
    ++pushed;
  }
  std::size_t size() const { return slots.size(); }
  /// The i-th newest, 0 <= i < size(). The capacity given to push() must not change.
  const T& newest(std::size_t i) const { return slots[(pushed - 1 - i) % slots.size()]; }
};

template <class Self>
concept DescribesRing = requires(Self& s) {
  []<class T>(const Ring<T>&) {}(s);
};
template <DescribesRing Self>
void describe(Self& self, auto&& visit) {
  visit("slots", self.slots, About{.text = "Kept items, in the order of a ring"});
  visit("pushed", self.pushed, About{.text = "Items ever pushed"});
}

}  // namespace mw::sim
