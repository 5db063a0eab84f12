#pragma once
#include <span>

#include "models/inference/pod.hpp"

namespace mw::models {

/// advance() with the jump engine (jump_replica.hpp).
void advance_jumping(PodState& pod, const PodParameters& parameters,
                     std::span<const Arrival> arrivals, sim::Time until, PodEpoch& epoch);

}  // namespace mw::models
