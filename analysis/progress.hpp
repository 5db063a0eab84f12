#pragma once
#include <chrono>
#include <string>

#include "sim/time.hpp"

namespace mw::analysis {

/// What long work says of itself on stderr: a line rewritten in place on a terminal, otherwise a
/// line every ten seconds. Nothing of it enters a result. Not for several threads at a time.
class ProgressLine {
 public:
  explicit ProgressLine(bool quiet);
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  double elapsed() const;  // seconds of wall time
  /// Whether it is time to say something again.
  bool due() const { return !quiet_ && elapsed() >= next_; }
  void say(const std::string& text);

 private:
  bool quiet_, terminal_, said_ = false;
  double next_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// How far a run is, how fast, and how long it will take.
class Progress {
 public:
  Progress(std::string name, sim::Time from, sim::Time until, bool quiet);
  void at(sim::Time now);

 private:
  std::string name_;
  sim::Time from_, until_;
  ProgressLine line_;
};

/// `1:02:03` or `2:03`.
std::string clock_text(double seconds);

}  // namespace mw::analysis
