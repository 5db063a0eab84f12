#include "models/site/assembly.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <cmath>

namespace mw::models {

std::string rack_name(const SiteParameters& site, int rack) {
  return fmt::format("{}-{}", site.group(rack).name, rack - site.group(rack).first);
}

RackDesign rack_design(std::span<const SiteRacks> groups) {
  RackDesign sum;
  for (const auto& racks : groups) {
    const auto& rack = racks.rack;
    const sim::Power each = rack.design_power.value;
    const double liquid = each.value * rack.liquid_fraction.value;
    sum.it += each * racks.count;
    CoolingDesign& design = sum.cooling;
    design.liquid_heat.value += liquid * racks.count;
    design.air_heat.value += (each.value - liquid) * racks.count;
    design.rack_flow.value += rack.coolant_flow.value.value * liquid * racks.count;
    design.rack_pressure = std::max(design.rack_pressure, rack.coolant_pressure_drop.value);
  }
  return sum;
}

std::vector<FedRacks> fed_racks(std::span<const SiteRacks> groups) {
  std::vector<FedRacks> fed;
  for (const auto& g : groups) fed.push_back({g.name, g.count, g.rack.design_power.value.value});
  return fed;
}

void size_plant(SiteParameters& site, const RackDesign& design, double lighting_share) {
  site.cooling_sizing = size_cooling(site.cooling, design.cooling);
  site.lighting_w = lighting_share * design.it.value;

  // The mechanical branch is built for design heat in air of 45 degC, hotter than any place of the
  // catalog sees in its means.
  constexpr double design_dry_bulb = 45, design_wet_bulb = 26;
  const CoolingPower at_design =
      cooling_step(site.cooling, site.cooling_sizing,
                   {.liquid_heat = design.cooling.liquid_heat,
                    .air_heat = design.cooling.air_heat,
                    .supply = site.cooling.supply},
                   weather_of({sim::temperature_from_degc(design_dry_bulb),
                               sim::temperature_from_degc(design_wet_bulb)},
                              site.climate.elevation.value));
  const double mechanical_w = at_design.total() + site.lighting_w;
  site.distribution = make_distribution(site.electrical, fed_racks(site.racks), {mechanical_w});
  site.design_meter_w = site.distribution.design_meter;
}

void follow_plant(SiteParameters& site) {
  std::vector<CooledRack> kinds;
  for (const auto& racks : site.racks) {
    const RackParameters& rack = racks.rack;
    CooledRack kind;
    kind.heat = rack.design_power.value.value * rack.liquid_fraction.value;
    const auto& flow = site.cooling.flow ? *site.cooling.flow : rack.coolant_flow.value;
    kind.flow = flow.value * kind.heat;
    constexpr double least_volume = 1e-7;  // m3/W, 0.1 L/kW: pipes alone, where none is given
    kind.volume = std::max(rack.coolant_volume.value.value, least_volume * kind.heat);
    kind.gpus = rack.gpus();
    constexpr double least_resistance = 1e-6;  // K/W: junctions as warm as their plates
    const double resistance = std::max(rack.junction_resistance.value.value, least_resistance);
    kind.film_resistance = resistance * rack.film_share.value;
    kind.junction_resistance = resistance - kind.film_resistance;
    kind.film_exponent = rack.film_exponent.value;
    kind.junction_capacity = rack.junction_capacity.value.value;
    kind.plate_capacity = rack.plate_capacity.value.value;
    kinds.push_back(kind);
  }
  site.plant =
      make_plant_law(site.cooling, site.cooling_sizing, std::move(kinds), site.group_of_rack);
}

void wire_control(SiteParameters& site) {
  for (int r = 0; r < site.rack_count(); ++r) {
    const auto& group = site.group(r);
    if (group.rack.gpus() == 0 || group.measured) continue;
    const auto& gpu = group.rack.gpu.value;
    site.limited.push_back({group.rack.gpus(), gpu.tdp.value.value});
    site.rack_of_limit.push_back(r);
    site.limits.push_back({.object = "rack/" + rack_name(site, r),
                           .quantity = "gpu_power_limit",
                           .unit = "W",
                           .min = gpu.min_power_limit.value.value,
                           .max = gpu.tdp.value.value,
                           .quantum = 1,
                           .latency = site.control.actuation});
  }
  // Before the first reading the controller knows the site by its design: all GPUs at rated power,
  // and the meter that goes with it.
  double rated_w = 0;
  for (const auto& g : site.limited) rated_w += g.gpus * g.rated_w;
  const bool limiting =
      site.control.policy != PowerPolicy::none && std::isfinite(site.envelope_w) && rated_w > 0;
  const double share =
      limiting ? uniform_share(site.control, site.envelope_w, site.design_meter_w, rated_w, rated_w)
               : 1;
  for (std::size_t i = 0; i < site.limits.size(); ++i)
    site.initial_limits.push_back(std::clamp(std::floor(share * site.limited[i].rated_w),
                                             site.limits[i].min, site.limits[i].max));

  const auto meter = [&](const char* quantity) {
    return sim::PointParameters{.object = "site",
                                .quantity = quantity,
                                .unit = "W",
                                .period = site.control.interval,
                                .window = site.control.interval,
                                .latency = site.control.meter_latency};
  };
  site.points = {meter("meter_power"), meter("gpu_power")};
}

}  // namespace mw::models
