#include "analysis/plan_command.hpp"

#include <map>
#include <string>

#include "analysis/frontier_study.hpp"

namespace mw::analysis {
namespace {

/// The values of an enum, by name.
template <class E>
std::map<std::string, E> named() {
  std::map<std::string, E> all;
  for (const char* name : enum_names(E{})) all.emplace(name, static_cast<E>(all.size()));
  return all;
}

/// The frontier of a pipeline whose ops were measured.
CLI::Option& add_profile(CLI::App& plan, FrontierOptions& options) {
  auto& profile =
      *plan.add_option("--profile", options.profile, "Measured ops of each stage and clock (CSV)")
           ->type_name("FILE");
  static const auto schedules = named<models::Schedule>();
  plan.add_option("--schedule", options.pipeline.schedule,
                  "Order of the ops: gpipe, 1f1b (default), interleaved, zb_h1, zb_h2, dualpipe")
      ->transform(CLI::CheckedTransformer(schedules).description(""))
      ->type_name("NAME");
  plan.add_option("--stages", options.pipeline.stages,
                  "Pipeline stages; else those of the profile. With chunks, the profile may count "
                  "either stages or all their chunks")
      ->check(CLI::Range(1, 1024))
      ->type_name("N");
  auto* microbatches = plan.add_option("-m,--microbatches", options.pipeline.microbatches,
                                       "Microbatches an iteration")
                           ->check(CLI::Range(1, 65536))
                           ->type_name("N");
  plan.add_option("--chunks", options.pipeline.chunks, "Model chunks of a stage, for interleaved")
      ->check(CLI::Range(1, 64))
      ->type_name("N");
  auto* blocking = plan.add_option("--blocking-power", options.blocking_w,
                                   "Watts of a GPU that waits for its neighbour (A40 70, A100 85)")
                       ->check(CLI::Range(0.0, 1e5))
                       ->type_name("W");
  plan.add_option("--transfer", options.transfer_s, "Seconds from one stage to the next")
      ->check(CLI::Range(0.0, 1e3))
      ->type_name("S");
  static const auto costs = named<models::CostModel>();
  plan.add_option("--cost", options.cost, "piecewise_linear (default) or exponential")
      ->transform(CLI::CheckedTransformer(costs).description(""))
      ->type_name("NAME");
  plan.add_option("--step", options.step_s,
                  "Seconds of the solver's step; else a 200th of the shortest op")
      ->check(CLI::Range(1e-7, 1e4))
      ->type_name("S");
  auto* period = plan.add_option("--period", options.period_s,
                                 "Plan for iterations of S seconds: a straggler's, or those wished "
                                 "for; else the fastest")
                     ->check(CLI::Range(1e-6, 1e6))
                     ->type_name("S");
  plan.add_flag("--cheapest", options.cheapest, "Plan for the least energy")->excludes(period);
  plan.add_option("-o,--output", options.plan, "Write the plan: FILE.json, or else CSV")
      ->type_name("FILE");
  plan.add_option("--frontier", options.frontier, "Write the frontier as CSV")->type_name("FILE");
  plan.add_option("--points", options.points, "Points of that file")
      ->check(CLI::Range(2, 100000))
      ->capture_default_str()
      ->type_name("N");
  plan.add_option("--trace", options.trace, "Write the iteration as Chrome trace events (JSON)")
      ->type_name("FILE");
  profile.needs(microbatches)->needs(blocking);
  return profile;
}

}  // namespace

void add_plan(CLI::App& app, PlanCommand& command) {
  auto& plan = *app.add_subcommand("plan",
                                   "Time, memory and energy of a training step from a plan (YAML), "
                                   "or the time-energy frontier of "
                                   "a pipeline from measured ops (--profile) or of published ones "
                                   "(--study)");
  plan.footer(
      "Plans: docs/models/training.md; profiles: docs/models/training-frontier.md. A profile's "
      "columns: stage, instruction, frequency (MHz), time (s), energy (J).\n"
      "Exit codes: 0 done, 1 failed, 2 bad input, 3 what a plan or study expects does not hold.");
  auto* file = plan.add_option("PLAN", command.step.plan,
                               "Training plan (YAML), as scenarios/train-405b.yaml");
  auto* study =
      plan.add_option(
              "--study", command.study,
              "Published pipelines and what must hold of them (YAML), as in scenarios/claims")
          ->type_name("FILE")
          ->excludes(file);
  plan.add_option("--set", command.step.sets,
                  "Set a value of the plan or the study: --set training.pp=8; may be repeated")
      ->allow_extra_args(false)
      ->type_name("PATH=VALUE");
  plan.add_option("--write-profile", command.step.profile,
                  "Write the ops of each stage and clock, for --profile (CSV)")
      ->type_name("FILE")
      ->needs(file);
  plan.add_option("--write-power", command.step.power,
                  "Write the power of a step, as it is and smoothed, on the grid of `power` (CSV)")
      ->type_name("FILE")
      ->needs(file);
  plan.add_option("--write-run", command.step.run, "Write what the run does when (CSV)")
      ->type_name("FILE")
      ->needs(file);
  add_profile(plan, command.frontier).excludes(file)->excludes(study);
  plan.add_flag("--json", command.json, "Print the figures as JSON");
}

int plan(PlanCommand command) {
  command.step.json = command.frontier.json = command.json;
  if (!command.study.empty()) return plan_study(command.study, command.step.sets, command.json);
  if (!command.frontier.profile.empty()) return plan_from_profile(command.frontier);
  if (command.step.plan.empty()) throw CLI::RequiredError("PLAN, --profile or --study");
  return plan_step(command.step);
}

}  // namespace mw::analysis
