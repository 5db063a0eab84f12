#pragma once
#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace mw::sim {

/// A program in lockstep over pipes: a line goes to its standard input, a line comes back from its
/// standard output; its errors go where ours go. What it does wrong (does not start, dies, does not
/// answer in time) ends it for good and is said in failure(): it is never asked again.
class LockstepProcess {
 public:
  /// `folder`: where it runs, and where names with a slash are looked up from; empty: here.
  LockstepProcess(const std::vector<std::string>& command, double timeout_s,
                  const std::string& folder = {});
  ~LockstepProcess();
  LockstepProcess(const LockstepProcess&) = delete;
  LockstepProcess& operator=(const LockstepProcess&) = delete;

  /// The answer to a line, without its end; nothing once it has failed.
  std::optional<std::string> ask(const std::string& line);
  /// Ends it, with the reason.
  void fail(const std::string& why);
  bool running() const { return pid_ > 0; }
  const std::string& failure() const { return failure_; }

  /// Lines beyond this are nonsense.
  static constexpr std::size_t longest_line = std::size_t{64} << 20;

 private:
  void end();

  pid_t pid_ = -1;
  int to_ = -1, from_ = -1;
  double timeout_s_;
  std::string name_, unread_, failure_;
};

}  // namespace mw::sim
