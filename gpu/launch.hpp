#pragma once
// Steps many identical things: `step(states[i], i)` for every i, on the processor's threads or on a
// GPU. A step is a pure function of its own state (and of parameters it was made with), so the
// backend cannot change a result.
#include <algorithm>
#include <cstddef>
#include <span>
#include <stdexcept>

#include "sim/describe.hpp"
#include "sim/thread_pool.hpp"

namespace mw::gpu {

enum class Backend { cpu, cuda };
inline std::span<const char* const> enum_names(Backend) {
  static constexpr const char* names[] = {"cpu", "cuda"};
  return names;
}

/// Whether this build can run steps on it.
constexpr bool has_backend(Backend backend) {
  return backend == Backend::cpu;
}

/// Configuration calls this once, so that an absent backend is reported before anything runs.
inline void require_backend(Backend backend) {
  if (has_backend(backend)) return;
  throw std::runtime_error("this build has no CUDA backend; choose the backend 'cpu'");
}

/// `block` states go to a thread at a time: many where one is a few nanoseconds of work, one where
/// each is a world of its own.
template <class State, class Step>
void launch(Backend backend, sim::ThreadPool& pool, std::span<State> states, const Step& step,
            std::size_t block = 64) {
  require_backend(backend);
  pool.for_each((states.size() + block - 1) / block, [&](std::size_t b) {
    const std::size_t end = std::min(states.size(), (b + 1) * block);
    for (std::size_t i = b * block; i < end; ++i) step(states[i], i);
  });
}

}  // namespace mw::gpu
