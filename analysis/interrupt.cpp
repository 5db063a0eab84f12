#include "analysis/interrupt.hpp"

#include <csignal>

namespace mw::analysis {
namespace {
volatile std::sig_atomic_t stop_requested = 0;

void on_signal(int signal) {
  if (stop_requested) {
    std::signal(signal, SIG_DFL);
    std::raise(signal);
  }
  stop_requested = 1;
}
}  // namespace

InterruptGuard::InterruptGuard() {
  stop_requested = 0;
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
}
InterruptGuard::~InterruptGuard() {
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
}
bool InterruptGuard::requested() {
  return stop_requested != 0;
}

}  // namespace mw::analysis
