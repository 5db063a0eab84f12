#pragma once
#include "models/compute/step_cost.hpp"
#include "models/inference/counts.hpp"

namespace mw::models {

/// Share of time in which the host processes of engines had work of their own, from what the
/// engines did in `replica_seconds` (replicas x time): iterations and tokens sampled, at the times
/// of the step law. 1: the host sets the pace.
inline double host_work(const StepLinear& linear, const PodCounts& counts, double replica_seconds) {
  return (static_cast<double>(counts.iterations) * linear.host_base +
          static_cast<double>(counts.output_tokens) * linear.host_per_sequence) /
         replica_seconds;
}

}  // namespace mw::models
