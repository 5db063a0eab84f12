#pragma once
#include <functional>
#include <vector>

#include "analysis/validate/point.hpp"
#include "analysis/validate/predict.hpp"

namespace mw::analysis {

/// Predicts the points of kind cap: what the engines' law and their choice of clock make of work
/// that is known by its power without a limit. Points without `compute_share` or `waits` get those,
/// in twentieths, that meet the measured speeds (and, for waits, powers) of all such points of
/// their sweep best, by the sum of absolute relative errors; they are then fitted, not predicted.
void predict_cap(const std::vector<Point>& points, const Entries& entries,
                 std::vector<Prediction>& predictions, const std::function<void()>& done);

}  // namespace mw::analysis
