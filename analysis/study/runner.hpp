#pragma once
#include <cstddef>

#include "analysis/study/plan.hpp"
#include "analysis/study/store.hpp"

namespace mw::analysis {

struct RunnerReport {
  std::size_t run = 0, failed = 0;
  double cpu_s = 0, wall_s = 0;
  bool stopped = false;  // by Ctrl-C; what is finished is kept
};

/// Runs those of the plan's points, given by index, that `results` lacks: one thread a point,
/// adds each to the writer and to `results` as it ends. A point waits while the memory that is
/// free would not hold another like the ones that run.
RunnerReport run_points(const StudyPlan& plan, const std::vector<std::size_t>& points,
                        StoreWriter& writer, Results& results, sim::ThreadPool& pool, bool quiet);

}  // namespace mw::analysis
