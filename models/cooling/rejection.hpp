#pragma once
#include "models/cooling/dry_cooler.hpp"
#include "models/cooling/tower.hpp"

// Ways of giving heat to the outdoor air behind one interface. Heats in W, temperatures in degC,
// capacity flows of the facility water in W/K.
namespace mw::models {

enum class RejectionKind { dry_cooler, tower, fixed_approach };
inline std::span<const char* const> enum_names(RejectionKind) {
  static constexpr const char* names[] = {"dry_cooler", "tower", "fixed_approach"};
  return names;
}

/// For screening: water is cooled to so much above the air, whatever the heat.
struct FixedApproachParameters {
  sim::Sourced<sim::TemperatureDifference> approach{{8}, sim::Confidence::assumed, "Millwright"};
  bool over_wet_bulb = false;
  sim::Sourced<double> fan_share{0.02, sim::Confidence::assumed, "Millwright"};
};
template <sim::Describes<FixedApproachParameters> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("approach", self.approach,
        About{.text = "Facility water supply less outdoor air", .min = 0.5, .max = 40});
  visit("over_wet_bulb", self.over_wet_bulb, About{.text = "Over the wet bulb, not the dry bulb"});
  visit("fan_share", self.fan_share,
        About{.text = "Fan power per heat given off", .min = 0, .max = 0.2});
}

/// Equipment of one kind; `units` of the rated size, need not be whole.
struct Rejection {
  RejectionKind kind = RejectionKind::dry_cooler;
  DryCooler cooler{};
  Tower tower{};
  FixedApproachParameters fixed{};
  double units = 0;
  double rated_heat() const { return kind == RejectionKind::dry_cooler ? cooler.heat : 1; }
};

/// The weather as the equipment meets it: `air` is what enters dry coolers (behind wetted pads).
struct Outdoors {
  double air;
  const Weather& weather;
};

/// Heat given off at a share `speed` of the fan speed with the water entering at `inlet`.
double rejected_heat(const Rejection& r, double speed, double capacity, double inlet,
                     const Outdoors& out);

/// The speed that gives off `heat`; 1 and not enough if full speed gives off less. At speed 0 a
/// tower may give off more by itself: its bypass then takes the difference.
FanSpeed rejection_speed(const Rejection& r, double heat, double capacity, double inlet,
                         const Outdoors& out);

/// The inlet at which full speed gives off `heat`.
double rejection_inlet(const Rejection& r, double heat, double capacity, const Outdoors& out);

/// Fan power; `heat` is what is given off.
double rejection_fan(const Rejection& r, double speed, double heat);

/// Water taken for that heat, m3/s, pads of dry coolers apart.
double rejection_water(const Rejection& r, const TowerParameters& tower, double speed,
                       double capacity, double heat, const Outdoors& out);

}  // namespace mw::models
