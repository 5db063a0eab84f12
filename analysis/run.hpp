#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "gpu/backend.hpp"

namespace mw::analysis {

struct RunOptions {
  std::string scenario;
  std::vector<std::string> sets;
  std::string output;  // empty: <name>.h5
  bool no_output = false;
  int threads = 0;  // 0: one for each core
  gpu::Wanted backend = gpu::Wanted::automatic;
  bool json = false;
  bool quiet = false;
  bool strict = false;
  std::string checkpoint;           // empty: none
  double checkpoint_every_s = 600;  // of simulated time
  std::string resume;               // empty: from the start
};

/// The `run` command. Returns the exit code: 0 done, 1 interrupted, 3 a limit was violated under
/// `strict`. Throws what the command line turns into codes 1 and 2.
int run(const RunOptions& options);

inline constexpr const char* version = "0.1.0";

}  // namespace mw::analysis
