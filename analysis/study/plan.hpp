#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "analysis/study/design.hpp"
#include "analysis/study/point.hpp"
#include "sim/thread_pool.hpp"

// All runs of a study, with their addresses, before any of them starts.
namespace mw::analysis {

struct PlannedPoint {
  std::size_t combination = 0;  // of the design
  int replicate = 0;
  std::uint64_t seed = 0;
  std::uint64_t key = 0;
  double cost = 0;    // a guess; only ratios count
  std::string error;  // it cannot even be read
};

struct StudyPlan {
  const StudyFile* file = nullptr;
  std::vector<DesignPoint> design;
  std::vector<PlannedPoint> points;  // replicates of a combination side by side
  const DesignPoint& levels(const PlannedPoint& p) const { return design[p.combination]; }
  std::vector<Setting> settings(const PlannedPoint& p) const;
};

/// Reads the points of a design. `problems`, by point: why it cannot be read; then it has an error.
StudyPlan plan_points(const StudyFile& file, std::vector<DesignPoint> design, sim::ThreadPool& pool,
                      std::vector<std::vector<sim::InputError>>& problems);

/// Reads every point of the study's own design. Where a level cannot be read in any combination the
/// study is wrong, and InputProblems says where; a combination that cannot be read is a point with
/// an error.
StudyPlan plan_study_points(const StudyFile& file, sim::ThreadPool& pool);

/// One part of n of the points: every n-th of them, longest first. Counts from 1.
struct Shard {
  int index = 1, of = 1;
  std::string name() const;
};
/// `3/8`; throws InputError.
Shard parse_shard(const std::string& text);

/// Indices of the shard's points, longest first, ties in their order.
std::vector<std::size_t> points_of(const StudyPlan& plan, const Shard& shard);

}  // namespace mw::analysis
