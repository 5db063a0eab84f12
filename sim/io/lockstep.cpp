#include "sim/io/lockstep.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <thread>

extern char** environ;

namespace mw::sim {
namespace {

using Clock = std::chrono::steady_clock;

int milliseconds_until(Clock::time_point end) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
  return static_cast<int>(std::max<std::int64_t>(left.count(), 0));
}

}  // namespace

LockstepProcess::LockstepProcess(const std::vector<std::string>& command, double timeout_s,
                                 const std::string& folder)
    : timeout_s_(timeout_s), name_(command.empty() ? "" : command[0]) {
  // A pair of sockets, not pipes: writing to one whose reader is gone can be told not to raise a
  // signal, which would end the run.
  int in[2], out[2];
  if (command.empty() || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, in) != 0) {
    failure_ = fmt::format("`{}` cannot be started: {}", name_, std::strerror(errno));
    return;
  }
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, out) != 0) {
    failure_ = fmt::format("`{}` cannot be started: {}", name_, std::strerror(errno));
    close(in[0]);
    close(in[1]);
    return;
  }
  std::vector<char*> args;
  for (const auto& a : command) args.push_back(const_cast<char*>(a.c_str()));
  args.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in[1], 0);
  posix_spawn_file_actions_adddup2(&actions, out[1], 1);
  if (!folder.empty()) posix_spawn_file_actions_addchdir_np(&actions, folder.c_str());
  // A group of its own, so that what it started goes with it.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  posix_spawnattr_setpgroup(&attributes, 0);
  const int error = posix_spawnp(&pid_, args[0], &actions, &attributes, args.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  close(in[1]);
  close(out[1]);
  to_ = in[0];
  from_ = out[0];
  fcntl(to_, F_SETFL, O_NONBLOCK);
  fcntl(from_, F_SETFL, O_NONBLOCK);
  if (error != 0) {
    pid_ = -1;
    fail(fmt::format("cannot be started: {}", std::strerror(error)));
  }
}

LockstepProcess::~LockstepProcess() {
  end();
}

void LockstepProcess::end() {
  if (to_ >= 0) close(to_);
  if (from_ >= 0) close(from_);
  to_ = from_ = -1;
  if (pid_ <= 0) return;
  // It sees the end of its input and may leave by itself; then it is made to, with all that it
  // started.
  bool left = false;
  for (int i = 0; i < 50 && !left; ++i) {
    left = waitpid(pid_, nullptr, WNOHANG) != 0;
    if (!left) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  kill(-pid_, SIGKILL);
  if (!left) waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

void LockstepProcess::fail(const std::string& why) {
  if (failure_.empty()) failure_ = fmt::format("`{}` {}", name_, why);
  end();
}

std::optional<std::string> LockstepProcess::ask(const std::string& line) {
  if (!running()) return std::nullopt;
  const auto deadline = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                           std::chrono::duration<double>(timeout_s_));
  const std::string out = line + "\n";
  std::size_t sent = 0;
  char buffer[65536];
  while (true) {
    const auto end_of_line = unread_.find('\n');
    if (sent == out.size() && end_of_line != std::string::npos) {
      std::string answer = unread_.substr(0, end_of_line);
      unread_.erase(0, end_of_line + 1);
      return answer;
    }
    if (unread_.size() > longest_line) {
      fail("sends lines without end");
      return std::nullopt;
    }
    pollfd files[2] = {{from_, POLLIN, 0}, {to_, POLLOUT, 0}};
    const int ready = poll(files, sent < out.size() ? 2 : 1, milliseconds_until(deadline));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) {
      fail(fmt::format("gave no answer within {:g} s", timeout_s_));
      return std::nullopt;
    }
    if (files[0].revents != 0) {
      const ssize_t n = read(from_, buffer, sizeof buffer);
      if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        fail("ended before the run did");
        return std::nullopt;
      }
      if (n > 0) unread_.append(buffer, static_cast<std::size_t>(n));
    }
    if (sent < out.size() && files[1].revents != 0) {
      const ssize_t n = send(to_, out.data() + sent, out.size() - sent, MSG_NOSIGNAL);
      if (n < 0 && errno != EAGAIN && errno != EINTR) {
        fail("ended before the run did");
        return std::nullopt;
      }
      if (n > 0) sent += static_cast<std::size_t>(n);
    }
  }
}

}  // namespace mw::sim
