#include "analysis/study/store.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <fmt/format.h>
#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "sim/output_error.hpp"

namespace mw::analysis {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::size_t checksum_digits = 16;

std::string hex(std::uint64_t v) {
  return fmt::format("{:016x}", v);
}
std::uint64_t of_hex(const std::string& text) {
  return std::stoull(text, nullptr, 16);
}

std::string figures_text(const std::vector<ResultFigure>& figures) {
  json list = json::array();
  for (const ResultFigure& f : figures) list.push_back({f.name, f.unit, f.meaning});
  return list.dump();
}

using FigureLists = std::unordered_map<std::uint64_t, std::vector<ResultFigure>>;

void read_line(const json& j, FigureLists& lists, Results& results) {
  if (j.contains("figures")) {
    std::vector<ResultFigure> figures;
    for (const auto& f : j.at("figures")) figures.push_back({f.at(0), f.at(1), f.at(2)});
    lists[of_hex(j.at("id"))] = std::move(figures);
    return;
  }
  PointResult r;
  r.key = of_hex(j.at("key"));
  r.error = j.value("error", "");
  r.cpu_s = j.at("cpu_s");
  r.trace_hash = j.value("trace_hash", "");
  if (r.error.empty()) {
    r.figures = lists.at(of_hex(j.at("of")));
    for (const auto& v : j.at("values"))
      r.values.push_back(v.is_null() ? std::numeric_limits<double>::quiet_NaN() : v.get<double>());
    if (r.values.size() != r.figures.size()) throw std::runtime_error("sizes differ");
  }
  results[r.key] = std::move(r);
}

}  // namespace

StoreContents read_store(const fs::path& folder) {
  StoreContents out;
  std::error_code error;
  std::vector<fs::path> files;
  for (const auto& item : fs::directory_iterator(folder, error))
    if (item.path().extension() == ".jsonl" && item.is_regular_file(error))
      files.push_back(item.path());
  std::sort(files.begin(), files.end());
  for (const fs::path& file : files) {
    std::ifstream in(file, std::ios::binary);
    FigureLists lists;
    std::string line;
    for (int number = 1; std::getline(in, line); ++number) {
      if (line.empty()) continue;
      try {
        const std::string text = line.substr(std::min(line.size(), checksum_digits + 1));
        if (in.eof() || line.compare(0, checksum_digits, hex(fingerprint(text))) != 0)
          throw std::runtime_error("damaged");  // without its end of line it was cut short
        read_line(json::parse(text), lists, out.results);
      } catch (const std::exception&) {
        out.damaged.push_back(fmt::format("{}:{}", file.string(), number));
      }
    }
  }
  return out;
}

StoreWriter::StoreWriter(const fs::path& folder, const std::string& name)
    : path_(folder / (name + ".jsonl")) {
  std::error_code failure;
  fs::create_directories(folder, failure);
  if (failure)
    throw sim::OutputError(folder.string(), "the folder cannot be made (" + failure.message() + ")",
                           "check where the study is written to");
  file_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (file_ < 0)
    throw sim::OutputError(path_.string(),
                           fmt::format("it cannot be opened ({})", std::strerror(errno)),
                           "check the folder");
  if (::flock(file_, LOCK_EX | LOCK_NB) != 0) {
    ::close(file_);
    throw sim::OutputError(path_.string(), "another sweep is writing to it",
                           "wait for it, stop it, or give this one a shard of its own");
  }
  // A line that a kill cut short is ended, so that the next one stands alone.
  const off_t size = ::lseek(file_, 0, SEEK_END);
  char last = '\n';
  if (size > 0 && ::pread(file_, &last, 1, size - 1) == 1 && last != '\n') write("\n");
}

StoreWriter::~StoreWriter() {
  if (file_ < 0) return;
  ::fdatasync(file_);
  ::close(file_);
}

void StoreWriter::write(const std::string& line) {
  std::size_t done = 0;
  while (done < line.size()) {
    const ssize_t n = ::write(file_, line.data() + done, line.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0)
      throw sim::OutputError(path_.string(),
                             fmt::format("a result cannot be written ({})",
                                         n < 0 ? std::strerror(errno) : "nothing was taken"),
                             "make room and run the sweep again: what is finished is kept");
    done += static_cast<std::size_t>(n);
  }
}

void StoreWriter::add(const PointResult& r) {
  json j{{"key", hex(r.key)}, {"cpu_s", r.cpu_s}};
  std::string lines;
  const auto line = [&](const std::string& text) {
    lines += hex(fingerprint(text)) + ' ' + text + '\n';
  };
  if (!r.error.empty()) {
    j["error"] = r.error;
  } else {
    const std::string figures = figures_text(r.figures);
    const std::uint64_t id = fingerprint(figures);
    if (known_figures_.emplace(id, true).second)
      line(R"({"id":")" + hex(id) + R"(","figures":)" + figures + "}");
    j["of"] = hex(id);
    j["trace_hash"] = r.trace_hash;
    j["values"] = json::array();
    for (const double v : r.values) j["values"].push_back(std::isfinite(v) ? json(v) : json());
  }
  line(j.dump(-1, ' ', false, json::error_handler_t::replace));
  try {
    write(lines);
  } catch (...) {
    known_figures_.clear();  // the list may not have arrived
    throw;
  }
}

}  // namespace mw::analysis
