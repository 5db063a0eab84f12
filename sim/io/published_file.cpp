#include "sim/io/published_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <hdf5.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "sim/io/hdf5_detail.hpp"

namespace mw::sim::h5 {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

[[noreturn]] void system_failure(const fs::path& path, const std::string& action) {
  const int code = errno;
  throw OutputError(path.string(), fmt::format("cannot {} ({})", action, std::strerror(code)),
                    code == ENOSPC || code == EDQUOT
                        ? "make room on the disk, or write elsewhere"
                        : "check that the folder exists and may be written");
}

class Descriptor {
 public:
  Descriptor(const fs::path& path, int flags) : path_(path) {
    do fd_ = ::open(path.c_str(), flags | O_CLOEXEC, 0666);
    while (fd_ < 0 && errno == EINTR);
    if (fd_ < 0) system_failure(path, "open");
  }
  ~Descriptor() { ::close(fd_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  std::size_t read(std::vector<char>& to) {
    ssize_t got = 0;
    do got = ::read(fd_, to.data(), to.size());
    while (got < 0 && errno == EINTR);
    if (got < 0) system_failure(path_, "read");
    return static_cast<std::size_t>(got);
  }
  void write(const char* from, std::size_t size) {
    while (size > 0) {
      const ssize_t put = ::write(fd_, from, size);
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) system_failure(path_, "write");
      from += put;
      size -= static_cast<std::size_t>(put);
    }
  }
  void sync() {
    if (::fsync(fd_) < 0) system_failure(path_, "write to the disk");
  }
  int id() const { return fd_; }

 private:
  fs::path path_;
  int fd_ = -1;
};

void copy_to_disk(const fs::path& from, const fs::path& to) {
  Descriptor source(from, O_RDONLY);
  Descriptor target(to, O_WRONLY | O_CREAT | O_TRUNC);
  std::vector<char> block(std::size_t{1} << 20);
  while (const std::size_t got = source.read(block)) target.write(block.data(), got);
  target.sync();
}

void put_in_place(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) < 0) system_failure(to, "put the file in place");
  // The name reaches the disk with its folder.
  Descriptor(to.has_parent_path() ? to.parent_path() : fs::path("."), O_RDONLY | O_DIRECTORY)
      .sync();
}

/// `run.h5` -> `.run.h5.writing`, in the same folder, so that a rename stays on one disk.
fs::path beside(const fs::path& target, const char* suffix) {
  return target.parent_path() / ("." + target.filename().string() + suffix);
}

void remove_quietly(const fs::path& path) {
  std::error_code ignored;
  fs::remove(path, ignored);
}

}  // namespace

/// Held by one live run at a time, and released by the system however the run ends. A file of its
/// own, since the working file is locked by the HDF5 library itself and is renamed at the end.
class PublishedFile::Lock {
 public:
  explicit Lock(const fs::path& target) : path_(beside(target, ".lock")) {
    while (true) {
      file_ = std::make_unique<Descriptor>(path_, O_RDWR | O_CREAT);
      if (::flock(file_->id(), LOCK_EX | LOCK_NB) < 0) {
        if (errno == EWOULDBLOCK)
          throw OutputError(target.string(), "another run is writing this file",
                            "wait for it, stop it, or name another output");
        if (errno == EINTR) continue;
        system_failure(path_, "lock");
      }
      // The run that held it may have removed it just before we got it.
      struct stat ours {
      }, named{};
      if (::fstat(file_->id(), &ours) == 0 && ::stat(path_.c_str(), &named) == 0 &&
          ours.st_ino == named.st_ino && ours.st_dev == named.st_dev)
        return;
    }
  }
  ~Lock() { remove_quietly(path_); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  fs::path path_;
  std::unique_ptr<Descriptor> file_;
};

PublishedFile::PublishedFile(fs::path target, Pace pace, int deflate_level)
    : target_(std::move(target)), pace_(pace), deflate_level_(deflate_level) {
  std::error_code ignored;
  if (!target_.has_filename() || fs::is_directory(target_, ignored))
    throw OutputError(target_.string(), "is a folder", "name a file, as in results/run.h5");
  // A snapshot is renamed over the target: that must not take away a device or a pipe.
  if (fs::exists(target_, ignored) && !fs::is_regular_file(target_, ignored))
    throw OutputError(target_.string(), "is not a plain file", "name one, as in results/run.h5");
  working_ = beside(target_, ".writing");
  snapshot_ = beside(target_, ".snapshot");
  lock_ = std::make_unique<Lock>(target_);
  remove_quietly(working_);
  remove_quietly(snapshot_);

  try {
    create();
  } catch (const OutputError&) {
    close();
    throw;
  }
}

void PublishedFile::create() {
  detail::start_library();
  const std::string where = target_.string();
  const Handle creation = detail::creation_properties(H5P_FILE_CREATE, where);
  const Handle access = detail::own(H5Pcreate(H5P_FILE_ACCESS), where, "create the file");
  // Format of HDF5 1.8: compact, read by everything in use, and without the "open for writing" mark
  // of later formats, which would make every snapshot look damaged.
  H5Pset_libver_bounds(*access, H5F_LIBVER_V18, H5F_LIBVER_V18);
  H5Pset_fclose_degree(*access, H5F_CLOSE_STRONG);
  const hid_t id = H5Fcreate(working_.c_str(), H5F_ACC_TRUNC, *creation, *access);
  if (id < 0) detail::fail(where, "create the file");
  file_ = std::make_shared<const std::int64_t>(id);  // closed by hand, once, and tested for success
  root_.emplace(file_, where);
  meta_.emplace(root_->group("meta"));
  meta_->attribute("complete", std::int64_t{0});
}

PublishedFile::~PublishedFile() {
  if (!lock_) return;  // finished
  try {
    if (!failed_) publish();
  } catch (const std::exception&) {
    // The last snapshot stands, and says that it is incomplete.
  }
  close();
}

Table& PublishedFile::table(const Group& group, const std::string& dimension,
                            std::optional<Label> coordinate) {
  tables_.push_back(
      std::make_unique<Table>(group, dimension, std::move(coordinate), deflate_level_));
  return *tables_.back();
}

void PublishedFile::flush() {
  for (const auto& table : tables_) table->flush();
  detail::ensure(H5Fflush(*file_, H5F_SCOPE_GLOBAL), target_.string(), "write");
}

bool PublishedFile::close_library_file() {
  tables_.clear();
  meta_.reset();
  root_.reset();
  // By its identifier: groups that callers still hold share the handle.
  const bool closed = H5Fclose(*file_) >= 0;
  file_.reset();
  return closed;
}

/// Gives the working file up.
void PublishedFile::close() {
  if (file_ && failed_) {
    // HDF5 1.10 frees a file that it could not write out and then trips over what is left of it.
    // Such a file is never touched again; its room on the disk is freed all the same.
    static std::vector<std::vector<std::unique_ptr<Table>>> abandoned;
    abandoned.push_back(std::move(tables_));
    std::error_code ignored;
    fs::resize_file(working_, 0, ignored);
  } else if (file_) {
    close_library_file();
  }
  H5Eclear2(H5E_DEFAULT);
  remove_quietly(working_);
  remove_quietly(snapshot_);
}

void PublishedFile::publish() {
  const auto begin = Clock::now();
  failed_ = true;  // until proven otherwise: the destructor must not try again
  flush();
  copy_to_disk(working_, snapshot_);
  put_in_place(snapshot_, target_);
  failed_ = false;
  published_ = Clock::now();
  last_cost_ = published_ - begin;
}

void PublishedFile::publish_if_due() {
  const auto waited = std::chrono::duration<double>(Clock::now() - published_).count();
  const auto cost = std::chrono::duration<double>(last_cost_).count();
  const auto at_least = std::chrono::duration<double>(pace_.at_least).count();
  if (waited >= at_least && waited >= pace_.cost_factor * cost) publish();
}

void PublishedFile::finish() {
  if (!lock_) throw std::logic_error(target_.string() + ": finished twice");
  failed_ = true;
  for (const auto& table : tables_) table->flush();
  meta_->attribute("complete", std::int64_t{1});
  detail::ensure(H5Fflush(*file_, H5F_SCOPE_GLOBAL), target_.string(), "write");
  const std::string where = target_.string();
  if (!close_library_file()) detail::fail(where, "close");
  Descriptor(working_, O_RDONLY).sync();
  put_in_place(working_, target_);
  remove_quietly(snapshot_);
  lock_.reset();
}

}  // namespace mw::sim::h5
