#include "models/cooling/chiller.hpp"

#include <cmath>

#include "models/cooling/metrics.hpp"

namespace mw::models {
namespace {

constexpr double latent_heat = 2430e3;  // J/kg at 30 degC

double compressor_power(const ChillerParameters& p, double heat, double capacity, double leaving,
                        double sink) {
  if (!p.curves) return heat / chiller_cop(p, leaving, sink);
  if (heat <= 0 || capacity <= 0) return 0;
  const double entering = sink + p.entering_approach.value.value;
  const double each = capacity / p.units;
  const double scale = each / p.curves->capacity.value;
  const double available = scale * eir_point(*p.curves, leaving, entering, 1).capacity;
  const double running = std::clamp(std::ceil(heat / available), 1.0, double(p.units));
  const double share = heat / (running * available);
  return running * scale * eir_point(*p.curves, leaving, entering, share).power;
}

}  // namespace

void check(const ChillerParameters& chiller, sim::Problems& problems) {
  if (chiller.curves && chiller.sink == HeatSink::wet_bulb &&
      chiller.entering_approach.value.value <= 0)
    problems.add("entering_approach", "water from a tower is warmer than the wet bulb",
                 "write `entering_approach: 4 K`, with its source");
}

ChillerPower chiller_step(const ChillerParameters& p, double heat, double capacity, double leaving,
                          const Weather& weather) {
  const bool wet = p.sink == HeatSink::wet_bulb;
  const double compressor =
      compressor_power(p, heat, capacity, leaving, wet ? weather.wet_bulb : weather.dry_bulb);
  ChillerPower power;
  power.electric = compressor + p.condenser_fan_share.value * (heat + compressor);
  if (wet)
    power.water =
        make_up_water((heat + compressor) * evaporation_per_heat(latent_heat), p.cycles.value);
  return power;
}

}  // namespace mw::models
