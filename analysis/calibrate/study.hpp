#pragma once
#include <optional>
#include <string>
#include <vector>

#include "analysis/calibrate/fit.hpp"
#include "sim/describe.hpp"

// What `millwright calibrate` reads: which catalog figures to fit, to which measured points.
namespace mw::analysis {

/// A figure of the catalog, by its path: `stacks.vllm_0_11.step_overhead`, `gpus.b200.idle`.
struct StudyParameter {
  std::string figure;
  std::vector<std::string> also;
  std::optional<double> sigma;
  double within = 10;
  std::string fallback;
};
template <sim::Describes<StudyParameter> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("figure", self.figure,
        About{.text = "The figure: catalog, entry and key, as in `stacks.vllm_0_11.step_overhead`",
              .required = true});
  visit("also", self.also, About{.text = "Figures that always have the same value"});
  visit("sigma", self.sigma,
        About{.text = "Prior: how far the logarithm of the value may lie from the catalog's, one "
                      "standard deviation; without it the points alone decide",
              .min = 1e-3,
              .max = 10});
  visit("within", self.within,
        About{.text = "Bounds: the value may be this many times larger or smaller than the "
                      "catalog's, within what the key allows",
              .min = 1.01,
              .max = 1e6});
  visit("fallback", self.fallback,
        About{.text = "The figure that it equals where no fitted row depends on it (when rows are "
                      "left out); otherwise it keeps the catalog's value"});
}

enum class FittedFigure { tok_s, itl_ms, tpot_ms, gpu_w, j_per_token };
inline std::span<const char* const> enum_names(FittedFigure) {
  static constexpr const char* names[] = {"tok_s", "itl_ms", "tpot_ms", "gpu_w", "j_per_token"};
  return names;
}

struct CalibrationStudy {
  std::string text;
  std::vector<std::string> points;
  std::vector<FittedFigure> figures = {FittedFigure::tok_s, FittedFigure::itl_ms,
                                       FittedFigure::gpu_w};
  std::vector<StudyParameter> parameters;
  std::vector<std::string> keep_back;
  std::vector<std::string> tasks;
  bool contended = false;
  bool attention_dp = false;
  double least_rounds = 2;
  Loss loss = Loss::huber;
  double scatter = 0.1;
};
template <sim::Describes<CalibrationStudy> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("text", self.text, About{.text = "What the study is, in one line"});
  visit("points", self.points,
        About{.text = "Files of measured points, beside the study or below MILLWRIGHT_DATA"});
  visit("figures", self.figures, About{.text = "Which measured columns count"});
  visit("parameters", self.parameters, About{.text = "What to fit", .required = true});
  visit("keep_back", self.keep_back,
        About{.text = "Families, GPUs or stacks whose rows are not fitted, only predicted"});
  visit("tasks", self.tasks, About{.text = "Use rows of these tasks only; none: of all"});
  visit("attention_dp", self.attention_dp,
        About{.text = "Use rows with data-parallel attention too"});
  visit("contended", self.contended,
        About{.text = "Fit rows too whose host was shared with other jobs"});
  visit("least_rounds", self.least_rounds,
        About{.text = "Rows that send all requests at once count if there are at least this many "
                      "for each place in the batch: shorter runs are never steady",
              .min = 0});
  visit("loss", self.loss, About{.text = "How residuals count"});
  visit("scatter", self.scatter,
        About{.text = "First guess of the scatter of log(predicted / measured)",
              .min = 1e-6,
              .max = 10});
}

}  // namespace mw::analysis
