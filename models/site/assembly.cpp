#include "models/site/assembly.hpp"

#include <fmt/format.h>

#include <algorithm>

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

}  // namespace mw::models
