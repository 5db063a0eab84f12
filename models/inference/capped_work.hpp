#pragma once
#include "models/compute/gpu.hpp"
#include "models/compute/step_table.hpp"

namespace mw::models {

/// Work of which only measurements are known (a training script, a benchmark): what one GPU draws
/// without a limit, and what its time is spent on.
struct MeasuredWork {
  double watts = 0;          // W, mean without a limit
  double compute_share = 0;  // of the time that kernels run: what stretches with 1 / clock, 0 to 1
  double waits = 0;          // share of all time in which the GPU waits, at idle power; below 1
};

/// What a power limit makes of it, by the same table, law and choice of clock as an engine's
/// iteration (`level_for_power`, `step_value`).
class CappedWork {
 public:
  /// Precondition: watts > 0, shares as above.
  CappedWork(const GpuParameters& gpu, const MeasuredWork& work);

  struct Response {
    double speed = 1;  // relative to no limit
    double watts = 0;  // W, mean, waiting included
    double clock = 1;  // f / f_max while kernels run
  };
  /// `limit` in W; below what the lowest clock draws, that clock.
  Response under(double limit) const;
  /// Without a limit but the GPU's own ceiling: speed 1.
  Response free() const { return respond(0); }

 private:
  Response respond(int level) const;
  StepTable table_;
  double waits_ = 0, idle_ = 0;
};

}  // namespace mw::models
