#include "analysis/progress.hpp"

#include <unistd.h>

#include <fmt/format.h>
#include <cstdio>

namespace mw::analysis {

ProgressLine::ProgressLine(bool quiet)
    : quiet_(quiet), terminal_(isatty(STDERR_FILENO) != 0), next_(terminal_ ? 0.5 : 10) {}

ProgressLine::~ProgressLine() {
  if (said_ && terminal_) std::fputs("\r\033[K", stderr);
}

double ProgressLine::elapsed() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
}

void ProgressLine::say(const std::string& text) {
  fmt::print(stderr, "{}{}{}", terminal_ ? "\r\033[K" : "", text, terminal_ ? "" : "\n");
  std::fflush(stderr);
  said_ = true;
  next_ = elapsed() + (terminal_ ? 0.2 : 10);
}

Progress::Progress(std::string name, sim::Time from, sim::Time until, bool quiet)
    : name_(std::move(name)), from_(from), until_(until), line_(quiet) {}

void Progress::at(sim::Time now) {
  if (!line_.due()) return;
  const double elapsed = line_.elapsed();
  const double done = sim::to_seconds(now - from_);
  const double all = sim::to_seconds(until_ - from_);
  const double share = all > 0 ? done / all : 1;
  const double left = share > 0 ? elapsed * (1 - share) / share : 0;
  line_.say(fmt::format("{}: {} of {} simulated ({:.0f} %), {:.0f} x real time, {} left", name_,
                        clock_text(sim::to_seconds(now)), clock_text(sim::to_seconds(until_)),
                        100 * share, done / elapsed, clock_text(left)));
}

std::string clock_text(double seconds) {
  const auto s = static_cast<long long>(seconds + 0.5);
  if (s < 3600) return fmt::format("{}:{:02}", s / 60, s % 60);
  return fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
}

}  // namespace mw::analysis
