#pragma once
#include <span>
#include <vector>

#include "models/control/power_tree.hpp"

// The most capacity that any sharing of the same watts could offer: what policies are held against.
namespace mw::models {

/// Capacity against power of one kind of work, concave and never falling.
struct CapacityCurve {
  struct Point {
    double power = 0, capacity = 0;
  };
  std::vector<Point> points;  // power rising

  /// Straight between points, flat beyond the last; below the first in proportion to power.
  double at(double power) const;
};

/// The least concave curve that lies on or above all points and does not fall.
CapacityCurve upper_envelope(std::vector<CapacityCurve::Point> points);

/// A group of `gpus` GPUs that work along a curve of one, and could use no more than `useful`.
struct OracleGroup {
  const CapacityCurve* curve = nullptr;  // W and capacity of one GPU; nullptr: it offers nothing
  std::int32_t gpus = 0;
  Milliwatts useful = 0;
};

double offered_capacity(const OracleGroup& group, Milliwatts power);

/// The largest sum of offered capacities with every group between its least and its most and no
/// domain above its room; where not even the least fits, that is given all the same. A linear
/// program over the curves' segments; since domains lie inside each other its sets are laminar, and
/// taking segments from the steepest on, each as far as all domains above it allow, is optimal
/// (greedy on a polymatroid: Federgruen and Groenevelt, "The greedy procedure for resource
/// allocation problems", Operations Research 34 (1986) 909).
double best_capacity(const PowerTree& tree, std::span<const Milliwatts> rooms,
                     std::span<const OracleGroup> groups);

}  // namespace mw::models
