#pragma once
#include <string>
#include <vector>

#include "analysis/compare/shown.hpp"

namespace CLI {
class App;
}

namespace mw::analysis {

struct BranchOptions {
  std::string from, folder = ".";  // from: RUN.h5@MOMENT
  std::vector<std::string> sets;
  Shown shown;
  int threads = 0;
  bool quiet = false;
};
void add_branch(CLI::App& app, BranchOptions& options);

/// `millwright branch`: a run told again up to a moment, then on as it was and with changes, with
/// the same random numbers, and where the difference went. Returns the exit code; throws
/// InputProblems and InputError.
int branch(const BranchOptions& options);

}  // namespace mw::analysis
