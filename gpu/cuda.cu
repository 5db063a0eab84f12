#include "gpu/cuda.hpp"

#include <cuda_runtime.h>

#include <stdexcept>

#include "gpu/check.cuh"
#include "gpu/space.hpp"

namespace mw::gpu {
namespace {

class CudaSpace : public Space {
 public:
  CudaSpace() {
    cudaDeviceProp properties{};
    check(cudaGetDeviceProperties(&properties, 0), "ask for its properties");
    name_ = properties.name;
  }
  Backend backend() const override { return Backend::cuda; }
  std::string name() const override { return name_; }
  std::int64_t free_bytes() const override {
    std::size_t left = 0, all = 0;
    check(cudaMemGetInfo(&left, &all), "ask for its free memory");
    return static_cast<std::int64_t>(left);
  }
  void* take(std::size_t bytes) override {
    void* memory = nullptr;
    const cudaError_t e = cudaMalloc(&memory, bytes);
    if (e != cudaSuccess) {
      cudaGetLastError();  // it is no error of what follows
      throw NoRoom("the CUDA device could not take " + std::to_string(bytes >> 20) +
                   " MB of its memory: " + cudaGetErrorString(e));
    }
    return memory;
  }
  void give_back(void* memory) noexcept override {
    if (memory) cudaFree(memory);
  }
  void put(void* there, const void* here, std::size_t bytes) override {
    check(cudaMemcpy(there, here, bytes, cudaMemcpyHostToDevice), "copy to it");
  }
  void get(void* here, const void* there, std::size_t bytes) const override {
    check(cudaMemcpy(here, there, bytes, cudaMemcpyDeviceToHost), "copy from it");
  }
  void zero(void* there, std::size_t bytes) override {
    check(cudaMemset(there, 0, bytes), "clear its memory");
  }

 private:
  std::string name_;
};

}  // namespace

bool built_with_cuda() {
  return true;
}

std::string cuda_missing() {
  int devices = 0;
  const cudaError_t e = cudaGetDeviceCount(&devices);
  if (e != cudaSuccess)
    return std::string("there is no CUDA device here (") + cudaGetErrorString(e) + ")";
  return devices > 0 ? "" : "there is no CUDA device here";
}

std::unique_ptr<Space> cuda_space() {
  return std::make_unique<CudaSpace>();
}

}  // namespace mw::gpu
