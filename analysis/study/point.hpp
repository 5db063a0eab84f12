#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "analysis/study/design.hpp"
#include "scenarios/reader.hpp"
#include "scenarios/scenario.hpp"

// One point of a study: its scenario, its address by content, its run.
namespace mw::analysis {

/// Name, unit and meaning of a figure, as in models/site/summary.hpp; of a service as
/// `chat.ttft_p99`.
struct ResultFigure {
  std::string name, unit, meaning;
  bool operator==(const ResultFigure&) const = default;
};

/// What a run came to. Either figures or an error.
struct PointResult {
  std::uint64_t key = 0;
  std::vector<ResultFigure> figures;
  std::vector<double> values;
  std::string error;
  double cpu_s = 0;  // of the one thread that ran it
  std::string trace_hash{};

  double value(const std::string& name) const;  // NaN where it is not there
};

using ScenarioDocument = scenarios::Document<scenarios::Scenario>;

/// Reads points on top of one base; one thread at a time.
class PointReader {
 public:
  explicit PointReader(const std::filesystem::path& base);

  /// Throws InputProblems placed where the settings were written.
  ScenarioDocument read(const std::vector<Setting>& settings);

  /// Address by content: the resolved scenario (with its seed), the data files it names, and this
  /// program. Equal addresses, equal results.
  std::uint64_t key(const ScenarioDocument& document);

 private:
  std::uint64_t file_part(const std::string& word);

  std::filesystem::path folder_;
  scenarios::Catalog catalog_;
  scenarios::ManyReader<scenarios::Scenario> reader_;
  std::map<std::string, std::uint64_t> files_;
};

/// The figures of a run, those of its services and ledgers included.
PointResult result_of(const models::SiteParameters& site, const models::SiteState& state);

/// A guess at the work of a run, to begin with the longest: only ratios count.
double guessed_cost(const scenarios::Scenario& scenario);

/// Runs on this thread alone. What does not fit together gives `error`; a stop asked for by
/// InterruptGuard gives an empty result (key 0).
PointResult run_point(const ScenarioDocument& document, const std::filesystem::path& base,
                      std::uint64_t key);

/// Fingerprint of bytes.
std::uint64_t fingerprint(std::string_view bytes);

}  // namespace mw::analysis
