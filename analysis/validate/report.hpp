#pragma once
#include <string>
#include <vector>

#include "analysis/validate/intervals.hpp"
#include "analysis/validate/point.hpp"
#include "analysis/validate/predict.hpp"

namespace mw::analysis {

/// All that `validate` found out about its files.
struct Comparison {
  std::vector<Point> points;
  std::vector<Prediction> predictions;  // as many
  std::vector<std::string> files;       // of each point
  std::vector<std::string> defaults, warnings, problems;
  std::size_t rows = 0;  // read, the ones that could not be predicted included
};

/// The report for people: groups, families, worst rows.
std::string comparison_text(const Comparison& all, const Intervals& intervals, int worst);
/// One record per row, and the summaries.
std::string comparison_json(const Comparison& all, const Intervals& intervals);
std::string comparison_csv(const Comparison& all, const Intervals& intervals);

/// A text as one field of a CSV file.
std::string csv_field(const std::string& text);

/// The regime in a word or two: `memory`, `compute at the power ceiling`.
std::string regime_of(const Prediction& prediction);

}  // namespace mw::analysis
