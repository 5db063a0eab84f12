#pragma once
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace mw::analysis {

struct CompareOptions {
  std::vector<std::string> scenarios, sets, changes, show;
  int replicates = 4, threads = 0;
  std::string json;
  bool all = false, quiet = false;
};
void add_compare(CLI::App& app, CompareOptions& options);

/// `millwright compare`: cases run with the same seeds, and what differs between the first and each
/// other: in the input, in the figures with their intervals, in the ledgers. Returns the exit code;
/// throws InputProblems and InputError.
int compare(const CompareOptions& options);

}  // namespace mw::analysis
