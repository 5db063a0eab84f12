#include "analysis/frontier.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "analysis/frontier_report.hpp"
#include "analysis/op_profile.hpp"
#include "analysis/write_file.hpp"
#include "scenarios/problems.hpp"
#include "sim/input_error.hpp"

namespace mw::analysis {
namespace {

using namespace mw::models;

/// The command line's own words where a shape cannot be.
void check_shape(const PipelineParameters& p) {
  sim::Problems problems;
  check(p, problems);
  std::vector<sim::InputError> all;
  for (const auto& item : problems.items)
    all.emplace_back("--" + item.at, 0, 0, item.problem, item.advice);
  if (!all.empty()) throw scenarios::InputProblems(std::move(all));
}

}  // namespace

int plan_from_profile(const FrontierOptions& options) {
  PipelineCosts costs{.pipeline = options.pipeline,
                      .tables = read_op_profile(options.profile),
                      .blocking_power = options.blocking_w,
                      .transfer = options.transfer_s,
                      .cost = options.cost,
                      .step = options.step_s};
  PipelineParameters& p = costs.pipeline;
  if (p.stages == 0) p.stages = stages_of(costs.tables);
  check_shape(p);
  if (2.0 * p.stages * p.microbatches * p.chunks > most_pipeline_ops)
    throw sim::InputError(
        "--microbatches", 0, 0,
        fmt::format("{} stages, {} microbatches and {} chunks are more than {:g} ops", p.stages,
                    p.microbatches, p.chunks, most_pipeline_ops),
        "plan fewer microbatches: the steady part repeats");
  check_complete(costs, options.profile);
  if (options.step_s > 0) {
    for (const OpTable& t : costs.tables)
      for (const OpChoice& c : t.choices)
        if (c.time / options.step_s > 1e6)
          throw sim::InputError(options.profile, 0, 0,
                                fmt::format("an op of {:g} s has more than 1e6 steps of {:g} s",
                                            c.time, options.step_s),
                                "give a longer --step, or none");
  }
  const auto frontier = pipeline_frontier(costs);
  if (!frontier)
    throw sim::InputError(options.profile, 0, 0,
                          "no falling exponential fits the choices of some op",
                          "give a shorter --step, or take --cost piecewise_linear");
  const PipelineFrontier& f = *frontier;
  const ClockPlan plan = options.period_s   ? plan_for_period(f, *options.period_s)
                         : options.cheapest ? plan_at(f, cheapest_time(f))
                                            : plan_at(f, f.frontier.shortest());
  const FrontierFigures figures = frontier_figures(f);
  if (options.json)
    fmt::print("{}\n", frontier_json(f, p, options.cost, figures, plan).dump(2));
  else
    fmt::print("{}: {}", options.profile, frontier_text(f, p, options.cost, figures, plan));
  if (options.period_s && plan.time > *options.period_s * (1 + 1e-9))
    fmt::print(stderr, "millwright: no plan ends within {:g} s; the fastest takes {:.4f} s\n",
               *options.period_s, plan.time);
  if (!options.frontier.empty()) write_file(options.frontier, frontier_csv(f, options.points));
  if (!options.plan.empty())
    write_file(options.plan, options.plan.ends_with(".json") ? plan_json(f, plan).dump(1) + "\n"
                                                             : plan_csv(f, plan));
  if (!options.trace.empty()) write_file(options.trace, trace_json(f, plan).dump() + "\n");
  return 0;
}

}  // namespace mw::analysis
