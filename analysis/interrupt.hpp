#pragma once
namespace mw::analysis {

/// While one of these lives, Ctrl-C and SIGTERM ask for a stop instead of ending the program, so
/// that a run can close its file; the second one ends it at once.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;
  static bool requested();
};

}  // namespace mw::analysis
