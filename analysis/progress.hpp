#pragma once
#include <chrono>
#include <string>

#include "sim/time.hpp"

namespace mw::analysis {

/// Says on stderr how far a run is, how fast, and how long it will take: a line rewritten in place
/// on a terminal, otherwise a line every ten seconds. Nothing of it enters a result.
class Progress {
 public:
  Progress(std::string name, sim::Time from, sim::Time until, bool quiet);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  void at(sim::Time now);

 private:
  void say(sim::Time now, double elapsed);

  std::string name_;
  sim::Time from_, until_;
  bool quiet_, terminal_;
  bool said_ = false;
  std::chrono::steady_clock::time_point start_;
  double next_ = 0.5;  // seconds of wall time
};

/// `1:02:03` or `2:03`.
std::string clock_text(double seconds);

}  // namespace mw::analysis
