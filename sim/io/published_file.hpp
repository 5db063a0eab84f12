#pragma once
#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/io/hdf5.hpp"
#include "sim/io/hdf5_table.hpp"

namespace mw::sim::h5 {

/// How often a snapshot is made: after `at_least` has passed, and `cost_factor` times what the last
/// one took. Touches nothing but the moments of snapshots.
struct Pace {
  std::chrono::nanoseconds at_least = std::chrono::seconds(2);
  double cost_factor = 20;
};

/// An HDF5 file that others may open at any moment, and that a killed writer leaves readable.
///
/// The library's own file is consistent only when flushed, so readers never see it: writing goes to
/// a hidden file beside the target (`.run.h5.writing`), and whole snapshots of it are renamed over
/// the target. The owner makes all groups and datasets, then calls publish() for the first, so that
/// no reader ever finds a part of the layout. `/meta` holds the attribute `complete`: 0 until
/// finish() has put the last one in place. What a killed run has left behind is replaced by the
/// next; a second live run on the same target is refused.
class PublishedFile {
 public:
  explicit PublishedFile(std::filesystem::path target, Pace pace = {}, int deflate_level = 4);
  /// Without finish(): publishes what there is, still marked incomplete.
  ~PublishedFile();
  PublishedFile(const PublishedFile&) = delete;
  PublishedFile& operator=(const PublishedFile&) = delete;

  Group root() const { return *root_; }
  Group meta() const { return *meta_; }
  /// A table of this file, which owns it; see Table.
  Table& table(const Group& group, const std::string& dimension,
               std::optional<Label> coordinate = std::nullopt);

  /// Puts a snapshot in place of the target. Between rows only.
  void publish();
  /// The same, if it is time to; cheap to call often.
  void publish_if_due();
  /// Marks the file complete and puts it in place. Nothing can be written after.
  void finish();

 private:
  class Lock;
  void create();
  void flush();
  bool close_library_file();
  void close();

  std::filesystem::path target_, working_, snapshot_;
  Pace pace_;
  int deflate_level_;
  std::unique_ptr<Lock> lock_;
  Handle file_;
  std::optional<Group> root_, meta_;
  std::vector<std::unique_ptr<Table>> tables_;
  std::chrono::steady_clock::time_point published_;
  std::chrono::nanoseconds last_cost_{0};
  bool failed_ = false;
};

}  // namespace mw::sim::h5
