#pragma once
#include <string>
#include <vector>

#include "analysis/calibrate/figures_to_fit.hpp"
#include "analysis/calibrate/steady_predictor.hpp"

namespace mw::analysis {

/// One measured figure of one point.
struct MeasuredFigure {
  std::size_t point;
  FittedFigure figure;
  double log_measured;
};

/// The points of a study that can be fitted or predicted, and what was left aside.
struct StudyRows {
  std::vector<Point> points;
  std::vector<MeasuredFigure> figures;  // in order of points
  std::vector<bool> fitted;             // [point]; false: kept back, only predicted
  std::vector<std::string> left_aside;  // so many rows, and why
  std::vector<sim::InputError> problems;
};

/// Reads the study's files (`base`: its folder) and `more`, and the entries they name.
StudyRows read_rows(const CalibrationStudy& study, const std::filesystem::path& base,
                    const std::vector<std::string>& more, const scenarios::Catalog& catalog,
                    Entries& entries);

/// log(predicted / measured) of `figures`.
void log_errors(const std::vector<MeasuredFigure>& figures,
                const std::vector<SteadyFigures>& predicted, std::span<double> out);

}  // namespace mw::analysis
