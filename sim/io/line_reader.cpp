#include "sim/io/line_reader.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>

#include <fmt/format.h>
#include <zlib.h>

namespace mw::sim {
namespace {

/// zlib reads what is not gzip as it stands, so one source serves both.
class FileSource : public ByteSource {
 public:
  explicit FileSource(const std::filesystem::path& path) : name_(path.string()) {
    // gzopen() accepts a folder and only fails when read, with a message that helps nobody.
    std::error_code ignored;
    if (std::filesystem::is_directory(path, ignored))
      throw InputError(name_, 0, 0, "is a folder", "name a file");
    errno = 0;
    file_.reset(gzopen(name_.c_str(), "rb"));
    if (!file_)
      throw InputError(name_, 0, 0, fmt::format("cannot be opened ({})", std::strerror(errno)),
                       "check the path and that you may read it");
    gzbuffer(file_.get(), 1U << 17);
  }
  std::size_t read(char* to, std::size_t capacity) override {
    const auto wanted = static_cast<unsigned>(std::min<std::size_t>(capacity, 1U << 30));
    errno = 0;
    const int got = gzread(file_.get(), to, wanted);
    int code = Z_OK;
    const char* text = gzerror(file_.get(), &code);
    if (got < 0 || code == Z_BUF_ERROR) {
      if (code == Z_ERRNO)
        throw InputError(name_, 0, 0, fmt::format("cannot be read ({})", std::strerror(errno)),
                         "check the disk or copy the file again");
      std::string_view why = text;  // `path: why`
      if (why.starts_with(name_ + ": ")) why.remove_prefix(name_.size() + 2);
      throw InputError(name_, 0, 0, fmt::format("the gzip data is cut short or damaged ({})", why),
                       "fetch or compress the file again");
    }
    return static_cast<std::size_t>(got);
  }

 private:
  struct Close {
    void operator()(gzFile file) const { gzclose(file); }
  };
  std::string name_;
  std::unique_ptr<gzFile_s, Close> file_;
};

class MemorySource : public ByteSource {
 public:
  explicit MemorySource(std::string_view text) : rest_(text) {}
  std::size_t read(char* to, std::size_t capacity) override {
    const std::size_t n = std::min(capacity, rest_.size());
    std::copy_n(rest_.data(), n, to);
    rest_.remove_prefix(n);
    return n;
  }

 private:
  std::string_view rest_;
};

constexpr std::size_t first_buffer = std::size_t{1} << 16;

}  // namespace

LineReader::LineReader(const std::filesystem::path& path, std::size_t limit)
    : name_(path.string()),
      source_(std::make_unique<FileSource>(path)),
      limit_(limit),
      buffer_(first_buffer) {
  skip_byte_order_mark();
}

LineReader::LineReader(std::string name, std::string_view text, std::size_t limit)
    : name_(std::move(name)),
      source_(std::make_unique<MemorySource>(text)),
      limit_(limit),
      buffer_(first_buffer) {
  skip_byte_order_mark();
}

void LineReader::fail(int column, std::string problem, std::string advice) const {
  throw InputError(name_, number_, column, std::move(problem), std::move(advice));
}

void LineReader::skip_byte_order_mark() {
  while (end_ < 3 && refill()) {
  }
  const std::string_view head(buffer_.data(), end_);
  if (head.starts_with("\xEF\xBB\xBF")) {
    begin_ = 3;
  } else if (head.starts_with("\xFF\xFE") || head.starts_with("\xFE\xFF")) {
    throw InputError(name_, 1, 1, "the file is UTF-16", "save it as UTF-8");
  }
}

/// Makes room (moving what is unread to the front, growing up to the limit) and reads on.
bool LineReader::refill() {
  if (at_end_) return false;
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ == buffer_.size()) buffer_.resize(buffer_.size() * 2);
  const std::size_t got = source_->read(buffer_.data() + end_, buffer_.size() - end_);
  at_end_ = got == 0;
  end_ += got;
  return got > 0;
}

bool LineReader::next() {
  std::size_t searched = 0;
  const char* newline = nullptr;
  while (true) {
    const char* from = buffer_.data() + begin_;
    const std::size_t held = end_ - begin_;
    newline = held > searched
                  ? static_cast<const char*>(std::memchr(from + searched, '\n', held - searched))
                  : nullptr;
    if (newline != nullptr) break;
    searched = held;
    if (held > limit_ || !refill()) break;
  }
  std::size_t length = newline != nullptr
                           ? static_cast<std::size_t>(newline - (buffer_.data() + begin_))
                           : end_ - begin_;
  if (newline == nullptr && length == 0) return false;
  if (number_ < std::numeric_limits<int>::max()) ++number_;
  if (length > limit_)
    fail(0, fmt::format("the line is longer than {} bytes", limit_),
         "check that this is a text file with one record a line");
  const std::size_t after = begin_ + length + (newline != nullptr ? 1 : 0);
  const char* text = buffer_.data() + begin_;
  if (length > 0 && text[length - 1] == '\r') --length;
  line_ = {text, length};
  begin_ = after;
  if (const auto zero = line_.find('\0'); zero != std::string_view::npos)
    fail(static_cast<int>(zero) + 1, "the line holds a zero byte: this is not text",
         "unpack archives first; tables must be CSV or JSON lines in UTF-8");
  // A file of bare carriage returns would pass for one long line, its header, and so for empty.
  if (number_ == 1 && line_.find('\r') != std::string_view::npos)
    fail(static_cast<int>(line_.find('\r')) + 1, "a carriage return stands inside the line",
         "end lines with LF or CRLF");
  return true;
}

}  // namespace mw::sim
