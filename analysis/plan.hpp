#pragma once
#include <string>
#include <vector>

namespace mw::analysis {

struct PlanOptions {
  std::string plan;
  std::vector<std::string> sets;
  std::string profile;     // file to write; empty: none
  std::string power, run;  // the same: power of a step; spans of the run
  bool json = false;
};

/// The `plan` command: time, memory and energy of a training step. Returns the exit code.
int plan_step(const PlanOptions& options);

}  // namespace mw::analysis
