#pragma once
#include <string>
#include <vector>

namespace mw::analysis {

struct BenchOptions {
  std::string scenario;
  std::vector<std::string> sets;
  double warm_up_s = 60, measured_s = 60;  // of simulated time
  int repeats = 5;
  int threads = 0;  // the most; 0: one for each core
  bool json = false;
};

/// The `bench` command: how fast this machine steps a scenario's site, with the very code of `run`
/// but for the files. From one state after a warm-up the same span is stepped several times, by one
/// thread, by all of them, and with the pods on a device where there is one; medians. All must go
/// through the same history.
int bench(const BenchOptions& options);

}  // namespace mw::analysis
