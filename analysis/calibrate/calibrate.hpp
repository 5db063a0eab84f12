#pragma once
#include <map>
#include <string>
#include <vector>

#include "analysis/calibrate/rows.hpp"

namespace mw::analysis {

/// What is left out in turn: all rows of one family of models, one GPU, one serving stack.
enum class LeaveOut { none, family, gpu, stack };
inline std::span<const char* const> enum_names(LeaveOut) {
  static constexpr const char* names[] = {"none", "family", "gpu", "stack"};
  return names;
}
const std::string& left_out_key(const Point& point, LeaveOut by);

/// One fit of a study's figures to some of its points.
struct StudyFit {
  Fit fit;
  std::vector<double> values;       // of every figure of the study, fitted or not
  std::vector<bool> told;           // [figure of the study] some row depends on it
  std::vector<std::size_t> column;  // [figure of the study] its place in `fit`
};

/// Fits to the points that `use` marks. Entries are left as fitted.
StudyFit fit_study(const CalibrationStudy& study, const std::vector<FittedValue>& fitted,
                   const StudyRows& rows, const std::vector<bool>& use, bool drop_untold,
                   Entries& entries, const std::function<bool()>& stop);

/// log(predicted / measured) of all the study's measured figures.
std::vector<double> study_errors(const StudyRows& rows, const Entries& entries);

struct LeftOut {
  std::string name;
  StudyFit fit;                // without it
  std::vector<double> errors;  // of all measured figures, predicted by that fit
};

struct CalibrateOptions {
  std::string study;
  std::vector<std::string> sets, points;
  LeaveOut leave_out = LeaveOut::none;
  std::string output;  // folder of the overlay; empty: none
  std::string json;
  bool check = false;  // compare with the simulated engine too
  bool quiet = false;
  int threads = 0;
};

struct Calibration {
  CalibrationStudy study;
  std::vector<FittedValue> fitted;
  StudyRows rows;
  StudyFit fit;
  std::vector<double> before, after;  // [measured figure]
  LeaveOut by = LeaveOut::none;
  std::vector<LeftOut> left_out;
};

/// The tables of a calibration, for people and for programs.
std::string calibration_report(const Calibration& calibration);
std::string calibration_json(const Calibration& calibration);

/// The `calibrate` command; returns the exit code.
int calibrate(const CalibrateOptions& options);

}  // namespace mw::analysis
