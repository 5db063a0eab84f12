#include "models/site/thermal.hpp"

#include <algorithm>
#include <cmath>

#include "models/cooling/chip.hpp"
#include "sim/index.hpp"

namespace mw::models {
namespace {

using sim::idx;

void chip_temperatures(const SiteParameters& site, SiteEpoch& epoch) {
  const double rise = epoch.cooling.tcs_return - epoch.cooling.tcs_supply;
  const double air_supply = sim::to_degc(site.cooling.air.supply.value);
  epoch.rack_junction_c.assign(idx(site.rack_count()), std::nan(""));
  epoch.hottest_junction_c = -sim::zero_celsius_in_kelvin;
  for (int r = 0; r < site.rack_count(); ++r) {
    const auto& rack = site.group(r).rack;
    if (rack.gpus() == 0) continue;
    const bool liquid = rack.liquid_fraction.value > 0;
    const sim::Temperature supply =
        sim::temperature_from_degc(liquid ? epoch.cooling.tcs_supply : air_supply);
    const sim::TemperatureDifference through{liquid ? rise : site.cooling.air.air_rise.value.value};
    const sim::Temperature t = junction_temperature(
        supply, through, {epoch.rack_gpu[idx(r)] / rack.gpus()}, rack.junction_resistance.value);
    epoch.rack_junction_c[idx(r)] = sim::to_degc(t);
    epoch.hottest_junction_c = std::max(epoch.hottest_junction_c, sim::to_degc(t));
  }
}

}  // namespace

void cool(const SiteParameters& site, const RackSums& mean, SiteEpoch& epoch) {
  const double utc = static_cast<double>(site.start.unix_ns) * 1e-9 + sim::to_seconds(epoch.end);
  epoch.weather =
      weather_under(site.events, epoch.start,
                    site.weather ? weather_at(*site.weather, utc) : weather_at(site.climate, utc));
  epoch.cooling = cooling_step(site.cooling, site.cooling_sizing,
                               {.liquid_heat = {mean.liquid_heat},
                                .air_heat = {mean.air_heat + epoch.room_heat},
                                .supply = site.cooling.supply},
                               epoch.weather);
  const CoolingPower& c = epoch.cooling;
  epoch.pumping = c.tcs_pump + c.fws_pump + c.cdu + c.air_pump;
  epoch.heat_rejection = c.rejection_fan + c.trim + c.crah_fan + c.air_chiller + c.air_free_fan;
  chip_temperatures(site, epoch);
}

void stop_plant(SiteEpoch& epoch) {
  CoolingPower& c = epoch.cooling;
  for (double* drive :
       {&c.tcs_pump, &c.fws_pump, &c.cdu, &c.rejection_fan, &c.trim, &c.crah_fan, &c.air_pump,
        &c.air_chiller, &c.air_free_fan, &epoch.pumping, &epoch.heat_rejection, &epoch.lighting})
    *drive = 0;
}

bool leak(SiteState& state, const SiteParameters& site, const SiteEpoch& epoch) {
  bool changed = false;
  for (int r = 0; r < site.rack_count(); ++r) {
    const auto& rack = site.group(r).rack;
    if (rack.gpus() == 0 || site.group(r).measured) continue;  // leakage was measured too
    const double watts =
        std::floor(leakage_beyond_reference(
                       rack.gpu.value, sim::temperature_from_degc(epoch.rack_junction_c[idx(r)]))
                       .value +
                   0.5);
    changed = changed || watts != state.leakage_w[idx(r)];
    state.leakage_w[idx(r)] = watts;
  }
  return changed;
}

}  // namespace mw::models
