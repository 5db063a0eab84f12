#pragma once
#include <CLI/CLI.hpp>
#include <string>

#include "analysis/frontier.hpp"
#include "analysis/plan.hpp"

namespace mw::analysis {

/// `millwright plan`: of a YAML plan, of measured ops, or of published pipelines.
struct PlanCommand {
  PlanOptions step;
  FrontierOptions frontier;
  std::string study;
  bool json = false;
};
void add_plan(CLI::App& app, PlanCommand& command);
/// Returns the exit code.
int plan(PlanCommand command);

}  // namespace mw::analysis
