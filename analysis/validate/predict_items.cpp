#include "analysis/validate/predict_items.hpp"

#include <filesystem>
#include <memory>

#include <fmt/format.h>

#include "scenarios/generators.hpp"
#include "scenarios/nearest.hpp"
#include "scenarios/problems.hpp"
#include "sim/io/data_folder.hpp"

namespace mw::analysis {
namespace {

Prediction predict_item(const Point& point, const scenarios::Generators& generators) {
  models::GeneratorRun run;
  run.gpu = point.gpu;
  run.gpus = point.n_gpus;
  run.batch = point.batch;
  run.width = point.width;
  run.height = point.height;
  run.frames = point.frames;
  run.steps = point.steps;
  run.ulysses = point.ulysses;
  run.ring = point.ring;
  Prediction out;
  std::string why;
  auto estimate = generators.estimate(point.model, run, why);
  if (!estimate && (run.ulysses > 0 || run.ring > 0)) {
    // Not measured in this layout: the fastest that was.
    run.ulysses = run.ring = 0;
    estimate = generators.estimate(point.model, run, why);
    if (estimate) out.weak.emplace_back("another layout was measured");
  }
  if (!estimate) {
    out.problem = why.empty() ? fmt::format("there is no figure for {}",
                                            scenarios::in_quotes(point.written_model))
                              : why;
    out.advice = "the known ones: " + scenarios::listed(generators.names());
    return out;
  }
  out.predicted[Figure::latency_s] = estimate->latency;
  out.predicted[Figure::gpu_w] = estimate->power;
  out.predicted[Figure::j_per_item] = estimate->energy;
  const auto basis = enum_names(estimate->basis)[static_cast<std::size_t>(estimate->basis)];
  out.basis = estimate->note.empty() ? basis : fmt::format("{}: {}", basis, estimate->note);
  if (estimate->basis == models::GeneratorBasis::extrapolated ||
      estimate->basis == models::GeneratorBasis::estimated)
    out.weak.emplace_back(basis);
  return out;
}

}  // namespace

void predict_items(const std::vector<Point>& points, std::vector<Prediction>& predictions,
                   const scenarios::Catalog& catalog, bool with_table,
                   const std::function<void()>& done) {
  std::unique_ptr<scenarios::Generators> generators;
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (points[i].kind != PointKind::image && points[i].kind != PointKind::video) continue;
    if (!generators) {
      generators = std::make_unique<scenarios::Generators>(catalog);
      const auto table = sim::data_folder() / "inference_energy/mlenergy_v3_configurations.csv";
      std::error_code error;
      if (with_table && std::filesystem::exists(table, error)) generators->measure(table);
    }
    predictions[i] = predict_item(points[i], *generators);
    done();
  }
}

}  // namespace mw::analysis
