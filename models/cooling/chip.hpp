#pragma once
#include "sim/quantity.hpp"

namespace mw::models {

/// Steady junction temperature: coolant supply, half of its rise through the rack (the mean coolant
/// that a cold plate sees), and the drop over the thermal resistance from junction to coolant.
constexpr sim::Temperature junction_temperature(sim::Temperature supply,
                                                sim::TemperatureDifference coolant_rise,
                                                sim::Power chip, sim::ThermalResistance r) {
  return {supply.value + coolant_rise.value / 2 + chip.value * r.value};
}

}  // namespace mw::models
