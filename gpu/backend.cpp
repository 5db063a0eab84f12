#include "gpu/backend.hpp"

#include "gpu/cuda.hpp"
#include "sim/input_error.hpp"

namespace mw::gpu {

std::string missing(Backend backend) {
  return backend == Backend::cpu ? std::string() : cuda_missing();
}

bool has_backend(Backend backend) {
  return missing(backend).empty();
}

void require_backend(Backend backend) {
  const std::string why = missing(backend);
  if (!why.empty()) throw sim::InputError("--backend cuda", 0, 0, why, "choose the backend 'cpu'");
}

Backend choose(Wanted wanted) {
  if (wanted == Wanted::cpu) return Backend::cpu;
  if (wanted == Wanted::cuda) require_backend(Backend::cuda);
  return has_backend(Backend::cuda) ? Backend::cuda : Backend::cpu;
}

}  // namespace mw::gpu
