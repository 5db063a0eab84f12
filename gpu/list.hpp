#pragma once
// What steps on a device keep things in: lists of fixed capacity that lie in flat memory, with the
// words of std::vector, so that one source works on both.
#include <cstddef>
#include <cstdint>

#include "sim/host_device.hpp"
#include "sim/invariant.hpp"

namespace mw::gpu {

/// A list whose elements lie at a fixed distance from the list itself. Memory that holds both can
/// be moved as a whole, between host and device too; a list alone can not.
template <class T>
class FlatList {
 public:
  FlatList() = default;
  FlatList(const FlatList&) = delete;
  FlatList& operator=(const FlatList&) = delete;

  /// To be called once, where the list and its elements are zero bytes.
  void lay(void* elements, std::size_t capacity) {
    distance_ = reinterpret_cast<std::intptr_t>(elements) - reinterpret_cast<std::intptr_t>(this);
    size_ = 0;
    capacity_ = static_cast<std::uint32_t>(capacity);
  }

  /// As many elements as there is room for, which are there already.
  void fill() { size_ = capacity_; }

  MW_HD T* data() {
    return reinterpret_cast<T*>(reinterpret_cast<std::intptr_t>(this) + distance_);
  }
  MW_HD const T* data() const {
    return reinterpret_cast<const T*>(reinterpret_cast<std::intptr_t>(this) + distance_);
  }
  MW_HD std::size_t size() const { return size_; }
  MW_HD std::size_t capacity() const { return capacity_; }
  MW_HD bool empty() const { return size_ == 0; }
  MW_HD T& operator[](std::size_t i) { return data()[i]; }
  MW_HD const T& operator[](std::size_t i) const { return data()[i]; }
  MW_HD T& front() { return data()[0]; }
  MW_HD const T& front() const { return data()[0]; }
  MW_HD T& back() { return data()[size_ - 1]; }
  MW_HD const T& back() const { return data()[size_ - 1]; }
  MW_HD T* begin() { return data(); }
  MW_HD T* end() { return data() + size_; }
  MW_HD const T* begin() const { return data(); }
  MW_HD const T* end() const { return data() + size_; }
  MW_HD void push_back(const T& value) {
    if (size_ == capacity_) overflow();
    data()[size_++] = value;
  }
  MW_HD void pop_back() { --size_; }
  MW_HD void clear() { size_ = 0; }

 private:
  /// Capacities follow from the parameters, so this is a mistake of ours: better to stop.
  MW_HD static void overflow() {
#if defined(__CUDA_ARCH__)
    __trap();
#else
    MW_INVARIANT(false, "a flat list is full");
#endif
  }

  std::int64_t distance_ = 0;
  std::uint32_t size_ = 0, capacity_ = 0;
};

/// Sorts in place, without recursion and in O(n log n): insertion for a few, else a heap. Where
/// elements are equal their order is not kept.
template <class T, class Before>
MW_HD void sort(T* all, std::size_t n, Before before) {
  if (n <= 24) {
    for (std::size_t i = 1; i < n; ++i) {
      const T value = all[i];
      std::size_t at = i;
      for (; at > 0 && before(value, all[at - 1]); --at) all[at] = all[at - 1];
      all[at] = value;
    }
    return;
  }
  const auto sift = [&](std::size_t at, std::size_t size) {
    const T value = all[at];
    for (std::size_t child = 2 * at + 1; child < size; child = 2 * at + 1) {
      if (child + 1 < size && before(all[child], all[child + 1])) ++child;
      if (!before(value, all[child])) break;
      all[at] = all[child];
      at = child;
    }
    all[at] = value;
  };
  for (std::size_t i = n / 2; i-- > 0;) sift(i, n);
  for (std::size_t size = n; --size > 0;) {
    const T last = all[size];
    all[size] = all[0];
    all[0] = last;
    sift(0, size);
  }
}

}  // namespace mw::gpu
