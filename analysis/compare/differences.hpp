#pragma once
#include <string>
#include <vector>

#include "analysis/study/point.hpp"

// Two cases beside each other: runs of each with the same seeds, paired by seed.
namespace mw::analysis {

/// One scenario, run with each seed.
struct Case {
  std::string name;                  // A, B, ...
  std::string title;                 // file and changes
  std::string resolved;              // every value, as YAML
  std::vector<PointResult> results;  // by seed; the same seeds in all cases
};

/// A figure in two cases. NaN where a case does not have it.
struct FigureDifference {
  ResultFigure figure;
  double from = 0, to = 0;  // means over the seeds
  double difference = 0;    // mean of the differences, seed by seed
  // Half of its 95 % interval: Student's, from the spread of the differences over seeds; with one
  // seed from the intervals of a cohort, taken as independent; NaN where neither tells.
  double half_width = 0;
};

/// Every figure that either case has, in their order.
std::vector<FigureDifference> figure_differences(const Case& from, const Case& to);

/// A total and the parts that add up to it, in two cases.
struct Waterfall {
  struct Part {
    std::string name;
    double from = 0, to = 0;
  };
  std::string name, unit, meaning;
  double from = 0, to = 0;
  std::vector<Part> parts;  // those that are not zero in both
};

/// Where the watts, the joules of a token, the dollars of a token and the tokens went; those that
/// both cases have.
std::vector<Waterfall> waterfalls(const std::vector<FigureDifference>& differences);

/// A value of the input that differs. Empty where a case does not have it.
struct InputDifference {
  std::string path, from, to;
};

/// What differs in two resolved scenarios, leaf by leaf; members of lists go by their `name` where
/// they have one, otherwise by their place, from 0.
std::vector<InputDifference> input_differences(const std::string& from, const std::string& to);

}  // namespace mw::analysis
