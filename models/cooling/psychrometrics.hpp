#pragma once

// Moist air by the ASHRAE Handbook of Fundamentals, ch. 1 (ideal-gas relations, I-P free).
// Temperatures in degC, pressures in Pa, humidity ratio in kg water per kg dry air.
namespace mw::models {

/// Saturation pressure over water, and over ice below 0 degC (Hyland and Wexler 1983); -100..200.
double saturation_pressure(double degc);

/// Pressure of the standard atmosphere at a height in m (ASHRAE eq. 3).
double standard_pressure(double elevation_m);

double humidity_ratio_from_vapour_pressure(double vapour_pressure, double pressure);
double vapour_pressure_from_humidity_ratio(double humidity_ratio, double pressure);

/// ASHRAE eq. 33 (wet bulb at or above freezing) and 35 (below).
double humidity_ratio_from_wet_bulb(double dry_bulb, double wet_bulb, double pressure);

/// Inverse of that in wet bulb; never above the dry bulb. Just below 0 degC a wet and an iced bulb
/// both satisfy the relations; either may be given.
double wet_bulb_from_humidity_ratio(double dry_bulb, double humidity_ratio, double pressure);

double dew_point_from_humidity_ratio(double humidity_ratio, double pressure);

/// kJ per kg dry air.
double moist_air_enthalpy(double dry_bulb, double humidity_ratio);

/// 0 to 1 (a supersaturated state gives more).
double relative_humidity(double dry_bulb, double humidity_ratio, double pressure);

/// Screening formula at 1 atm (R. Stull, J. Appl. Meteor. Climatol. 50 (2011) 2267): relative
/// humidity in percent, good to about 1 K above 5 %.
double stull_wet_bulb(double dry_bulb, double relative_humidity_percent);

}  // namespace mw::models
