#pragma once
#include "models/cooling/plant.hpp"

// What the steady plant and the plant in time have in common.
namespace mw::models {

// Air at 1 atm and 27 degC (ASHRAE Fundamentals, ch. 1 and 33).
inline constexpr double air_density = 1.17;
inline constexpr double air_heat_capacity = 1006;

/// W per K carried by 1 m3/s, or J per K held by 1 m3.
double volumetric_heat_capacity(double glycol, double degc);

/// Power of a loop's pumps at a share of its design flow.
double pump(const LoopParameters& loop, double design_flow, double design_pressure,
            double fraction);
/// Part of its head that does not fall with the flow.
double held_part(const LoopParameters& loop, double design_pressure);

/// What the heat customer takes of `heat` in that weather from water that returns at `degc`.
double reused_heat(const CoolingParameters& p, double heat, double degc, const Weather& weather);

/// The air that enters the dry coolers, behind wetted pads if there are any and it is warm enough.
double cooler_air(const CoolingParameters& p, const Weather& weather);
/// Water that the pads take at that fan speed, m3/s.
double pad_water(const CoolingParameters& p, const Rejection& rejection, double fan_speed,
                 const Weather& weather);

/// Cooling of the heat that racks give to air: adds its part to `out`.
void air_step(const CoolingParameters& p, const CoolingSizing& s, double heat,
              const Weather& weather, CoolingPower& out);

}  // namespace mw::models
