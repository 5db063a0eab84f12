#pragma once
#include <optional>
#include <string>
#include <vector>

#include "models/training/memory.hpp"
#include "models/training/step.hpp"

namespace mw::models {

/// Why the job cannot run, each with the nearest change that can; empty when it can. Names of
/// fields are those of TrainingJob.
std::vector<sim::Problems::Item> plan_problems(const TrainingSetup& setup);

/// The part of them that is no matter of memory: what does not divide.
std::vector<sim::Problems::Item> layout_problems(const TrainingSetup& setup);

/// The job nearest to this one whose memory fits and that divides, found by recomputing more,
/// smaller micro-batches, sharding more, more stages, more tensor- and context-parallel ranks, and
/// two of these together. None: more GPUs are needed.
std::optional<TrainingJob> nearest_fit(const TrainingSetup& setup);

/// What `to` changes of `from`, as a user would write it: `pp: 16, recompute: full`.
std::string changes(const TrainingJob& from, const TrainingJob& to);

}  // namespace mw::models
