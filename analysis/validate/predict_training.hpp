#pragma once
#include <functional>
#include <vector>

#include "analysis/validate/predict.hpp"

namespace mw::analysis {

/// Predicts the points of kind training in place.
void predict_training(const std::vector<Point>& points, const Entries& entries,
                      std::vector<Prediction>& predictions, const scenarios::Catalog& catalog,
                      const std::function<void()>& done);

}  // namespace mw::analysis
