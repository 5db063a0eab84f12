#pragma once
#include <nlohmann/json.hpp>
#include <string>

#include "models/training/pipeline_frontier.hpp"

// What is told of a pipeline's frontier, and the files of a plan.
namespace mw::analysis {

/// The frontier against other ways to choose clocks.
struct FrontierFigures {
  models::ClockPlan fastest_clocks;              // every op as fast as it can
  models::ClockPlan fastest, cheapest, slowest;  // of the frontier
  double saved_at_equal_time = 0;                // share of the energy of `fastest_clocks`
  // Against the cheapest of the plans with one clock for all.
  double one_clock = 0;  // Hz
  models::ClockPlan one_clock_plan;
  double saved_against_one_clock = 0;       // energy at its time
  double time_saved_against_one_clock = 0;  // time at its energy
};
FrontierFigures frontier_figures(const models::PipelineFrontier& f);

std::string frontier_text(const models::PipelineFrontier& f, const models::PipelineParameters& p,
                          models::CostModel cost, const FrontierFigures& figures,
                          const models::ClockPlan& plan);
nlohmann::ordered_json frontier_json(const models::PipelineFrontier& f,
                                     const models::PipelineParameters& p, models::CostModel cost,
                                     const FrontierFigures& figures, const models::ClockPlan& plan);

/// `points` times from the fastest to the slowest: planned and, with clocks there are, real.
std::string frontier_csv(const models::PipelineFrontier& f, int points);

/// One row an op, in the order of each stage.
std::string plan_csv(const models::PipelineFrontier& f, const models::ClockPlan& plan);
/// For each stage the clocks in the order of its ops, for a runtime to follow.
nlohmann::ordered_json plan_json(const models::PipelineFrontier& f, const models::ClockPlan& plan);
/// The iteration as Chrome trace events (chrome://tracing, Perfetto): a row a stage.
nlohmann::ordered_json trace_json(const models::PipelineFrontier& f, const models::ClockPlan& plan);

}  // namespace mw::analysis
