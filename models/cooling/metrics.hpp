#pragma once

// Ratios of energies or, if said so, of powers; all arguments of one call in the same unit.
namespace mw::models {

/// Power usage effectiveness: total over IT energy (ISO/IEC 30134-2, where it means 12 months). The
/// same ratio of powers is iPUE, of a subsystem (IT + subsystem over IT) pPUE.
constexpr double power_usage_effectiveness(double total, double it) {
  return total / it;
}
constexpr double partial_pue(double it, double subsystem) {
  return (it + subsystem) / it;
}

/// IT's own PUE: IT energy over the part that reaches the computing parts, fans, supplies and
/// regulators left out (Patterson et al., TUE, ISC 2013).
constexpr double it_usage_effectiveness(double it, double compute) {
  return it / compute;
}

/// Total over compute energy: ITUE x PUE. Unlike PUE it does not get worse when fans go.
constexpr double total_usage_effectiveness(double total, double compute) {
  return total / compute;
}

/// Share of the total energy reused outside (ISO/IEC 30134-6), and PUE with it taken off.
constexpr double energy_reuse_factor(double reused, double total) {
  return reused / total;
}
constexpr double energy_reuse_effectiveness(double pue, double reuse_factor) {
  return pue * (1 - reuse_factor);
}

/// Litres per kWh of IT energy (ISO/IEC 30134-9).
constexpr double water_usage_effectiveness(double water_m3, double it_joule) {
  return water_m3 * 1e3 / (it_joule / 3.6e6);
}

/// kg CO2e per kWh of IT energy, all of it from the grid (ISO/IEC 30134-8).
constexpr double carbon_usage_effectiveness(double kg_per_kwh, double pue) {
  return kg_per_kwh * pue;
}

/// Water evaporated per heat carried away (m3/J) for a latent heat in J/kg; 1000 kg/m3.
constexpr double evaporation_per_heat(double latent_heat) {
  return 1 / (latent_heat * 1000);
}

/// Make-up water of a tower for that evaporation at a given number of cycles of concentration:
/// evaporation + blow-down E/(COC - 1).
constexpr double make_up_water(double evaporation, double cycles) {
  return evaporation * cycles / (cycles - 1);
}

}  // namespace mw::models
