#include "models/power/breaker.hpp"

namespace mw::models {

void check(const BreakerParameters& breaker, sim::Problems& problems) {
  if (breaker.current && breaker.rating)
    problems.add("rating", "the breaker is rated both in amperes and in watts",
                 "keep one of `current` and `rating`");
}

}  // namespace mw::models
