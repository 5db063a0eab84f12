#pragma once
#include <functional>
#include <vector>

#include "analysis/validate/predict.hpp"

namespace mw::analysis {

/// Predicts the points of kinds image and video, into the places that `predictions` has for them:
/// from the catalog's measured runs, and `with_table` from all of the public table, if it is there.
void predict_items(const std::vector<Point>& points, std::vector<Prediction>& predictions,
                   const scenarios::Catalog& catalog, bool with_table,
                   const std::function<void()>& done);

}  // namespace mw::analysis
