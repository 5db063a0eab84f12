#include "models/site/plant_metrics.hpp"

#include <limits>

#include "models/cooling/metrics.hpp"

namespace mw::models {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

double ratio(double a, double b) {
  return b > 0 ? a / b : nan;
}

}  // namespace

void add_plant_metrics(std::vector<Metric>& m, const SiteParameters& site, const SiteState& state) {
  const CoolingTotals& c = state.totals.cooling;
  const double seconds = sim::to_seconds(state.now);
  const auto mean_kw = [&](double joules) { return ratio(joules * 1e-3, seconds); };
  m.push_back({"rejection_fan_kw", mean_kw(c.rejection_fan), "kW",
               "Mean power of the fans of dry coolers or towers"});
  m.push_back({"pump_kw", mean_kw(c.pumps), "kW", "Mean power of coolant pumps and CDUs"});
  m.push_back({"trim_kw", mean_kw(c.trim), "kW", "Mean power of the trim chillers"});
  m.push_back({"trim_heat_kw", mean_kw(c.trim_heat), "kW", "Mean heat taken by the trim chillers"});
  m.push_back({"trim_hours", c.outdoors_short / 3600, "h",
               "Time in which dry coolers or towers alone could not hold the set point"});
  m.push_back({"air_side_kw", mean_kw(c.air_side), "kW", "Mean power of the air side"});
  m.push_back({"mean_junction_degc",
               state.totals.hottest_junction_c > -273 ? ratio(c.junction, seconds) : nan, "degC",
               "Mean over time of the hottest rack's GPU junction"});
  m.push_back({"heat_residual", c.heat_in > 0 ? state.totals.heat_residual_j / c.heat_in : 0, "1",
               "What the heat balances of the coolant's side leave, over the heat that entered"});
  m.push_back({"supply_raised_hours", state.totals.supply_raised_s / 3600, "h",
               "Time in which the coolant's set point was raised for the dew point"});
  if (site.plant.on()) {
    const SiteTotals& t = state.totals;
    m.push_back({"stored_heat_kwh", c.stored / 3.6e6, "kWh",
                 "Heat that coolant, tanks and chips hold more than at the start"});
    m.push_back({"throttled_gpu_hours", t.throttled_gpu_s / 3600, "h",
                 "GPUs x hours with clocks cut, or off, for their heat"});
    m.push_back({"time_to_throttle", t.first_throttle < 0 ? nan : sim::to_seconds(t.first_throttle),
                 "s", "Time from the run's start until the first clocks were cut for heat"});
    m.push_back({"thermal_shutdowns", static_cast<double>(t.thermal_shutdowns), "1",
                 "Racks switched off for their heat, each time"});
  }
  if (!site.cooling.reuse) return;
  const double meter = state.ledger.meter().value();
  const double factor = meter > 0 ? energy_reuse_factor(c.reuse_heat, meter) : nan;
  m.push_back({"erf", factor, "1", "Heat reused outside over energy at the meter"});
  m.push_back({"ere", energy_reuse_effectiveness(ratio(meter, state.totals.it.value()), factor),
               "1", "PUE with the reused heat taken off"});
}

}  // namespace mw::models
