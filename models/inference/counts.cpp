#include "models/inference/counts.hpp"

namespace mw::models {

void add(PodCounts& sum, const PodCounts& more) {
  std::vector<const std::int64_t*> terms;
  describe(more, [&](const char*, const std::int64_t& field, const sim::About&) {
    terms.push_back(&field);
  });
  std::size_t i = 0;
  describe(sum, [&](const char*, std::int64_t& field, const sim::About&) { field += *terms[i++]; });
}

}  // namespace mw::models
