#pragma once
#include "models/training/step.hpp"
#include "models/training/work.hpp"

namespace mw::models {

/// One micro-batch through one layer, or through head and loss, on one GPU: exposed seconds and
/// joules of work, by class; forward and backward.
struct PassCost {
  TrainingTable time, energy;
  void add(const PassCost& more, double times = 1) {
    time.add(more.time, times);
    energy.add(more.energy, times);
  }
};
PassCost layer_pass(const TrainingSetup& setup, const Fabric& fabric, const LayerWork& layer,
                    double clock);
PassCost head_pass(const TrainingSetup& setup, double clock);

/// Gradients and weights among data-parallel ranks, and the optimizer, once a step (exchanges of
/// ZeRO-3: once a micro-batch), for the dense and expert weights that a GPU holds.
PassCost step_end(const TrainingSetup& setup, const Fabric& fabric, double dense_weights,
                  double expert_weights);

/// Stored bytes of a weight as matrix products read it.
double product_bytes(TrainingPrecision precision);

}  // namespace mw::models
