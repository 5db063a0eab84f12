#pragma once
#include <cstdint>
#include <limits>

#include "models/compute/step_cost.hpp"
#include "models/inference/engine.hpp"
#include "models/inference/prefix_law.hpp"
#include "models/inference/router.hpp"
#include "sim/host_device.hpp"
#include "sim/random.hpp"

namespace mw::models {

inline constexpr std::int64_t no_power_limit = std::numeric_limits<std::int64_t>::max();

/// What the engines of a pod read of its parameters, in flat words.
struct PodLaw {
  EngineParameters engine;
  StepTableView table;
  std::int64_t idle_mw = 0;    // power of a replica's GPUs between iterations, while blocks move
  std::int64_t kv_blocks = 0;  // of a replica
  std::int64_t max_context = no_power_limit;  // prompt and output tokens that the model takes
  std::int64_t ttft_limit_ps = no_power_limit, tpot_limit_ps = no_power_limit;
  RouterPolicy router = RouterPolicy::least_tokens;
  int block_shift = -1;  // of a block size that is a power of two
  sim::Stream router_draws{};
  const PrefixLaw* prefixes = nullptr;  // null: no prefix cache. On the host only

  bool operator==(const PodLaw&) const = default;
};

}  // namespace mw::models
