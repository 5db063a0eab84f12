#include <cstdlib>
#include <cstring>
#include <new>
#include <unordered_map>

#include "gpu/space.hpp"

namespace mw::gpu {
namespace {

class HostSpace : public Space {
 public:
  explicit HostSpace(std::int64_t limit) : left_(limit) {}
  Backend backend() const override { return Backend::cpu; }
  std::string name() const override { return "the host's memory"; }
  std::int64_t free_bytes() const override { return left_; }
  void* take(std::size_t bytes) override {
    if (static_cast<std::int64_t>(bytes) > left_) throw NoRoom("the memory set aside is full");
    void* memory = ::operator new (bytes, std::align_val_t{256});
    left_ -= static_cast<std::int64_t>(bytes);
    taken_[memory] = bytes;
    return memory;
  }
  void give_back(void* memory) noexcept override {
    if (!memory) return;
    const auto found = taken_.find(memory);
    left_ += static_cast<std::int64_t>(found->second);
    taken_.erase(found);
    ::operator delete (memory, std::align_val_t{256});
  }
  void put(void* there, const void* here, std::size_t bytes) override {
    std::memcpy(there, here, bytes);
  }
  void get(void* here, const void* there, std::size_t bytes) const override {
    std::memcpy(here, there, bytes);
  }
  void zero(void* there, std::size_t bytes) override { std::memset(there, 0, bytes); }

 private:
  std::int64_t left_;
  std::unordered_map<void*, std::size_t> taken_;
};

}  // namespace

std::unique_ptr<Space> host_space(std::int64_t limit) {
  return std::make_unique<HostSpace>(limit);
}

}  // namespace mw::gpu
