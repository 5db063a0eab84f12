#include "models/cooling/psychrometrics.hpp"

#include <algorithm>
#include <cmath>

#include "models/numerics/root.hpp"

namespace mw::models {
namespace {

constexpr double water_over_air = 0.621945;  // ratio of molar masses, ASHRAE eq. 20
constexpr double kelvin = 273.15;

}  // namespace

double saturation_pressure(double degc) {
  const double t = std::clamp(degc, -100.0, 200.0) + kelvin;
  if (degc < 0) {
    return std::exp(-5.6745359e3 / t + 6.3925247 - 9.6778430e-3 * t + 6.2215701e-7 * t * t +
                    2.0747825e-9 * t * t * t - 9.4840240e-13 * t * t * t * t +
                    4.1635019 * std::log(t));
  }
  return std::exp(-5.8002206e3 / t + 1.3914993 - 4.8640239e-2 * t + 4.1764768e-5 * t * t -
                  1.4452093e-8 * t * t * t + 6.5459673 * std::log(t));
}

double standard_pressure(double elevation_m) {
  return 101325 * std::pow(1 - 2.25577e-5 * elevation_m, 5.2559);
}

double humidity_ratio_from_vapour_pressure(double vapour_pressure, double pressure) {
  return water_over_air * vapour_pressure / (pressure - vapour_pressure);
}

double vapour_pressure_from_humidity_ratio(double humidity_ratio, double pressure) {
  return pressure * humidity_ratio / (water_over_air + humidity_ratio);
}

double humidity_ratio_from_wet_bulb(double dry_bulb, double wet_bulb, double pressure) {
  const double saturated =
      humidity_ratio_from_vapour_pressure(saturation_pressure(wet_bulb), pressure);
  const double ratio =
      wet_bulb >= 0 ? ((2501 - 2.326 * wet_bulb) * saturated - 1.006 * (dry_bulb - wet_bulb)) /
                          (2501 + 1.86 * dry_bulb - 4.186 * wet_bulb)
                    : ((2830 - 0.24 * wet_bulb) * saturated - 1.006 * (dry_bulb - wet_bulb)) /
                          (2830 + 1.86 * dry_bulb - 2.1 * wet_bulb);
  return std::max(ratio, 0.0);
}

double wet_bulb_from_humidity_ratio(double dry_bulb, double humidity_ratio, double pressure) {
  // The wet bulb lies between the dew point and the dry bulb.
  const double low = std::min(dew_point_from_humidity_ratio(humidity_ratio, pressure), dry_bulb);
  return find_root(
      [&](double wet_bulb) {
        return humidity_ratio_from_wet_bulb(dry_bulb, wet_bulb, pressure) - humidity_ratio;
      },
      low, dry_bulb);
}

double dew_point_from_humidity_ratio(double humidity_ratio, double pressure) {
  const double vapour = vapour_pressure_from_humidity_ratio(humidity_ratio, pressure);
  return find_root([&](double degc) { return saturation_pressure(degc) - vapour; }, -100, 100);
}

double moist_air_enthalpy(double dry_bulb, double humidity_ratio) {
  return 1.006 * dry_bulb + humidity_ratio * (2501 + 1.86 * dry_bulb);
}

double relative_humidity(double dry_bulb, double humidity_ratio, double pressure) {
  return vapour_pressure_from_humidity_ratio(humidity_ratio, pressure) /
         saturation_pressure(dry_bulb);
}

double stull_wet_bulb(double t, double rh) {
  return t * std::atan(0.151977 * std::sqrt(rh + 8.313659)) + std::atan(t + rh) -
         std::atan(rh - 1.676331) + 0.00391838 * std::pow(rh, 1.5) * std::atan(0.023101 * rh) -
         4.686035;
}

}  // namespace mw::models
