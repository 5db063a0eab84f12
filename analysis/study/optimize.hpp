#pragma once
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace mw::analysis {

struct OptimizeOptions {
  std::string study, output, json;
  std::vector<std::string> sets;
  int threads = 0;
  bool quiet = false;
};
void add_optimize(CLI::App& app, OptimizeOptions& options);

/// `millwright optimize`: the combinations of a study's factors that meet its constraints and are
/// best in its objectives, by evolution over runs that are kept as a sweep's are. Returns the exit
/// code: 0 done, 1 stopped or nothing feasible; throws InputProblems and InputError.
int optimize(const OptimizeOptions& options);

}  // namespace mw::analysis
