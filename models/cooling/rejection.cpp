#include "models/cooling/rejection.hpp"

#include <algorithm>

#include "models/cooling/pumps.hpp"
#include "models/numerics/root.hpp"

namespace mw::models {
namespace {

/// Each unit's share of the rated flow.
double flow_share(const Rejection& r, double capacity) {
  const double rated =
      r.kind == RejectionKind::tower ? r.tower.capacity_flow : r.cooler.capacity_flow;
  return capacity / (r.units * rated);
}

double coldest(const Rejection& r, const Outdoors& out) {
  return (r.fixed.over_wet_bulb ? out.weather.wet_bulb : out.weather.dry_bulb) +
         r.fixed.approach.value.value;
}

}  // namespace

double rejected_heat(const Rejection& r, double speed, double capacity, double inlet,
                     const Outdoors& out) {
  switch (r.kind) {
    case RejectionKind::dry_cooler:
      return r.units * dry_cooler_heat(r.cooler, speed, flow_share(r, capacity), inlet, out.air);
    case RejectionKind::tower:
      return r.units * tower_heat(r.tower, speed, flow_share(r, capacity), inlet, out.weather);
    case RejectionKind::fixed_approach:
      return speed * capacity * std::max(0.0, inlet - coldest(r, out));
  }
  return 0;
}

FanSpeed rejection_speed(const Rejection& r, double heat, double capacity, double inlet,
                         const Outdoors& out) {
  if (r.kind == RejectionKind::dry_cooler)
    return dry_cooler_speed(r.cooler, heat / r.units, flow_share(r, capacity), inlet, out.air);
  if (heat <= 0) return {0, true};
  const double most = rejected_heat(r, 1, capacity, inlet, out);
  if (most <= heat) return {1, most >= heat * (1 - 1e-12)};
  const auto surplus = [&](double speed) {
    return rejected_heat(r, speed, capacity, inlet, out) - heat;
  };
  return {surplus(0) >= 0 ? 0 : find_root(surplus, 0, 1), true};
}

double rejection_inlet(const Rejection& r, double heat, double capacity, const Outdoors& out) {
  if (r.kind == RejectionKind::dry_cooler)
    return dry_cooler_inlet(r.cooler, heat / r.units, flow_share(r, capacity), out.air);
  if (r.kind == RejectionKind::fixed_approach)
    return coldest(r, out) + std::max(heat, 0.0) / capacity;
  const double least = out.weather.wet_bulb + r.tower.exchanger_approach;
  if (heat <= 0) return least;
  const auto surplus = [&](double inlet) {
    return rejected_heat(r, 1, capacity, inlet, out) - heat;
  };
  double span = heat / capacity + 10;
  for (int i = 0; i < 8 && surplus(least + span) < 0; ++i) span *= 2;
  return find_root(surplus, least, least + span);
}

double rejection_fan(const Rejection& r, double speed, double heat) {
  switch (r.kind) {
    case RejectionKind::dry_cooler:
      return r.units * dry_cooler_fan(r.cooler, speed);
    case RejectionKind::tower:
      return r.units * r.tower.fan * affinity(speed).power;
    case RejectionKind::fixed_approach:
      return r.fixed.fan_share.value * heat;
  }
  return 0;
}

double rejection_water(const Rejection& r, const TowerParameters& tower, double speed,
                       double capacity, double heat, const Outdoors& out) {
  if (r.kind != RejectionKind::tower || heat <= 0) return 0;
  return r.units *
         tower_water(tower, r.tower, speed, flow_share(r, capacity), heat / r.units, out.weather);
}

}  // namespace mw::models
