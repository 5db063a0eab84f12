#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sim/input_error.hpp"

namespace mw::sim {

/// Where the bytes of a text come from.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  /// Fills up to `capacity` bytes; 0 at the end. Throws InputError.
  virtual std::size_t read(char* to, std::size_t capacity) = 0;
};

/// The lines of a text, one after another, in memory that does not grow with the file. Reads plain
/// files and gzip alike (told by content, not by name). Ends of line are LF or CRLF; the last line
/// may lack one. A UTF-8 byte-order mark is skipped. What is not text (UTF-16, zero bytes) is an
/// InputError, and so is a line longer than the limit.
class LineReader {
 public:
  static constexpr std::size_t default_limit = std::size_t{16} << 20;

  explicit LineReader(const std::filesystem::path& path, std::size_t limit = default_limit);
  /// A text in memory, which must outlive the reader; `name` stands for the file in messages.
  LineReader(std::string name, std::string_view text, std::size_t limit = default_limit);

  /// Moves to the next line; false at the end.
  bool next();
  /// The line without its end; valid until the next call of next().
  std::string_view line() const { return line_; }
  /// From 1.
  int number() const { return number_; }
  const std::string& name() const { return name_; }
  std::size_t limit() const { return limit_; }
  [[noreturn]] void fail(int column, std::string problem, std::string advice) const;

 private:
  bool refill();
  void skip_byte_order_mark();

  std::string name_;
  std::unique_ptr<ByteSource> source_;
  std::size_t limit_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0, end_ = 0;  // unread bytes of buffer_
  bool at_end_ = false;
  int number_ = 0;
  std::string_view line_;
};

}  // namespace mw::sim
