#include <algorithm>

#include "models/cooling/plant_parts.hpp"
#include "models/cooling/psychrometrics.hpp"
#include "models/cooling/pumps.hpp"

namespace mw::models {
namespace {

/// Share of the air side's heat that the economiser takes: the part of the range, of the water or
/// of the room's air, that lies above what the weather offers.
double free_share(const AirSideParameters& a, const Weather& weather) {
  switch (a.economiser) {
    case Economiser::none:
      return 0;
    case Economiser::water: {
      const double range = a.water_rise.value.value;
      const double coldest = weather.dry_bulb + a.free_cooling_approach.value.value;
      return std::clamp((sim::to_degc(a.water.value) + range - coldest) / range, 0.0, 1.0);
    }
    case Economiser::air: {
      const double wettest = humidity_ratio_from_vapour_pressure(
          saturation_pressure(sim::to_degc(a.highest_dew_point.value)), weather.pressure);
      if (weather.humidity_ratio > wettest) return 0;
      const double rise = a.air_rise.value.value;
      return std::clamp((sim::to_degc(a.supply.value) + rise - weather.dry_bulb) / rise, 0.0, 1.0);
    }
  }
  return 0;
}

}  // namespace

void air_step(const CoolingParameters& p, const CoolingSizing& s, double heat_to_air,
              const Weather& weather, CoolingPower& out) {
  if (s.air_design_heat <= 0) return;
  const AirSideParameters& a = p.air;
  const double room_heat = std::max(heat_to_air, 0.0);
  const double speed = std::clamp(room_heat / s.air_design_heat, a.least_fan_speed, 1.0);
  out.crah_fan = s.crah_fan * affinity(speed).power;
  const double heat = room_heat + out.crah_fan;
  const double supply = sim::to_degc(a.water.value);
  const double free = free_share(a, weather);
  // Heat that leaves with outdoor air does not pass the water.
  const double by_air = a.economiser == Economiser::air ? free * heat : 0;
  out.air_pump = a.pump_share.value * (heat - by_air);
  const double water_heat = heat - by_air + out.air_pump;
  out.air_free_heat = a.economiser == Economiser::water ? free * water_heat : by_air;
  const double rest = heat + out.air_pump - out.air_free_heat;
  out.air_chiller_heat = std::min(rest, s.chiller_capacity);
  out.unmet_air_heat = rest - out.air_chiller_heat;
  out.air_free_fan = a.free_cooling_fan_share.value * out.air_free_heat;
  const ChillerPower chiller =
      chiller_step(a.chiller, out.air_chiller_heat, s.chiller_capacity, supply, weather);
  out.air_chiller = chiller.electric;
  out.water += chiller.water;
}

}  // namespace mw::models
