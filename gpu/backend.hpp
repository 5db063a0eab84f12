#pragma once
#include <span>
#include <string>

#include "sim/describe.hpp"

namespace mw::gpu {

enum class Backend { cpu, cuda };
inline std::span<const char* const> enum_names(Backend) {
  static constexpr const char* names[] = {"cpu", "cuda"};
  return names;
}

/// What a user may ask for: `automatic` is CUDA where there is a device, else the processor.
enum class Wanted { automatic, cpu, cuda };

/// Whether steps can run on it, here and now.
bool has_backend(Backend backend);

/// Why they cannot, and what to do. Empty if they can.
std::string missing(Backend backend);

/// Configuration calls these once, so that an absent backend is reported before anything runs.
void require_backend(Backend backend);
Backend choose(Wanted wanted);

}  // namespace mw::gpu
