#include "analysis/study/point.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <fstream>
#include <iterator>
#include <limits>

#include "analysis/interrupt.hpp"
#include "analysis/run.hpp"
#include "analysis/study/ledger_figures.hpp"
#include "models/site/epoch.hpp"
#include "models/site/summary.hpp"
#include "scenarios/build.hpp"
#include "sim/archive.hpp"
#include "sim/io/data_folder.hpp"
#include "sim/thread_pool.hpp"

namespace mw::analysis {
namespace {

namespace fs = std::filesystem;

std::string bytes_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

/// This very program: a result belongs to the build that made it.
std::uint64_t program_fingerprint() {
  static const std::uint64_t whole = [] {
    sim::TraceHash hash;
    hash.word(fingerprint(version));
    hash.word(fingerprint(bytes_of("/proc/self/exe")));
    return hash.value;
  }();
  return whole;
}

std::uint64_t content_of(const fs::path& path) {
  sim::TraceHash hash;
  std::error_code error;
  if (fs::is_directory(path, error)) {
    std::vector<fs::path> files;
    for (const auto& item : fs::recursive_directory_iterator(path, error))
      if (item.is_regular_file(error)) files.push_back(item.path());
    std::sort(files.begin(), files.end());
    for (const auto& file : files) hash.word(fingerprint(bytes_of(file)));
  } else {
    hash.word(fingerprint(bytes_of(path)));
  }
  return hash.value;
}

/// A word that may name a file: letters, and a dot or a slash.
bool may_name_a_file(std::string_view word) {
  if (word.size() < 3 || word.size() > 255) return false;
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  return word.find_first_of("./") != std::string_view::npos &&
         (letter(word.front()) || word.front() == '/' || word.front() == '.') &&
         word.find_first_of(" {}[]\"") == std::string_view::npos;
}

double cpu_seconds() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

void append(PointResult& result, const std::string& before,
            const std::vector<models::Metric>& metrics) {
  for (const auto& m : metrics) {
    result.figures.push_back({before + m.name, m.unit, m.meaning});
    result.values.push_back(m.value);
    if (!std::isfinite(m.half_width)) continue;
    result.figures.push_back({before + m.name + "_half_width", m.unit,
                              "Half of the 95 % interval from simulating only some pods"});
    result.values.push_back(m.half_width);
  }
}

}  // namespace

std::uint64_t fingerprint(std::string_view bytes) {
  return sim::archive_detail::checksum(std::as_bytes(std::span(bytes.data(), bytes.size())));
}

double PointResult::value(const std::string& name) const {
  for (std::size_t i = 0; i < figures.size(); ++i)
    if (figures[i].name == name) return values[i];
  return std::numeric_limits<double>::quiet_NaN();
}

PointReader::PointReader(const fs::path& base)
    : folder_(base.parent_path()), reader_(base.string(), catalog_) {}

ScenarioDocument PointReader::read(const std::vector<Setting>& settings) {
  std::vector<std::string> texts;
  for (const Setting& s : settings) texts.push_back(s.text);
  try {
    return reader_.read(texts);
  } catch (const scenarios::InputProblems& problems) {
    std::vector<sim::InputError> items;
    for (const auto& item : problems.items) {
      const auto n = static_cast<std::size_t>(item.line);
      if (item.file != "--set" || n < 1 || n > settings.size() || !settings[n - 1].at.file) {
        items.push_back(item);
        continue;
      }
      const Setting& from = settings[n - 1];
      items.emplace_back(*from.at.file, from.at.line, from.at.column,
                         item.problem + " (setting " + scenarios::in_quotes(from.text) + ")",
                         item.advice);
    }
    throw scenarios::InputProblems(std::move(items));
  }
}

std::uint64_t PointReader::file_part(const std::string& word) {
  const auto [known, is_new] = files_.emplace(word, 0);
  if (is_new)
    if (const auto path = sim::find_input(word, folder_)) known->second = content_of(*path);
  return known->second;
}

std::uint64_t PointReader::key(const ScenarioDocument& document) {
  const std::string resolved = scenarios::write_resolved(document.value);
  sim::TraceHash hash;
  hash.word(program_fingerprint());
  hash.word(fingerprint(resolved));
  std::size_t at = 0;
  while (at < resolved.size()) {
    const std::size_t end = std::min(resolved.find_first_of(" \n,", at), resolved.size());
    std::string_view word(resolved.data() + at, end - at);
    if (word.size() > 2 && word.front() == '"') word = word.substr(1, word.size() - 2);
    if (may_name_a_file(word))
      if (const auto part = file_part(std::string(word))) hash.word(part);
    at = end + 1;
  }
  return hash.value;
}

double guessed_cost(const scenarios::Scenario& s) {
  const double seconds = sim::to_seconds(s.duration.ns);
  double per_s = 1e-5;  // of the site's own step
  for (const auto& racks : s.racks) per_s += 1e-7 * racks.count;
  if (s.fidelity.mode != scenarios::Fidelity::fluid)
    for (const auto& service : s.inference)
      per_s += 1e-6 * static_cast<double>(service.traffic.scale);
  return seconds * per_s;
}

PointResult result_of(const models::SiteParameters& site, const models::SiteState& state) {
  PointResult result;
  append(result, "", models::site_metrics(site, state));
  for (std::size_t s = 0; s < site.services.size(); ++s)
    append(result, site.services[s].name + ".", models::service_metrics(site, state, s));
  append(result, "", ledger_figures(site, state));
  result.trace_hash = fmt::format("{:016x}", models::trace_hash(state).value);
  return result;
}

PointResult run_point(const ScenarioDocument& document, const fs::path& base, std::uint64_t key) {
  PointResult result;
  const double from = cpu_seconds();
  try {
    const models::SiteParameters site = scenarios::build_site(document, base);
    models::SiteState state = models::initial_site(site);
    models::SiteEpoch epoch;
    sim::ThreadPool alone(1);
    while (state.now < site.duration) {
      if (InterruptGuard::requested()) return {};
      models::step_epoch(state, site, alone, epoch);
    }
    if (epoch.controller && !epoch.controller->failure().empty())
      throw std::runtime_error("the controller " + epoch.controller->failure());
    result = result_of(site, state);
  } catch (const std::exception& e) {
    result.figures.clear();
    result.values.clear();
    result.error = e.what();
  }
  result.key = key;
  result.cpu_s = cpu_seconds() - from;
  return result;
}

}  // namespace mw::analysis
