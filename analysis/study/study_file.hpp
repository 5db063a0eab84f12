#pragma once
#include <filesystem>

#include "analysis/study/plan.hpp"
#include "analysis/study/store.hpp"

namespace mw::analysis {

/// A point with all that is known of it: figures, factors, the study's own metrics.
struct StudyRow {
  const PlannedPoint* point = nullptr;
  const PointResult* result = nullptr;  // null: not run yet
  std::vector<double> derived{};        // as study.metrics
  bool feasible = false;                // every constraint holds
  int violated = 0;  // constraints that do not; of a point without figures all, and one more
};

/// A row for each point of the plan, in its order. A metric that reads a name which is nowhere in
/// the study is an InputError.
std::vector<StudyRow> study_rows(const StudyPlan& plan, const Results& results);

/// One HDF5 table of all points (layout in docs/output.md). The same rows give the same bytes;
/// processor times, which differ from run to run, are left out on request.
void write_study_file(const std::filesystem::path& path, const StudyPlan& plan,
                      const std::vector<StudyRow>& rows, bool timing);

}  // namespace mw::analysis
