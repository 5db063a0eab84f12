#pragma once
// Memory that steps work in: the host's own, or a device's. Whoever owns flat state talks to it
// through these words alone.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "gpu/backend.hpp"

namespace mw::gpu {

/// A space is full.
struct NoRoom : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class Space {
 public:
  virtual ~Space() = default;
  virtual Backend backend() const = 0;
  virtual std::string name() const = 0;
  /// Bytes that can still be taken.
  virtual std::int64_t free_bytes() const = 0;
  virtual void* take(std::size_t bytes) = 0;  // throws NoRoom
  virtual void give_back(void* memory) noexcept = 0;
  virtual void put(void* there, const void* here, std::size_t bytes) = 0;
  virtual void get(void* here, const void* there, std::size_t bytes) const = 0;
  virtual void zero(void* there, std::size_t bytes) = 0;
};

/// Ordinary memory: what a device does, on the host. `limit`: the most that can be taken.
std::unique_ptr<Space> host_space(std::int64_t limit = INT64_MAX);

/// The memory of the first CUDA device. Precondition: has_backend(Backend::cuda).
std::unique_ptr<Space> cuda_space();

/// An array in a space. Grows, and never keeps what it held when it does.
template <class T>
class Buffer {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  explicit Buffer(Space& space) : space_(&space) {}
  Buffer(Buffer&& o) noexcept
      : space_(o.space_), data_(std::exchange(o.data_, nullptr)), capacity_(o.capacity_) {}
  Buffer& operator=(Buffer&& o) noexcept {
    std::swap(space_, o.space_);
    std::swap(data_, o.data_);
    std::swap(capacity_, o.capacity_);
    return *this;
  }
  ~Buffer() { space_->give_back(data_); }

  T* data() const { return data_; }
  std::size_t bytes() const { return capacity_ * sizeof(T); }
  void at_least(std::size_t count) {
    if (count <= capacity_) return;
    space_->give_back(data_);
    data_ = nullptr;
    capacity_ = 0;
    const std::size_t wanted = count + count / 4;  // epochs differ a little
    data_ = static_cast<T*>(space_->take(wanted * sizeof(T)));
    capacity_ = wanted;
  }
  void put(std::span<const T> here) {
    at_least(here.size());
    if (!here.empty()) space_->put(data_, here.data(), here.size_bytes());
  }
  void get(std::span<T> here) const {
    if (!here.empty()) space_->get(here.data(), data_, here.size_bytes());
  }
  void zero(std::size_t count) {
    at_least(count);
    if (count > 0) space_->zero(data_, count * sizeof(T));
  }

 private:
  Space* space_;
  T* data_ = nullptr;
  std::size_t capacity_ = 0;
};

}  // namespace mw::gpu
