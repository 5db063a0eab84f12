#pragma once
#include <string>

#include "models/site/summary.hpp"

namespace mw::analysis {

struct RunReport {
  const models::SiteParameters& site;
  const models::SiteState& state;
  bool complete = true;
  double wall_s = 0;
  sim::Time from = 0;
  std::string path;  // of the run's file; empty: none
};

/// One screen for a person.
std::string console_report(const RunReport& report);

/// The same for a program: metrics with units, ledgers, services.
std::string json_report(const RunReport& report);

}  // namespace mw::analysis
