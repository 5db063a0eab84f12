#include "models/cooling/dry_cooler.hpp"

#include <algorithm>
#include <cmath>

#include "models/cooling/exchangers.hpp"
#include "models/cooling/pumps.hpp"
#include "models/numerics/root.hpp"

namespace mw::models {

void check(const DryCoolerParameters& cooler, sim::Problems& problems) {
  if (!(cooler.coolant_in > cooler.coolant_out && cooler.coolant_out > cooler.air)) {
    problems.add("coolant_in", "the rated point does not cool: air < coolant_out < coolant_in",
                 "copy the three temperatures from the data sheet");
  }
}

DryCooler make_dry_cooler(const DryCoolerParameters& p) {
  DryCooler c{};
  c.rated_coolant_in = sim::to_degc(p.coolant_in);
  c.rated_air = sim::to_degc(p.air);
  c.heat = p.heat.value;
  c.fan = p.fan.value;
  c.capacity_flow = c.heat / (p.coolant_in - p.coolant_out).value;
  c.effectiveness = c.heat / (c.capacity_flow * (p.coolant_in - p.air).value);
  c.ntu = crossflow_unmixed_ntu(c.effectiveness, 1);
  c.ua = c.ntu * c.capacity_flow;
  const FilmPair films = split_films(c.ua, p.air_over_coolant_film);
  c.air_film = films.first;
  c.coolant_film = films.second;
  c.air_exponent = p.air_exponent;
  c.coolant_exponent = p.coolant_exponent;
  return c;
}

double dry_cooler_heat(const DryCooler& c, double speed, double flow, double coolant_in,
                       double air) {
  if (speed <= 0 || flow <= 0 || coolant_in <= air) return 0;
  // Film coefficients also follow temperature (Modelica Buildings, HADryCoil).
  const double per_kelvin = 0.014 / (1 + 0.014 * c.rated_coolant_in);
  const double coolant_factor = std::max(0.1, 1 + per_kelvin * (coolant_in - c.rated_coolant_in));
  const double air_factor = std::max(0.1, 1 + 7.8532e-4 * (air - c.rated_air));
  const double ua =
      series_conductance(c.coolant_film * coolant_factor * std::pow(flow, c.coolant_exponent),
                         c.air_film * air_factor * std::pow(speed, c.air_exponent));
  const double coolant_flow = c.capacity_flow * flow;
  const double air_flow = c.capacity_flow * speed;
  const double least = std::min(coolant_flow, air_flow);
  const double most = std::max(coolant_flow, air_flow);
  return crossflow_unmixed_effectiveness(ua / least, least / most) * least * (coolant_in - air);
}

double dry_cooler_fan(const DryCooler& c, double speed) {
  return c.fan * affinity(speed).power;
}

FanSpeed dry_cooler_speed(const DryCooler& c, double heat, double flow, double coolant_in,
                          double air) {
  if (heat <= 0) return {0, true};
  const double most = dry_cooler_heat(c, 1, flow, coolant_in, air);
  // At the rated point full speed is just enough; rounding must not call it a shortage.
  if (most <= heat) return {1, most >= heat * (1 - 1e-12)};
  const auto surplus = [&](double speed) {
    return dry_cooler_heat(c, speed, flow, coolant_in, air) - heat;
  };
  return {find_root(surplus, 0, 1), true};
}

double dry_cooler_inlet(const DryCooler& c, double heat, double flow, double air) {
  if (heat <= 0) return air;
  const auto surplus = [&](double coolant_in) {
    return dry_cooler_heat(c, 1, flow, coolant_in, air) - heat;
  };
  double span = 2 * heat / (c.effectiveness * c.capacity_flow * flow);
  for (int i = 0; i < 12 && surplus(air + span) < 0; ++i) span *= 2;
  return find_root(surplus, air, air + span);
}

}  // namespace mw::models
