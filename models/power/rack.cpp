#include "models/power/rack.hpp"

#include <fmt/format.h>

#include <cmath>

namespace mw::models {
namespace {

double installed(const RackConverter& converter) {
  return converter.modules * converter.rating.value.value;
}

}  // namespace

void check(const RackConverter& converter, sim::Problems& problems) {
  if (converter.modules > 0 && converter.rating.value.value <= 0) {
    problems.add("rating", "converters without a rating", "write `rating: 5.5 kW`");
  }
  if (converter.modules > 0 && converter.spare >= converter.modules) {
    problems.add("spare", "no module is left to carry load", "lower spare or raise modules");
  }
}

void check(const RackParameters& rack, sim::Problems& problems) {
  if (rack.gpus() > 0 && rack.gpu.value.tdp.value.value <= 0) {
    problems.add("gpu", "the rack holds GPUs but does not say which", "write `gpu: gb200`");
  }
  if (rack.kind == RackKind::compute && rack.gpus() == 0) {
    problems.add("gpus_per_tray", "a compute rack without GPUs",
                 "write `gpus_per_tray: 4`, or `kind: cpu`");
  }
  if (rack.gpus() > 0 && rack.gpus() % rack.link_domain != 0) {
    problems.add("link_domain", "the rack's GPUs do not divide into link domains of this size",
                 "choose a divisor of trays x gpus_per_tray");
  }
  if (rack.liquid_fraction.value > 0 && rack.coolant_flow.value.value <= 0) {
    problems.add("coolant_flow", "liquid cooling without a coolant flow",
                 "write `coolant_flow: 1.5 L/min/kW`");
  }
  if (rack.fan.value.value > 0 && rack.liquid_fraction.value >= 1) {
    problems.add("fan", "fans in a rack that gives no heat to air",
                 "lower liquid_fraction or drop the fans");
  }
  if (rack.fan_air_limit.value <= rack.fan_full_inlet.value) {
    problems.add("fan_air_limit", "air that enters at fan_full_inlet has no room to warm",
                 "raise fan_air_limit above fan_full_inlet");
  }
  const int working = rack.shelf.modules - rack.shelf.spare;
  const double capacity = working * rack.shelf.rating.value.value;
  const double design = rack.design_power.value.value;
  if (rack.shelf.modules > 0 && rack.shelf.rating.value.value > 0 && capacity < design) {
    const int needed = static_cast<int>(std::ceil(design / rack.shelf.rating.value.value));
    problems.add("shelf",
                 fmt::format("without its {} spares the shelf carries {:g} kW, not the design "
                             "power of {:g} kW",
                             rack.shelf.spare, capacity * 1e-3, design * 1e-3),
                 fmt::format("write `modules: {}`, or `design_power: {:g} kW`",
                             needed + rack.shelf.spare, capacity * 1e-3));
  }
  if (rack.storage.restart.ns < 0)
    problems.add("storage", "restart is below zero", "write `5 min`");
}

RackLaw make_rack_law(const RackParameters& rack) {
  RackLaw law;
  law.host_idle = rack.trays * rack.host_idle.value.value;
  law.host_load = rack.trays * rack.host_load.value.value;
  law.host_polling = rack.host_polling.value;
  law.link_switches = rack.link_switches.value.value;
  law.per_byte_rate = rack.per_byte_rate.value.value;
  law.fan = rack.fan.value.value;
  law.fan_min_speed = rack.fan_min_speed.value;
  law.tray = make_converter_law(rack.tray_converter.loss);
  law.tray_rating = installed(rack.tray_converter);
  law.shelf = make_converter_law(rack.shelf.loss);
  law.shelf_rating = installed(rack.shelf);
  const double volt = rack.busbar_voltage.value.value;
  law.busbar_ohm_per_volt2 = rack.busbar.value.value / (volt * volt);
  law.auxiliary = rack.auxiliary.value.value;
  law.liquid_fraction = rack.liquid_fraction.value;
  law.fan_air_limit_c = sim::to_degc(rack.fan_air_limit.value);
  law.fan_full_rise = rack.fan_air_limit.value.value - rack.fan_full_inlet.value.value;
  // Fans are chosen so that full speed carries the air share of the design power.
  const double air = rack.design_power.value.value * (1 - law.liquid_fraction);
  law.fan_full_air_heat = air > 0 ? air : 1;
  return law;
}

MeasuredRackLaw make_measured_rack(const RackParameters& rack, double inlet_c) {
  MeasuredRackLaw m;
  m.law = make_rack_law(rack);
  m.inlet_c = inlet_c;
  m.gpu_idle = rack.gpus() * rack.gpu.value.idle.value.value;
  m.gpu_rated = rack.gpus() * rack.gpu.value.tdp.value.value;
  m.idle = m.at(0);
  m.full_input = m.at(1).input;
  return m;
}

RackPower rack_full_load(const RackParameters& rack, sim::ByteRate byte_rate) {
  return rack_step(make_rack_law(rack), {.gpu_w = rack.gpus() * rack.gpu.value.tdp.value.value,
                                         .host_load = 1,
                                         .byte_rate = byte_rate.value});
}

}  // namespace mw::models
