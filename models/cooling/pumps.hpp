#pragma once

// Pumps and fans.
namespace mw::models {

/// Affinity laws: at a share n of the speed, flow n, pressure n^2, power n^3 of their full values.
struct Affinity {
  double flow, pressure, power;
};
constexpr Affinity affinity(double speed) {
  return {speed, speed * speed, speed * speed * speed};
}

/// Electric power for a flow (m3/s) against a pressure rise (Pa) at a wire-to-fluid efficiency.
constexpr double pumping_power(double flow, double pressure, double efficiency) {
  return flow * pressure / efficiency;
}

/// Pressure a loop asks for: a held part (valve authority, differential-pressure set point) and
/// friction, which grows with the square of the flow. `design` is the sum of both at full flow.
constexpr double loop_pressure(double flow_fraction, double held, double design) {
  return held + (design - held) * flow_fraction * flow_fraction;
}

}  // namespace mw::models
