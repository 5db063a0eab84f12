#pragma once
#include <optional>
#include <string>

#include "models/training/pipeline_frontier.hpp"

namespace mw::analysis {

/// `millwright plan --profile`: the time-energy frontier of a pipeline whose ops were profiled, and
/// a clock for each op.
struct FrontierOptions {
  std::string profile;
  models::PipelineParameters pipeline{.schedule = models::Schedule::one_f_one_b,
                                      .stages = 0,  // as many as the profile has
                                      .microbatches = 0,
                                      .chunks = 1};
  double blocking_w = -1;  // to be given
  double transfer_s = 0;
  double step_s = 0;
  models::CostModel cost = models::CostModel::piecewise_linear;
  std::optional<double> period_s;  // else the fastest iteration, or
  bool cheapest = false;
  int points = 100;
  std::string plan, frontier, trace;  // files
  bool json = false;
};

/// Larger pipelines are refused: their steady part repeats.
inline constexpr double most_pipeline_ops = 300e3;

/// Returns the exit code.
int plan_from_profile(const FrontierOptions& options);

}  // namespace mw::analysis
