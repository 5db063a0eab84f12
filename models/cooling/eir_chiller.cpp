#include "models/cooling/eir_chiller.hpp"

#include <algorithm>

namespace mw::models {
namespace {

double surface(const std::array<double, 6>& a, double x, double y) {
  return a[0] + x * (a[1] + x * a[2]) + y * (a[3] + y * a[4]) + a[5] * x * y;
}

}  // namespace

void check(const EirCurves& curves, sim::Problems& problems) {
  for (const auto& [name, range] :
       {std::pair{"leaving", &curves.leaving}, std::pair{"entering", &curves.entering}})
    if ((*range)[0] >= (*range)[1])
      problems.add(name, "the first temperature is not below the second",
                   "give the coldest first, in degC");
}

EirPoint eir_point(const EirCurves& c, double leaving, double entering, double load_share) {
  const double x = std::clamp(leaving, c.leaving[0], c.leaving[1]);
  const double y = std::clamp(entering, c.entering[0], c.entering[1]);
  EirPoint p{};
  p.capacity = c.capacity.value * surface(c.capacity_by_temperature, x, y);
  // Below the least load the machine runs at it for a part of the time.
  const double share = std::max(load_share, c.least_load);
  const double cycling = c.least_load > 0 ? std::min(load_share / c.least_load, 1.0) : 1;
  const double of_load = c.eir_by_load[0] + share * (c.eir_by_load[1] + share * c.eir_by_load[2]);
  p.power = p.capacity / c.cop * surface(c.eir_by_temperature, x, y) * of_load * cycling;
  return p;
}

}  // namespace mw::models
