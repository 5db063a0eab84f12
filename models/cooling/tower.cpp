#include "models/cooling/tower.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "models/cooling/exchangers.hpp"
#include "models/cooling/metrics.hpp"
#include "models/cooling/psychrometrics.hpp"
#include "models/numerics/root.hpp"

namespace mw::models {
namespace {

constexpr double water_heat_capacity = 4186;  // J/(kg K)
constexpr double water_density = 1000;
constexpr double hottest = 90;  // degC, short of boiling at any site

/// Enthalpy of saturated air, J/kg: that of any air with this wet bulb, nearly (Merkel).
double saturated_enthalpy(double degc, double pressure) {
  return 1e3 * moist_air_enthalpy(
                   degc, humidity_ratio_from_vapour_pressure(saturation_pressure(degc), pressure));
}

/// Correction of UA with the shares of air and water flow and the wet bulb, within the range of the
/// curves (Modelica Buildings, UAMerkel; EnergyPlus CoolingTower:VariableSpeed:Merkel).
double ua_factor(const Tower& t, double air, double water, double wet_bulb) {
  const double of_air = air * (1.3 - 0.3 * air);
  const double w = std::clamp(water, 0.05, 1.08);  // the parabola falls beyond
  const double of_water = 0.1082 + w * (1.667 - 0.7713 * w);
  const double of_wet_bulb = 1 + 0.0081 * std::clamp(t.rated_wet_bulb - wet_bulb, -10.0, 25.0);
  return of_air * of_water * of_wet_bulb;
}

/// Counterflow of water against air whose enthalpy counts as a heat capacity between its wet bulbs.
double merkel_heat(const Tower& t, double air_share, double flow, double inlet,
                   const Weather& weather) {
  const double wet_bulb = weather.wet_bulb;
  const double air = t.air_flow * air_share;
  const double water = t.capacity_flow * flow;
  const double ua = t.ua * ua_factor(t, air_share, flow, wet_bulb);
  const double enters = saturated_enthalpy(wet_bulb, weather.pressure);
  const auto heat = [&](double leaves, double gained) {
    const double per_kelvin = gained / (leaves - wet_bulb);
    const double capacity = air * per_kelvin;
    const double least = std::min(capacity, water);
    const double effectiveness =
        counterflow_effectiveness(ua * per_kelvin / least, least / std::max(capacity, water));
    return effectiveness * least * (inlet - wet_bulb);
  };
  // What the air takes up by leaving at that wet bulb, less what the water gives.
  const auto surplus = [&](double leaves) {
    const double gained = saturated_enthalpy(leaves, weather.pressure) - enters;
    return air * gained - heat(leaves, gained);
  };
  const double leaves = find_root(surplus, wet_bulb + 1e-6 * (inlet - wet_bulb), inlet);
  return heat(leaves, saturated_enthalpy(leaves, weather.pressure) - enters);
}

double york_heat(const Tower& t, double air_share, double flow, double inlet,
                 const Weather& weather) {
  constexpr double most_ratio = 8, coldest = -34.4, warmest = 26.7;  // range of the polynomial
  const double ratio = std::min(flow / air_share, most_ratio);
  const double wet_bulb = std::clamp(weather.wet_bulb, coldest, warmest);
  const double most = inlet - weather.wet_bulb;
  const auto lack = [&](double range) {
    return most - range - std::max(york_approach(range, wet_bulb, ratio), 0.0);
  };
  return t.capacity_flow * flow * find_root(lack, 0, most);
}

double air_share(const Tower& t, double speed) {
  return t.free_convection + (1 - t.free_convection) * speed;
}

}  // namespace

void check(const TowerParameters& tower, sim::Problems& problems) {
  if (!(tower.water_in > tower.water_out && tower.water_out > tower.wet_bulb))
    problems.add("water_in", "the rated point does not cool: wet_bulb < water_out < water_in",
                 "copy the three temperatures from the data sheet");
}

double york_approach(double range, double wet_bulb, double water_over_air) {
  static constexpr std::array<double, 27> c = {
      -0.359741205,     -0.055053608,      0.0023850432,     0.173926877,         -0.0248473764,
      0.00048430224,    -0.005589849456,   0.0005770079712,  -0.00001342427256,   2.84765801111111,
      -0.121765149,     0.0014599242,      1.680428651,      -0.0166920786,       -0.0007190532,
      -0.025485194448,  0.0000487491696,   0.00002719234152, -0.0653766255555556, -0.002278167,
      0.0002500254,     -0.0910565458,     0.00318176316,    0.000038621772,      -0.0034285382352,
      0.00000856589904, -0.000001516821552};
  double sum = 0;
  std::size_t i = 0;
  double of_ratio = 1;
  for (int l = 0; l < 3; ++l, of_ratio *= water_over_air) {
    double of_range = of_ratio;
    for (int r = 0; r < 3; ++r, of_range *= range) {
      sum += of_range * (c[i] + wet_bulb * (c[i + 1] + wet_bulb * c[i + 2]));
      i += 3;
    }
  }
  return sum;
}

Tower make_tower(const TowerParameters& p) {
  Tower t{};
  t.model = p.model;
  t.rated_wet_bulb = sim::to_degc(p.wet_bulb);
  t.free_convection = p.free_convection.value;
  t.exchanger_approach = p.exchanger_approach.value.value;
  t.fan = p.fan_share.value;
  const double hot = sim::to_degc(p.water_in), cold = sim::to_degc(p.water_out);
  t.capacity_flow = 1 / (hot - cold);
  t.air_flow = t.capacity_flow / water_heat_capacity / p.water_over_air.value;
  const double pressure = standard_pressure(0);
  const double enters = saturated_enthalpy(t.rated_wet_bulb, pressure);
  const double gained = 1 / t.air_flow;
  const double leaves =
      find_root([&](double degc) { return saturated_enthalpy(degc, pressure) - enters - gained; },
                t.rated_wet_bulb, hottest);
  const double per_kelvin = gained / (leaves - t.rated_wet_bulb);
  const double capacity = t.air_flow * per_kelvin;
  const double least = std::min(capacity, t.capacity_flow);
  const double effectiveness = 1 / (least * (hot - t.rated_wet_bulb));
  const double z = least / std::max(capacity, t.capacity_flow);
  t.ua = counterflow_ntu(std::min(effectiveness, 0.999), z) * least / per_kelvin /
         ua_factor(t, 1, 1, t.rated_wet_bulb);
  return t;
}

double tower_heat(const Tower& t, double speed, double flow, double inlet, const Weather& weather) {
  const double water = std::min(inlet - t.exchanger_approach, hottest);
  const double air = air_share(t, speed);
  if (flow <= 0 || air <= 0 || water <= weather.wet_bulb) return 0;
  return t.model == TowerModel::merkel ? merkel_heat(t, air, flow, water, weather)
                                       : york_heat(t, air, flow, water, weather);
}

double tower_water(const TowerParameters& p, const Tower& t, double speed, double flow, double heat,
                   const Weather& weather) {
  if (heat <= 0) return 0;
  const double air = t.air_flow * std::max(air_share(t, speed), 0.01);
  const double leaves =
      1e3 * moist_air_enthalpy(weather.dry_bulb, weather.humidity_ratio) + heat / air;
  const double degc =
      find_root([&](double c) { return saturated_enthalpy(c, weather.pressure) - leaves; },
                weather.wet_bulb - 1, hottest);
  const double moist =
      humidity_ratio_from_vapour_pressure(saturation_pressure(degc), weather.pressure);
  const double evaporated = air * std::max(0.0, moist - weather.humidity_ratio) / water_density;
  const double circulated = t.capacity_flow * flow / water_heat_capacity / water_density;
  return make_up_water(evaporated, p.cycles.value) + p.drift.value * circulated;
}

}  // namespace mw::models
