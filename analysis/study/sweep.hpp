#pragma once
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace mw::analysis {

struct SweepOptions {
  enum class What { everything, plan, run, merge } what = What::everything;
  std::string study;
  std::vector<std::string> sets;
  std::string output;  // empty: <name>.h5
  std::string shard;   // empty: all of it
  int threads = 0;
  bool quiet = false, check_complete = false, no_timing = false, retry = false;
};

void add_sweep(CLI::App& app, SweepOptions& options);

/// The `sweep` command. Returns the exit code: 0 done, 1 stopped or incomplete.
int sweep(const SweepOptions& options);

}  // namespace mw::analysis
