#include "analysis/calibrate/rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>

#include "scenarios/serving.hpp"
#include "sim/io/data_folder.hpp"

namespace mw::analysis {
namespace {

namespace fs = std::filesystem;

constexpr FittedFigure all_figures[] = {FittedFigure::tok_s, FittedFigure::itl_ms,
                                        FittedFigure::tpot_ms, FittedFigure::gpu_w,
                                        FittedFigure::j_per_token};
Figure column_of(FittedFigure f) {
  static constexpr Figure columns[] = {Figure::tok_s, Figure::itl_ms, Figure::tpot_ms,
                                       Figure::gpu_w, Figure::j_per_token};
  return columns[static_cast<std::size_t>(f)];
}

bool named(const Point& point, const std::vector<std::string>& names) {
  return std::any_of(names.begin(), names.end(), [&](const std::string& n) {
    return n == point.family || n == point.model || n == point.gpu || n == point.stack;
  });
}

/// Why the steady estimate has nothing to say of a point; empty if it has.
std::string beyond(const Point& p, const CalibrationStudy& study) {
  if (p.kind != PointKind::serving && p.kind != PointKind::wall) return "not of a serving engine";
  if (p.cap_w) return "under a power limit";
  if (p.attention_dp > 1 && !study.attention_dp) return "with data-parallel attention";
  if (!study.tasks.empty() &&
      std::find(study.tasks.begin(), study.tasks.end(), p.task) == study.tasks.end())
    return "of other tasks";
  return "";
}

}  // namespace

StudyRows read_rows(const CalibrationStudy& study, const fs::path& base,
                    const std::vector<std::string>& more, const scenarios::Catalog& catalog,
                    Entries& entries) {
  StudyRows out;
  std::vector<std::string> files = more;
  for (const std::string& name : study.points)
    files.push_back(sim::find_input(name, base).value_or(base / name).string());
  const scenarios::Names names(catalog);
  std::map<std::string, int> aside;
  std::vector<Point> points;
  for (const std::string& path : files) {
    PointFile file = read_points(path, catalog, names);
    out.problems.insert(out.problems.end(), file.problems.begin(), file.problems.end());
    for (Point& p : file.points) {
      const bool measured =
          std::any_of(study.figures.begin(), study.figures.end(), [&](FittedFigure f) {
            return p.measured[column_of(f)] && *p.measured[column_of(f)] > 0;
          });
      const std::string why = !measured                         ? "without a figure to fit"
                              : p.contended && !study.contended ? "on a contended host"
                                                                : beyond(p, study);
      if (!why.empty()) {
        ++aside[why];
      } else {
        points.push_back(std::move(p));
      }
    }
  }
  entries.read(points);

  std::vector<Point> fitting;
  for (Point& p : points) {
    const auto service = service_of(p, entries);
    sim::Problems found;
    scenarios::plan_serving(service, entries.gpus.at(p.gpu), entries.link_domain(p.gpu), found);
    if (found.items.empty()) {
      fitting.push_back(std::move(p));
    } else {
      ++aside["that do not fit their GPUs"];
    }
  }
  const auto start = SteadyPredictor(fitting, entries).predict();
  for (std::size_t i = 0; i < fitting.size(); ++i) {
    Point& p = fitting[i];
    const double rounds = double(p.n_requests) / p.replicas / start[i].batch;
    if (p.pattern == Pattern::at_once && rounds < study.least_rounds) {
      ++aside["too short to be steady"];
      continue;
    }
    for (const FittedFigure f : all_figures) {
      if (std::find(study.figures.begin(), study.figures.end(), f) == study.figures.end()) continue;
      const auto& value = p.measured[column_of(f)];
      if (!value || !(*value > 0)) continue;
      const bool in_ms = f == FittedFigure::itl_ms || f == FittedFigure::tpot_ms;
      out.figures.push_back({out.points.size(), f, std::log(*value * (in_ms ? 1e-3 : 1))});
    }
    out.fitted.push_back(!named(p, study.keep_back));
    out.points.push_back(std::move(p));
  }
  for (const auto& [why, rows] : aside) out.left_aside.push_back(fmt::format("{} {}", rows, why));
  return out;
}

void log_errors(const std::vector<MeasuredFigure>& figures,
                const std::vector<SteadyFigures>& predicted, std::span<double> out) {
  for (std::size_t i = 0; i < figures.size(); ++i) {
    const SteadyFigures& p = predicted[figures[i].point];
    const double values[] = {p.tok_s, p.itl_s, p.tpot_s, p.gpu_w, p.j_per_token};
    out[i] =
        std::log(values[static_cast<std::size_t>(figures[i].figure)]) - figures[i].log_measured;
  }
}

}  // namespace mw::analysis
