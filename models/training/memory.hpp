#pragma once
#include "models/training/step.hpp"
#include "models/training/work.hpp"

namespace mw::models {

/// Where the memory of a GPU goes, bytes, on the stage that needs most.
struct TrainingMemory {
  double weights = 0;  // as stored, with copies for matrix products
  double gradients = 0;
  double optimizer = 0;    // master weights and moments
  double activations = 0;  // of the micro-batches in flight
  double buffers = 0;      // logits; gathered weights of ZeRO-3; what is computed again
  double workspace = 0;
  double usable = 0;  // what there is
  int stage = 0;

  double total() const {
    return weights + gradients + optimizer + activations + buffers + workspace;
  }
  bool fits() const { return total() <= usable; }
};
TrainingMemory training_memory(const TrainingSetup& setup);

/// Bytes that a layer keeps of one micro-batch for its backward pass, on one GPU.
double kept_bytes(const TrainingSetup& setup, const LayerWork& layer);

/// Micro-batches, in units of a whole stage, whose activations stage `stage` holds at most: of 1F1B
/// pp - stage; interleaved pp (1 + (pp - 1)/(pp v)) on the first (Narayanan et al., SC 2021;
/// Korthikanti et al., MLSys 2023, section 4.2.3), two less for each stage on. Never more than
/// there are.
double in_flight(const TrainingJob& job, int stage);

}  // namespace mw::models
