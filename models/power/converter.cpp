#include "models/power/converter.hpp"

namespace mw::models {

void check(const ConverterParameters& converter, sim::Problems& problems) {
  const auto& points = converter.efficiency;
  if (!points.empty() &&
      (converter.no_load != 0 || converter.proportional != 0 || converter.resistive != 0)) {
    problems.add("efficiency", "losses are given both as terms and as a curve",
                 "keep either no_load, proportional and resistive, or efficiency");
  }
  if (points.size() > MonotoneCurve::capacity) {
    problems.add("efficiency", "more than 16 points", "keep the points that shape the curve");
  }
  for (std::size_t i = 1; i < points.size(); ++i) {
    if (points[i].load <= points[i - 1].load) {
      problems.add("efficiency", "the loads do not rise from point to point",
                   "order the points by load and give each load once");
      break;
    }
  }
}

ConverterLaw make_converter_law(const ConverterParameters& converter) {
  ConverterLaw law{converter.no_load, converter.proportional, converter.resistive, {}};
  if (!converter.efficiency.empty()) {
    std::vector<double> load, efficiency;
    for (const EfficiencyPoint& point : converter.efficiency) {
      load.push_back(point.load);
      efficiency.push_back(point.efficiency);
    }
    law.efficiency = make_monotone_curve(load, efficiency);
  }
  return law;
}

}  // namespace mw::models
