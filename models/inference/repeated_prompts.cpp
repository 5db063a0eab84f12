#include "models/inference/repeated_prompts.hpp"

#include <algorithm>
#include <cmath>

namespace mw::models {

double cached_prompt_tokens(const RepeatedPrompts& list) {
  if (list.distinct <= 0 || list.requests <= std::max(list.batch, list.distinct)) return 0;
  const double repeats =
      (list.requests - std::max(list.batch, list.distinct)) / (list.requests - list.batch);
  // A request's last block is half empty on average, running or not.
  const double half = list.block / 2;
  const double between = list.distinct - list.batch;
  double kept = 1;
  if (between > 0) {
    const double room = list.capacity - list.batch * (list.context + half);
    const double needed = between * (list.prompt + list.output + half);
    const double deviation =
        std::sqrt(between) * std::hypot(list.prompt * list.prompt_cv, list.output * list.output_cv);
    kept = 0.5 * std::erfc((needed - room) / std::max(1.0, deviation) / std::sqrt(2.0));
  }
  return repeats * kept * std::max(0.0, list.prompt - (list.block + 1) / 2);
}

}  // namespace mw::models
