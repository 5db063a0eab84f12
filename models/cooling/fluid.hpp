#pragma once

namespace mw::models {

struct FluidProperties {
  double density;        // kg/m3
  double heat_capacity;  // J/(kg K)
  double viscosity;      // Pa s
  double conductivity;   // W/(m K)
};

/// Water with a mass fraction of propylene glycol, 0.15 to 0.57 and -20 to 100 degC: the double
/// polynomials of A. Melinder, Properties of Secondary Working Fluids for Indirect Systems (IIR,
/// 2010), as used by Modelica Buildings (Buildings.Media.Antifreeze.PropyleneGlycolWater).
/// Outside the range the nearest edge is taken.
FluidProperties propylene_glycol(double mass_fraction, double degc);

/// Plain water at 1 bar, 0 to 100 degC, by the points of the CRC Handbook (92nd ed., sec. 6) with
/// monotone interpolation; errors below 0.1 % (viscosity 0.5 %).
FluidProperties water(double degc);

/// Water if the mass fraction is 0, else the mixture.
FluidProperties coolant(double glycol_mass_fraction, double degc);

}  // namespace mw::models
