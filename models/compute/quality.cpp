#include "models/compute/quality.hpp"

#include <fmt/format.h>

namespace mw::models {

void check(const QualityParameters& quality, sim::Problems& problems) {
  for (std::size_t i = 0; i < quality.scores.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (quality.scores[i].task == quality.scores[j].task &&
          quality.scores[i].precision == quality.scores[j].precision)
        problems.add(fmt::format("scores[{}]", i),
                     fmt::format("says `{}` at this precision again", quality.scores[i].task),
                     "keep one of the two");
  if (quality.scores.empty())
    problems.add("scores", "names no score", "give one: task, precision, score");
}

const TaskScore* find_score(const QualityParameters& quality, const std::string& task,
                            Precision precision) {
  for (const TaskScore& s : quality.scores)
    if (s.task == task && s.precision == precision) return &s;
  return nullptr;
}

}  // namespace mw::models
