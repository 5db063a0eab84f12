#pragma once
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "models/site/epoch.hpp"
#include "models/site/summary.hpp"
#include "scenarios/scenario.hpp"
#include "sim/io/published_file.hpp"

namespace mw::analysis {

/// What a run writes about itself before it starts.
struct RunMeta {
  std::string version, backend;
  std::string scenario_given, scenario_resolved;
  sim::Time from = 0;  // not 0 where it resumes
};

/// How often the series are sampled. Periods that would make a file larger than the budget are
/// raised to whole multiples; `raised` says so in words.
struct SamplePlan {
  sim::Time site_period = 0, rack_period = 0;
  sim::Time group_period = 0;  // 0: none are written
  std::string raised;
};
SamplePlan plan_samples(const models::SiteParameters& site, const scenarios::OutputBlock& output);

/// The HDF5 file of one run: all groups and datasets stand from the start, rows follow as the run
/// goes on, and others may open it at any moment. Layout in docs/output.md.
class RunFile {
 public:
  RunFile(const std::filesystem::path& path, const models::SiteParameters& site,
          const RunMeta& meta, const SamplePlan& plan, bool requests);
  ~RunFile();
  RunFile(const RunFile&) = delete;
  RunFile& operator=(const RunFile&) = delete;

  /// Takes in one epoch; writes the rows that fall due.
  void add(const models::SiteEpoch& epoch, const models::SiteState& state);
  void event(sim::Time t, const std::string& kind, const std::string& object,
             const std::string& detail);
  /// Ledgers, latencies and summary as they stand at the end; `complete` marks the file so.
  void finish(const models::SiteState& state, bool complete);

 private:
  struct Series;
  std::unique_ptr<Series> series_;
};

}  // namespace mw::analysis
