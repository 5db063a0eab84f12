#pragma once
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <string>

namespace mw::test {

/// A folder of this test's own, removed at its end.
class Scratch {
 public:
  Scratch() {
    static std::atomic<int> made{0};
    path_ = std::filesystem::temp_directory_path() /
            ("millwright-test-" + std::to_string(::getpid()) + "-" + std::to_string(made++));
    std::filesystem::create_directories(path_);
  }
  ~Scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

}  // namespace mw::test
