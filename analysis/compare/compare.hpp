#pragma once
#include <string>
#include <vector>

#include "analysis/compare/shown.hpp"

namespace CLI {
class App;
}

namespace mw::analysis {

struct CompareOptions {
  std::vector<std::string> scenarios, sets, changes;
  int replicates = 4, threads = 0;
  Shown shown;
  bool quiet = false;
};
void add_compare(CLI::App& app, CompareOptions& options);

/// `millwright compare`: cases run with the same seeds, and what differs between the first and each
/// other: in the input, in the figures with their intervals, in the ledgers. Returns the exit code;
/// throws InputProblems and InputError.
int compare(const CompareOptions& options);

}  // namespace mw::analysis
