#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "analysis/study/point.hpp"

// What has been run: lines of text in the files of one folder, added one at a time and never
// changed, so that a kill at any moment costs only what was in flight. Each line carries a
// checksum; what a kill, a full disk or a bad copy has left of a line is passed over and run again.
namespace mw::analysis {

using Results = std::unordered_map<std::uint64_t, PointResult>;  // by key

struct StoreContents {
  Results results;
  std::vector<std::string> damaged;  // `file:line`, passed over
};

/// All results in the folder, whichever shard wrote them; nothing where there is no folder.
StoreContents read_store(const std::filesystem::path& folder);

/// Adds results to one file of the folder. A second live writer of the same file is refused.
class StoreWriter {
 public:
  StoreWriter(const std::filesystem::path& folder, const std::string& name);
  ~StoreWriter();
  StoreWriter(const StoreWriter&) = delete;
  StoreWriter& operator=(const StoreWriter&) = delete;

  /// On return the line is in the hands of the operating system. Throws sim::OutputError.
  void add(const PointResult& result);

 private:
  void write(const std::string& line);

  std::filesystem::path path_;
  int file_ = -1;
  std::unordered_map<std::uint64_t, bool> known_figures_;
};

}  // namespace mw::analysis
