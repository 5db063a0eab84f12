#include "models/control/oracle.hpp"

#include <algorithm>

#include "sim/index.hpp"

namespace mw::models {
namespace {

using sim::idx;

struct Segment {
  std::int32_t group = 0;
  double slope = 0;  // capacity per mW
  Milliwatts length = 0;
};

double slope(const CapacityCurve::Point& a, const CapacityCurve::Point& b) {
  return (b.capacity - a.capacity) / (b.power - a.power);
}

}  // namespace

double CapacityCurve::at(double power) const {
  if (points.empty() || power <= 0) return 0;
  if (power <= points.front().power) return points.front().capacity * power / points.front().power;
  for (std::size_t i = 1; i < points.size(); ++i)
    if (power <= points[i].power)
      return points[i - 1].capacity +
             slope(points[i - 1], points[i]) * (power - points[i - 1].power);
  return points.back().capacity;
}

CapacityCurve upper_envelope(std::vector<CapacityCurve::Point> points) {
  std::sort(points.begin(), points.end(), [](const auto& a, const auto& b) {
    return a.power != b.power ? a.power < b.power : a.capacity > b.capacity;
  });
  std::vector<CapacityCurve::Point> hull{{0, 0}};
  for (const auto& p : points) {
    if (!(p.power > hull.back().power) || !(p.capacity > hull.back().capacity)) continue;
    while (hull.size() > 1 && slope(hull[hull.size() - 2], hull.back()) <= slope(hull.back(), p))
      hull.pop_back();
    hull.push_back(p);
  }
  hull.erase(hull.begin());
  return {hull};
}

double offered_capacity(const OracleGroup& group, Milliwatts power) {
  if (!group.curve || group.gpus == 0) return 0;
  return group.gpus *
         group.curve->at(static_cast<double>(std::min(power, group.useful)) * 1e-3 / group.gpus);
}

double best_capacity(const PowerTree& tree, std::span<const Milliwatts> rooms,
                     std::span<const OracleGroup> groups) {
  std::vector<Milliwatts> left(rooms.begin(), rooms.end());
  const auto room_of = [&](std::int32_t domain) {
    Milliwatts room = unlimited;
    for (auto v = domain; v >= 0; v = tree.parent[idx(v)]) room = std::min(room, left[idx(v)]);
    return std::max<Milliwatts>(room, 0);
  };
  const auto take = [&](std::int32_t domain, Milliwatts power) {
    for (auto v = domain; v >= 0; v = tree.parent[idx(v)]) left[idx(v)] -= power;
  };
  double sum = 0;
  std::vector<Segment> segments;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    const ResourceGroup& g = tree.groups[i];
    take(g.domain, g.least);
    sum += offered_capacity(groups[i], g.least);
    const auto* curve = groups[i].curve;
    if (!curve || groups[i].gpus == 0) continue;
    const Milliwatts end = std::min(g.most, groups[i].useful);
    Milliwatts from = g.least;
    for (const auto& p : curve->points) {
      const Milliwatts to = std::min(end, milliwatts(p.power * groups[i].gpus));
      if (to <= from) continue;
      const double gain = offered_capacity(groups[i], to) - offered_capacity(groups[i], from);
      segments.push_back(
          {static_cast<std::int32_t>(i), gain / static_cast<double>(to - from), to - from});
      from = to;
    }
  }
  // Concave curves: a group's own segments stay in their order.
  std::stable_sort(segments.begin(), segments.end(),
                   [](const Segment& a, const Segment& b) { return a.slope > b.slope; });
  for (const Segment& s : segments) {
    const std::int32_t domain = tree.groups[idx(s.group)].domain;
    const Milliwatts got = std::min(s.length, room_of(domain));
    take(domain, got);
    sum += s.slope * static_cast<double>(got);
  }
  return sum;
}

}  // namespace mw::models
