#pragma once
#include <map>
#include <string>
#include <vector>

#include "analysis/validate/predict.hpp"

namespace mw::analysis {

/// What the steady estimate says of a serving point: throughput, gaps between tokens, power. No
/// arrivals are simulated, so thousands of points take milliseconds; times to the first token and
/// power limits are beyond it (`validate` simulates both).
struct SteadyFigures {
  double tok_s = 0, itl_s = 0, tpot_s = 0, gpu_w = 0, j_per_token = 0;
  double batch = 0;  // mean running requests of one engine
};

/// Points of one replica shape, which share a step law.
class SteadyPredictor {
 public:
  /// The points must be of kind serving or wall and fit their GPUs, and their entries read.
  SteadyPredictor(const std::vector<Point>& points, const Entries& entries);

  /// Figures of every point with the entries as they are now.
  std::vector<SteadyFigures> predict() const;

 private:
  struct Shape {
    std::size_t first;  // the point that it was taken from
    models::ReplicaShape shape;
    std::vector<std::size_t> points;
  };
  const std::vector<Point>& points_;
  const Entries& entries_;
  std::vector<Shape> shapes_;
};

}  // namespace mw::analysis
