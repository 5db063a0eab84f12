#pragma once
#include <cmath>

#include "sim/quantity.hpp"

namespace mw::models {

/// Steady junction temperature: coolant supply, half of its rise through the rack (the mean coolant
/// that a cold plate sees), and the drop over the thermal resistance from junction to coolant.
constexpr sim::Temperature junction_temperature(sim::Temperature supply,
                                                sim::TemperatureDifference coolant_rise,
                                                sim::Power chip, sim::ThermalResistance r) {
  return {supply.value + coolant_rise.value / 2 + chip.value * r.value};
}

/// Die, lid and cold plate as one heat capacity behind one resistance.
struct ChipNode {
  sim::ThermalResistance resistance;
  double heat_capacity = 0;  // J/K
};

/// Its temperature (degC) after some time at constant power and coolant: the exact step of
/// C dT/dt = P - (T - coolant) / R.
inline double chip_after(const ChipNode& chip, double degc, double coolant, double watts,
                         double seconds) {
  const double steady = coolant + watts * chip.resistance.value;
  return steady +
         (degc - steady) * std::exp(-seconds / (chip.resistance.value * chip.heat_capacity));
}

/// Seconds until a heat capacity (J/K) that gives nothing away has warmed by so many K.
constexpr double time_to_warm(double heat_capacity, double watts, double kelvin) {
  return heat_capacity * kelvin / watts;
}

}  // namespace mw::models
