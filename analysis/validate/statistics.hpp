#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "analysis/validate/point.hpp"
#include "analysis/validate/predict.hpp"

namespace mw::analysis {

/// Relative errors, predicted / measured - 1, of some rows.
struct ErrorSummary {
  std::size_t rows = 0;
  double mape = 0, median = 0, p90 = 0;  // of the absolute errors
  double bias = 0;                       // mean of the signed ones
};
ErrorSummary summarise(const std::vector<double>& errors);

/// The value of rank ceil(q n) of unsorted values; 0 where there are none.
double quantile_of(std::vector<double> values, double q);

struct GroupError {
  std::string group, family;  // family empty: all of the group
  bool clean = false;         // without weak rows; only told where there are some
  Figure figure{};
  ErrorSummary model, baseline;  // baseline.rows 0: it says nothing of this figure
};

/// `kind gpu stack`, or the user's own group.
std::string group_of(const Point& point);

/// Per group, then per family within; all rows, and without the weak ones where there are any.
std::vector<GroupError> group_errors(const std::vector<Point>& points,
                                     const std::vector<Prediction>& predictions);

/// A limit on errors, as people write it: ttft_ms=25.
struct Bar {
  Figure figure{};
  double percent = 0;
};
/// Throws sim::InputError where it is none.
Bar bar_of(const std::string& text);

/// Groups (not families) whose median error exceeds a bar of its figure: of the clean rows where
/// there are weak ones beside them. One line each.
std::vector<std::string> missed_bars(const std::vector<GroupError>& errors,
                                     const std::vector<Bar>& bars);

/// predicted / measured - 1, where both are there.
std::optional<double> error_of(const Point& point, const Prediction& prediction, Figure figure);

}  // namespace mw::analysis
