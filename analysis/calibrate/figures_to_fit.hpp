#pragma once
#include <string>
#include <vector>

#include "analysis/calibrate/study.hpp"
#include "analysis/validate/predict.hpp"
#include "scenarios/reader.hpp"
#include "scenarios/type.hpp"

namespace mw::analysis {

/// Where in the catalog a fitted value stands: it may stand in several places.
struct FittedPlace {
  std::string kind, entry, key;  // stacks, vllm_0_11, step_overhead
  const scenarios::Type* number = nullptr;
  std::size_t offset = 0;  // of the Sourced<> within the entry
  const scenarios::Type* sourced = nullptr;
};

struct FittedValue {
  FitParameter fit;
  std::vector<FittedPlace> places;  // the first gives the start
  std::optional<FittedPlace> fallback;
};

/// Finds the study's figures among the entries (and reads those entries that no point names).
/// Throws InputProblems for a path that does not exist, is no figure with a source, or is 0.
std::vector<FittedValue> find_fitted(const scenarios::Document<CalibrationStudy>& study,
                                     const scenarios::Catalog& catalog, Entries& entries);

/// Writes values into the entries.
void set_fitted(const std::vector<FittedValue>& fitted, std::span<const double> values,
                Entries& entries);

/// What the entries hold.
double fitted_value(const FittedValue& fitted, Entries& entries);

/// Gives a figure that nothing tells of its fallback's value.
void set_to_fallback(const FittedValue& fitted, Entries& entries);

/// One value as the catalog writes it: `1.96 ms`.
std::string fitted_text(const FittedValue& fitted, double value);

/// The entries that hold fitted figures, written whole as catalog files below `folder`, each fitted
/// figure marked `calibrated` with `source`. Such a folder, named in MILLWRIGHT_CATALOG, hides the
/// entries it replaces.
std::vector<std::string> write_overlay(const std::string& folder,
                                       const std::vector<FittedValue>& fitted,
                                       std::span<const double> values,
                                       std::span<const std::string> sources, Entries entries);

}  // namespace mw::analysis
