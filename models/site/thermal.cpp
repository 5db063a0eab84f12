#include "models/site/thermal.hpp"

#include <algorithm>
#include <cmath>

#include "models/cooling/chip.hpp"
#include "models/cooling/psychrometrics.hpp"
#include "models/site/faults.hpp"
#include "sim/index.hpp"

namespace mw::models {
namespace {

using sim::idx;

/// Junctions that follow coolant and power at once.
void steady_chips(const SiteParameters& site, SiteEpoch& epoch) {
  const double rise = epoch.cooling.tcs_return - epoch.cooling.tcs_supply;
  const double air_supply = sim::to_degc(site.cooling.air.supply.value);
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

/// Those of racks with coolant, where the plant is followed in time: at the epoch's end.
void followed_chips(const SiteState& state, const SiteParameters& site, SiteEpoch& epoch) {
  steady_chips(site, epoch);  // racks in air
  epoch.hottest_junction_c = -sim::zero_celsius_in_kelvin;
  for (std::size_t i = 0; i < site.plant.racks.size(); ++i) {
    const std::int32_t r = site.plant.racks[i];
    if (site.group(r).rack.gpus() == 0) continue;
    epoch.rack_junction_c[idx(r)] = state.plant.junction[i];
    epoch.hottest_junction_c = std::max(epoch.hottest_junction_c, epoch.plant.hottest[i]);
  }
  for (int r = 0; r < site.rack_count(); ++r)
    if (!std::isnan(epoch.rack_junction_c[idx(r)]))
      epoch.hottest_junction_c = std::max(epoch.hottest_junction_c, epoch.rack_junction_c[idx(r)]);
}

void follow(SiteState& state, const SiteParameters& site, double air_heat, sim::Temperature supply,
            bool fed, SiteEpoch& epoch) {
  std::vector<double> gpu(idx(site.rack_count()), 0);
  for (int r = 0; r < site.rack_count(); ++r)
    if (const int gpus = site.group(r).rack.gpus(); gpus > 0)
      gpu[idx(r)] = epoch.rack_gpu[idx(r)] / gpus;
  PlantFaults faults = faults_at(site, epoch.start);
  if (!fed) stop_all(site, faults);
  epoch.cooling = plant_step(site.cooling, site.cooling_sizing, site.plant,
                             {.liquid_heat = epoch.rack_liquid,
                              .gpu = gpu,
                              .air_heat = air_heat,
                              .supply = supply,
                              .weather = epoch.weather,
                              .faults = faults},
                             epoch.start, epoch.end, state.plant, epoch.plant);
}

/// The steady plant's balance, as that of the plant in time.
HeatBalance steady_balance(const CoolingPower& c, double liquid_heat, double seconds) {
  return {.racks = liquid_heat * seconds,
          .pumps = (c.tcs_pump + c.fws_pump) * seconds,
          .rejected = c.rejected_heat * seconds,
          .reused = c.reuse_heat * seconds,
          .trimmed = c.trim_heat * seconds};
}

ThrottleLaw throttle_law(const RackParameters& rack) {
  ThrottleLaw law;
  const double limit = rack.junction_limit.value.value;
  law.on = rack.gpus() > 0 && limit > 0;
  law.limit = sim::to_degc(rack.junction_limit.value);
  law.hard = law.limit + rack.hard_slowdown_above.value.value;
  law.shutdown = law.limit + rack.shutdown_above.value.value;
  law.recovery = law.limit - rack.recovery_below.value.value;
  const auto& gpu = rack.gpu.value;
  if (gpu.max_clock.value.value > 0) law.least = gpu.min_clock.value / gpu.max_clock.value;
  return law;
}

}  // namespace

sim::Temperature guarded_supply(const SiteParameters& site, const Weather& weather) {
  const double margin = site.cooling.loops.dew_point_margin.value;
  const double set = sim::to_degc(site.cooling.supply);
  // The room is kept dry: its dew point is the outdoor air's, or the highest allowed indoors.
  const double highest = sim::to_degc(site.cooling.air.highest_dew_point.value);
  if (set >= highest + margin) return site.cooling.supply;
  const double dew =
      std::min(dew_point_from_humidity_ratio(weather.humidity_ratio, weather.pressure), highest);
  return sim::temperature_from_degc(std::max(set, dew + margin));
}

void cool(SiteState& state, const SiteParameters& site, const RackSums& mean, bool plant_is_fed,
          SiteEpoch& epoch) {
  const double utc = static_cast<double>(site.start.unix_ns) * 1e-9 + sim::to_seconds(epoch.end);
  epoch.weather =
      weather_under(site.events, epoch.start,
                    site.weather ? weather_at(*site.weather, utc) : weather_at(site.climate, utc));
  const sim::Temperature supply = guarded_supply(site, epoch.weather);
  if (supply > site.cooling.supply) state.totals.supply_raised_s += epoch.seconds();
  const double air_heat = mean.air_heat + epoch.room_heat;
  epoch.rack_junction_c.assign(idx(site.rack_count()), std::nan(""));
  epoch.hottest_junction_c = -sim::zero_celsius_in_kelvin;
  if (site.plant.on()) {
    follow(state, site, air_heat, supply, plant_is_fed, epoch);
    followed_chips(state, site, epoch);
  } else {
    epoch.cooling =
        cooling_step(site.cooling, site.cooling_sizing,
                     {.liquid_heat = {mean.liquid_heat}, .air_heat = {air_heat}, .supply = supply},
                     epoch.weather);
    if (site.cooling_sizing.design_heat > 0)
      epoch.plant.heat = steady_balance(epoch.cooling, mean.liquid_heat, epoch.seconds());
    steady_chips(site, epoch);
  }
  const CoolingPower& c = epoch.cooling;
  epoch.pumping = c.tcs_pump + c.fws_pump + c.cdu + c.air_pump;
  epoch.heat_rejection = c.rejection_fan + c.trim + c.crah_fan + c.air_chiller + c.air_free_fan;
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

void throttle(SiteState& state, const SiteParameters& site, const SiteEpoch& epoch) {
  if (!site.plant.on()) return;
  SiteTotals& t = state.totals;
  const double dt = epoch.seconds();
  const PlantFaults now = faults_at(site, epoch.end);
  std::size_t group = site.racks.size();
  ThrottleLaw law;
  for (int r = 0; r < site.rack_count(); ++r) {
    if (const auto g = idx(site.group_of_rack[idx(r)]); g != group) {
      group = g;
      law = throttle_law(site.racks[g].rack);
      law.on = law.on && !site.racks[g].measured;
    }
    ThrottleState& chip = state.throttle[idx(r)];
    const int gpus = site.group(r).rack.gpus();
    if (chip.ceiling < 1 || chip.off) t.throttled_gpu_s += gpus * dt;
    const bool was_off = chip.off;
    throttle_turn(law, epoch.rack_junction_c[idx(r)], dt, epoch.end, chip);
    if (chip.off && !was_off) ++t.thermal_shutdowns;
    if ((chip.ceiling < 1 || chip.off) && t.first_throttle < 0) t.first_throttle = epoch.end;
    RackState& rack = state.rack_states[idx(r)];
    rack.clock_ceiling = std::min(chip.ceiling, site.group(r).most_clock());
    rack.set(OffCause::heat, chip.off);
    rack.set(OffCause::fault, !now.isolated.empty() && now.isolated[idx(r)] != 0);
  }
}

}  // namespace mw::models
