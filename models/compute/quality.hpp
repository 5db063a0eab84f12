#pragma once
#include <optional>
#include <string>
#include <vector>

#include "models/compute/precision.hpp"
#include "sim/describe.hpp"

// What a model's answers are worth, beside what they cost. A cheap token that solves nothing is
// dear, so a joule per token of two models, or of two number formats, compares only at their
// scores.
namespace mw::models {

/// A published score of a model at one storage of its weights, on one benchmark.
struct TaskScore {
  std::string task;
  Precision precision = Precision::bf16;
  sim::Sourced<double> score;
  std::optional<sim::Sourced<double>> tokens_per_task;
};
template <sim::Describes<TaskScore> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("task", self.task,
        About{.text = "Benchmark, as in gpqa_diamond or aime_2025", .required = true});
  visit("precision", self.precision,
        About{.text = "Storage of the weights that was scored", .required = true});
  visit("score", self.score,
        About{.text = "Share of its tasks that one answer solves (pass@1)",
              .min = 0,
              .max = 1,
              .required = true});
  visit("tokens_per_task", self.tokens_per_task,
        About{.text = "Mean output tokens of an answer; left out where not known", .min = 1});
}

/// Scores of one language model.
struct QualityParameters {
  static constexpr const char* catalog = "quality";
  std::string text;
  std::vector<std::string> models;
  std::vector<TaskScore> scores;
};
template <sim::Describes<QualityParameters> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("text", self.text, About{.text = "Which model, and how it answered"});
  visit("models", self.models,
        About{.text = "The names of catalog/llms that these scores hold for", .required = true});
  visit("scores", self.scores, About{.text = "One for each task and precision", .required = true});
}
void check(const QualityParameters& quality, sim::Problems& problems);

/// The score of a task at a precision; null if none is published.
const TaskScore* find_score(const QualityParameters& quality, const std::string& task,
                            Precision precision);

/// An answer takes `tokens_per_task` tokens whether it is right or wrong, and `score` of the
/// answers are right: so much is spent for each task that is solved.
inline double per_solved_task(double per_token, double tokens_per_task, double score) {
  return per_token * tokens_per_task / score;
}

}  // namespace mw::models
