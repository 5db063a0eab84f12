#pragma once
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "analysis/study/expression.hpp"
#include "analysis/study/sequences.hpp"
#include "analysis/study/study.hpp"
#include "scenarios/reader.hpp"

// From a study to the combinations that run.
namespace mw::analysis {

/// A level as a value: `45 degC` is 45 with the unit degC, `tower_chiller` a word.
struct Level {
  std::string text;  // as written; empty: left as the base has it
  scenarios::Place at{};
  Value value() const;
  std::string unit() const;  // of a number; else empty
};

/// One change to the base, and where the study asks for it.
struct Setting {
  std::string text;  // path=value
  scenarios::Place at{};
};

/// A combination: one level for each factor.
struct DesignPoint {
  std::vector<Level> levels;
};

/// A study as read: the file, and where its parts were written.
struct StudyFile {
  std::filesystem::path path;
  scenarios::Document<Study> document;
  const Study& study() const { return document.value; }
  /// The nearest enclosing part that was written.
  scenarios::Place place(const std::string& part) const;
  sim::InputError error(const std::string& part, const std::string& problem,
                        const std::string& advice) const;
  std::filesystem::path base() const;
};

/// Throws InputProblems and InputError.
StudyFile read_study(const std::filesystem::path& path, const std::vector<std::string>& sets);

/// The levels of a factor in designs that need such.
std::vector<Level> levels_of(const StudyFile& file, std::size_t factor);

/// All combinations, in a fixed order; those that conditions make equal stand once.
std::vector<DesignPoint> make_design(const StudyFile& file);

/// The combination at a place of the unit cube, one number for each factor; of ranges the nearest
/// thousandth.
DesignPoint point_at(const StudyFile& file, const std::vector<double>& u);

/// Whether a factor is a range, so that near levels are alike.
bool has_order(const Factor& factor);

/// What a point sets: the study's own `set` first, then its factors in their order.
std::vector<Setting> settings_of(const StudyFile& file, const DesignPoint& point);

/// Factors by name, for expressions.
Expression::Lookup factor_lookup(const Study& study, const DesignPoint& point);

}  // namespace mw::analysis
