#pragma once
#include <span>
#include <string>

#include "models/compute/gpu.hpp"
#include "models/power/converter.hpp"
#include "models/power/rack_storage.hpp"
#include "sim/describe.hpp"
#include "sim/quantity.hpp"

namespace mw::models {

enum class RackKind { compute, network, storage, cpu };
inline std::span<const char* const> enum_names(RackKind) {
  static constexpr const char* names[] = {"compute", "network", "storage", "cpu"};
  return names;
}

/// Equal converters side by side in a rack (power shelves, DC-DC stages); none if modules is 0.
struct RackConverter {
  int modules = 0;
  int spare = 0;
  sim::Sourced<sim::Power> rating;
  ConverterParameters loss;
};
template <sim::Describes<RackConverter> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("modules", self.modules,
        About{.text = "Modules installed; all of them share the load", .min = 0, .max = 10000});
  visit("spare", self.spare,
        About{.text = "How many of them may fail with the rack still at full load",
              .min = 0,
              .max = 10000});
  visit("rating", self.rating, About{.text = "Rated output of one module", .min = 0});
  visit("loss", self.loss, About{.text = "What it loses"});
}
void check(const RackConverter& converter, sim::Problems& problems);

/// A rack as one node of the electrical and the cooling network. "Tray" is the unit that holds a
/// host: a compute tray of an NVL72, a whole 8-GPU server, a storage or CPU server, a switch.
struct RackParameters {
  static constexpr const char* catalog = "racks";
  std::string text;
  RackKind kind = RackKind::compute;
  sim::Entry<GpuParameters> gpu;
  int trays = 1;
  int gpus_per_tray = 0;
  int link_domain = 1;
  sim::Sourced<sim::Power> host_idle;
  sim::Sourced<sim::Power> host_load;
  sim::Sourced<double> host_polling{0.5, sim::Confidence::assumed, "Millwright"};
  sim::Sourced<sim::Power> link_switches;
  sim::Sourced<sim::PowerPerByteRate> per_byte_rate;
  sim::Sourced<sim::Power> fan;
  sim::Sourced<double> fan_min_speed{0.3, sim::Confidence::assumed, "Millwright"};
  sim::Sourced<sim::Temperature> fan_full_inlet{
      {308.15}, sim::Confidence::assumed, "35 degC: upper end of ASHRAE class A2"};
  sim::Sourced<sim::Temperature> fan_air_limit{{343.15}, sim::Confidence::assumed, "Millwright"};
  RackConverter tray_converter;
  sim::Sourced<sim::Resistance> busbar;
  sim::Sourced<sim::Voltage> busbar_voltage{{50}, sim::Confidence::assumed, "Millwright"};
  RackConverter shelf;
  RackStorageParameters storage;
  sim::Sourced<sim::Power> auxiliary;
  sim::Sourced<sim::Power> design_power;
  sim::Sourced<double> liquid_fraction;
  sim::Sourced<sim::VolumeFlowPerPower> coolant_flow;
  sim::Sourced<sim::Pressure> coolant_pressure_drop;
  sim::Sourced<sim::Volume> coolant_volume;
  sim::Sourced<sim::Temperature> max_supply;
  sim::Sourced<sim::ThermalResistance> junction_resistance;
  sim::Sourced<double> film_share{0.4, sim::Confidence::assumed, "Millwright"};
  sim::Sourced<double> film_exponent{0.7, sim::Confidence::assumed,
                                     "Millwright: cold plates 0.6-0.8"};
  sim::Sourced<sim::HeatCapacity> junction_capacity{
      {100}, sim::Confidence::assumed, "Millwright: die, package and lid"};
  sim::Sourced<sim::HeatCapacity> plate_capacity{
      {200}, sim::Confidence::assumed, "Millwright: a copper cold plate of half a kilogram"};
  sim::Sourced<sim::Temperature> junction_limit;
  sim::Sourced<sim::TemperatureDifference> hard_slowdown_above{
      {3}, sim::Confidence::assumed, "Millwright: DCGM reports slowdown at 87-90 degC, recalled"};
  sim::Sourced<sim::TemperatureDifference> shutdown_above{
      {8}, sim::Confidence::assumed, "Millwright: DCGM reports shutdown at 92-95 degC, recalled"};
  sim::Sourced<sim::TemperatureDifference> recovery_below{
      {4}, sim::Confidence::assumed, "Millwright: 3-5 K of hysteresis"};
  sim::Sourced<sim::Money> price;

  int gpus() const { return trays * gpus_per_tray; }
};
template <sim::Describes<RackParameters> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("text", self.text, About{.text = "What the rack is, in one line"});
  visit("kind", self.kind, About{.text = "compute makes tokens; the others only serve"});
  visit("gpu", self.gpu, About{.text = "The GPU in it: a name of catalog/gpus"});
  visit("trays", self.trays,
        About{.text = "Trays (servers, switches) in the rack", .min = 1, .max = 1000});
  visit("gpus_per_tray", self.gpus_per_tray,
        About{.text = "GPUs in one tray", .min = 0, .max = 64});
  visit("link_domain", self.link_domain,
        About{.text = "GPUs joined by the fast link (NVLink or its like)", .min = 1, .max = 4096});
  visit("host_idle", self.host_idle,
        About{.text = "Power of all in a tray but the GPUs, with no work (CPUs, memory, network "
                      "cards, drives)",
              .min = 0});
  visit("host_load", self.host_load,
        About{.text = "What a tray adds to that at full host load", .min = 0});
  visit("host_polling", self.host_polling,
        About{.text = "Share of host_load that a working engine draws by polling, however little "
                      "its host has to do",
              .min = 0,
              .max = 1});
  visit("link_switches", self.link_switches,
        About{.text = "Power of the rack's NVLink switches, together", .min = 0});
  visit("per_byte_rate", self.per_byte_rate,
        About{.text = "Power per byte and second moved (switches, storage; network cards of "
                      "compute racks)",
              .min = 0});
  visit("fan", self.fan, About{.text = "Fan power of the rack at full speed", .min = 0});
  visit("fan_min_speed", self.fan_min_speed,
        About{.text = "Lowest fan speed, as a share of the full one", .min = 0, .max = 1});
  visit("fan_full_inlet", self.fan_full_inlet,
        About{.text = "Air at the inlet for which full speed just carries the design heat",
              .min = 0});
  visit("fan_air_limit", self.fan_air_limit,
        About{.text = "Temperature up to which air may warm on its way through: the fans hold it",
              .min = 0});
  visit("tray_converter", self.tray_converter,
        About{.text = "DC-DC stage in the trays, where GPU and host power are counted behind it"});
  visit("busbar", self.busbar, About{.text = "Resistance of the rack's busbar", .min = 0});
  visit("busbar_voltage", self.busbar_voltage, About{.text = "Busbar voltage", .min = 1});
  visit("shelf", self.shelf, About{.text = "Power supplies of the rack"});
  visit("storage", self.storage,
        About{.text = "What the supplies hold, and how the rack bears a gap"});
  visit("auxiliary", self.auxiliary,
        About{.text = "Constant power taken at the rack's input, beside its supplies", .min = 0});
  visit("design_power", self.design_power,
        About{.text = "Rack power that feed and cooling are designed for, at the rack's input",
              .min = 1,
              .required = true});
  visit("liquid_fraction", self.liquid_fraction,
        About{.text = "Share of the rack's heat that goes into the coolant; the rest goes into air",
              .min = 0,
              .max = 1});
  visit("coolant_flow", self.coolant_flow,
        About{.text = "Coolant per heat into liquid, at design", .min = 0});
  visit("coolant_pressure_drop", self.coolant_pressure_drop,
        About{.text = "Pressure drop at that flow", .min = 0});
  visit("coolant_volume", self.coolant_volume, About{.text = "Coolant held in the rack", .min = 0});
  visit("max_supply", self.max_supply,
        About{.text = "Warmest coolant the rack accepts; -273.15 degC: any", .min = 0});
  visit("junction_resistance", self.junction_resistance,
        About{.text = "Thermal resistance of one GPU from junction to mean coolant (air, if the "
                      "rack has no liquid) at design flow",
              .min = 0});
  visit("film_share", self.film_share,
        About{.text = "Part of junction_resistance that lies between cold plate and coolant",
              .min = 0.01,
              .max = 0.99});
  visit("film_exponent", self.film_exponent,
        About{.text = "That part falls with the coolant flow to this power", .min = 0, .max = 1});
  visit("junction_capacity", self.junction_capacity,
        About{.text = "Heat capacity of one GPU's die and lid", .min = 1});
  visit("plate_capacity", self.plate_capacity,
        About{.text = "Heat capacity of its cold plate", .min = 1});
  visit(
      "junction_limit", self.junction_limit,
      About{.text = "Junction temperature above which clocks are cut step by step (and the report "
                    "warns); -273.15 degC: none",
            .min = 0});
  visit("hard_slowdown_above", self.hard_slowdown_above,
        About{.text = "Above the limit by this, clocks are halved at once", .min = 0, .max = 50});
  visit("shutdown_above", self.shutdown_above,
        About{.text = "Above the limit by this, the rack's GPUs are switched off",
              .min = 0,
              .max = 100});
  visit("recovery_below", self.recovery_below,
        About{.text = "Below the limit by this, clocks come back", .min = 0, .max = 50});
  visit(
      "price", self.price,
      About{.text = "Purchase price of the rack; 0: economics' price per watt applies", .min = 0});
}
void check(const RackParameters& rack, sim::Problems& problems);

/// What a rack does right now.
struct RackLoad {
  double gpu_w = 0;      // all its GPUs at their board input
  double host_load = 0;  // 0 to 1; see host_load_of()
  double byte_rate = 0;  // B/s
  double inlet_c = 25;   // air at its inlet, degC
};

/// Load of a host from the share of time in which its engines run iterations and the share in
/// which their processes have work of their own: engines poll while they wait for the GPU.
MW_HD inline double host_load_of(double polling, double busy, double work) {
  const double load = polling * busy + (1 - polling) * work;
  return load < 1 ? load : 1;
}

/// Where a rack's watts go. input = gpu + host + link_switches + fan + tray_loss + busbar_loss +
/// shelf_loss + auxiliary, and all of it becomes heat: input = liquid_heat + air_heat.
/// dc = input - shelf_loss - auxiliary: what a meter behind the supplies shows.
struct RackPower {
  double gpu = 0;
  double host = 0;
  double link_switches = 0;
  double fan = 0;
  double tray_loss = 0;
  double busbar_loss = 0;
  double shelf_loss = 0;
  double auxiliary = 0;
  double dc = 0;
  double input = 0;
  double liquid_heat = 0;
  double air_heat = 0;
};

/// The rack as plain numbers: made once, stepped often.
struct RackLaw {
  double host_idle = 0, host_load = 0;  // W, all trays
  double host_polling = 0;
  double link_switches = 0, per_byte_rate = 0;
  double fan = 0, fan_min_speed = 0, fan_full_air_heat = 1;
  double fan_air_limit_c = 70, fan_full_rise = 35;  // degC, K
  ConverterLaw tray, shelf;
  double tray_rating = 0, shelf_rating = 0;  // W, all modules; 0: no such stage
  double busbar_ohm_per_volt2 = 0;           // R / U^2, so that the loss is this times P^2
  double auxiliary = 0;
  double liquid_fraction = 0;
};
RackLaw make_rack_law(const RackParameters& rack);

/// rack_step() in parts, for whoever takes one part of many racks after the other: what is drawn
/// behind the converters; the busbar, once the trays' losses are known; the input, once the shelf's
/// are.
MW_HD inline RackPower rack_loads(const RackLaw& law, const RackLoad& load) {
  RackPower p;
  p.gpu = load.gpu_w;
  p.host = law.host_idle + law.host_load * load.host_load + law.per_byte_rate * load.byte_rate;
  p.link_switches = law.link_switches;
  p.auxiliary = law.auxiliary;
  // Fans: they hold the air's temperature at its limit, so their air follows the heat that is
  // theirs to carry over the rise left from the inlet; power follows the cube of the air (affinity
  // laws).
  const double air = (p.gpu + p.host + p.link_switches) * (1 - law.liquid_fraction);
  const double rise = law.fan_air_limit_c - load.inlet_c;
  const double need = air * law.fan_full_rise;       // over fan_full_air_heat x rise
  const double full = law.fan_full_air_heat * rise;  // <= 0: the inlet itself is too warm
  double speed = need < full ? need / full : 1;
  if (speed < law.fan_min_speed) speed = law.fan_min_speed;
  p.fan = law.fan * speed * speed * speed;
  return p;
}
MW_HD inline void rack_busbar(const RackLaw& law, RackPower& p) {
  const double on_busbar = p.gpu + p.host + p.tray_loss + p.link_switches + p.fan;
  p.busbar_loss = law.busbar_ohm_per_volt2 * on_busbar * on_busbar;
  p.dc = on_busbar + p.busbar_loss;
}
MW_HD inline void rack_input(const RackLaw& law, RackPower& p) {
  p.input = p.dc + p.shelf_loss + p.auxiliary;
  p.liquid_heat = p.input * law.liquid_fraction;
  p.air_heat = p.input - p.liquid_heat;
}

/// As many racks of one law as there are in `powers`, from rack_loads() on.
template <class Powers>
MW_HD void rack_losses(const RackLaw& law, Powers&& powers) {
  if (law.tray_rating > 0)
    for (RackPower& p : powers)
      p.tray_loss = converter_loss(law.tray, law.tray_rating, p.gpu + p.host);
  for (RackPower& p : powers) rack_busbar(law, p);
  if (law.shelf_rating > 0)
    for (RackPower& p : powers) p.shelf_loss = converter_loss(law.shelf, law.shelf_rating, p.dc);
  for (RackPower& p : powers) rack_input(law, p);
}

MW_HD inline RackPower rack_step(const RackLaw& law, const RackLoad& load) {
  RackPower p[1] = {rack_loads(law, load)};
  rack_losses(law, p);
  return p[0];
}

/// A rack whose power at the input was measured. What lies behind is not: it is taken as the rack's
/// law at the one load, of GPUs (from idle to rated power) and hosts alike, that draws that much;
/// below idle a part of its trays is taken as switched off.
struct MeasuredRackLaw {
  RackLaw law;
  double gpu_idle = 0, gpu_rated = 0;  // W, all GPUs
  double inlet_c = 25;
  RackPower idle;
  double full_input = 0;

  MW_HD RackPower at(double load) const {
    return rack_step(law, {gpu_idle + load * (gpu_rated - gpu_idle), load, 0, inlet_c});
  }
};
MeasuredRackLaw make_measured_rack(const RackParameters& rack, double inlet_c);

MW_HD inline RackPower measured_rack(const MeasuredRackLaw& rack, double input) {
  const double span = rack.full_input - rack.idle.input;
  if (input <= rack.idle.input || span <= 0) {
    const double share = rack.idle.input > 0 ? input / rack.idle.input : 0;
    RackPower p = rack.idle;
    for (double* part : {&p.gpu, &p.host, &p.link_switches, &p.fan, &p.tray_loss, &p.busbar_loss,
                         &p.shelf_loss, &p.auxiliary, &p.dc, &p.input, &p.liquid_heat, &p.air_heat})
      *part *= share;
    return p;
  }
  // Secant steps: losses are nearly proportional to the load, so the first is all but the last.
  double before = 0, below = rack.idle.input - input;
  double load = -below / span;
  RackPower p = rack.at(load);
  for (int i = 0; i < 20; ++i) {
    const double off = p.input - input;
    if (off < 1e-12 * input && -off < 1e-12 * input) break;
    if (off == below) break;
    const double next = load - off * (load - before) / (off - below);
    before = load;
    below = off;
    load = next;
    p = rack.at(load);
  }
  return p;
}

/// The most the rack can draw: every GPU at its rated power, host and bytes at full load.
RackPower rack_full_load(const RackParameters& rack, sim::ByteRate byte_rate = {});

}  // namespace mw::models
