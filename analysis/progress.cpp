#include "analysis/progress.hpp"

#include <unistd.h>

#include <fmt/format.h>
#include <cstdio>

namespace mw::analysis {

Progress::Progress(std::string name, sim::Time from, sim::Time until, bool quiet)
    : name_(std::move(name)),
      from_(from),
      until_(until),
      quiet_(quiet),
      terminal_(isatty(STDERR_FILENO) != 0),
      start_(std::chrono::steady_clock::now()) {
  if (!terminal_) next_ = 10;
}

Progress::~Progress() {
  if (said_ && terminal_) std::fputs("\r\033[K", stderr);
}

void Progress::at(sim::Time now) {
  if (quiet_) return;
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start_;
  if (elapsed.count() < next_) return;
  say(now, elapsed.count());
  next_ = elapsed.count() + (terminal_ ? 0.2 : 10);
}

void Progress::say(sim::Time now, double elapsed) {
  const double done = sim::to_seconds(now - from_);
  const double all = sim::to_seconds(until_ - from_);
  const double share = all > 0 ? done / all : 1;
  const double left = share > 0 ? elapsed * (1 - share) / share : 0;
  fmt::print(stderr, "{}{}: {} of {} simulated ({:.0f} %), {:.0f} x real time, {} left{}",
             terminal_ ? "\r\033[K" : "", name_, clock_text(sim::to_seconds(now)),
             clock_text(sim::to_seconds(until_)), 100 * share, done / elapsed, clock_text(left),
             terminal_ ? "" : "\n");
  std::fflush(stderr);
  said_ = true;
}

std::string clock_text(double seconds) {
  const auto s = static_cast<long long>(seconds + 0.5);
  if (s < 3600) return fmt::format("{}:{:02}", s / 60, s % 60);
  return fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
}

}  // namespace mw::analysis
