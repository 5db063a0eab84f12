#include "models/power/rack.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <cmath>

namespace mw::models {
namespace {

/// 80 PLUS Titanium, 230 V internal redundant: 90/94/96/91 % at 10/20/50/100 % load.
ConverterParameters titanium() {
  ConverterParameters c;
  c.efficiency = {{0.1, 0.90}, {0.2, 0.94}, {0.5, 0.96}, {1.0, 0.91}};
  return c;
}

RackParameters liquid_rack() {
  RackParameters rack;
  rack.trays = 18;
  rack.gpus_per_tray = 4;
  rack.host_idle.value = {500};
  rack.host_load.value = {700};
  rack.link_switches.value = {7000};
  rack.fan.value = {2000};
  rack.busbar.value = {1e-4};
  rack.busbar_voltage.value = {50};
  rack.shelf.modules = 48;
  rack.shelf.spare = 24;
  rack.shelf.rating.value = {5500};
  rack.shelf.loss = titanium();
  rack.design_power.value = {132e3};
  rack.liquid_fraction.value = 0.87;
  return rack;
}

}  // namespace

TEST_CASE("T21: supplies lose what the Titanium points say") {
  const ConverterLaw law = make_converter_law(titanium());
  for (const EfficiencyPoint& point : titanium().efficiency) {
    const double output = point.load * 3000;
    CHECK(converter_loss(law, 3000, output) ==
          doctest::Approx(output / point.efficiency - output).epsilon(1e-9));
  }
  // Below the first point the watts lost stay what they are there, also at no load.
  CHECK(converter_loss(law, 3000, 0) == doctest::Approx(300 / 0.9 - 300).epsilon(1e-9));
  // No load gains energy.
  for (double x = 0; x <= 1.2; x += 0.001) CHECK(converter_loss(law, 1, x) > 0);
}

TEST_CASE("T22: the efficiency of a quadratic loss peaks where no-load and resistive loss meet") {
  // a = 10 W, b = 0.02, c = 1e-5 1/W: eta = P / (P + a + b P + c P^2) peaks at sqrt(a/c) = 1000 W
  // with 1 / (1 + b + 2 sqrt(ac)) = 0.961538. Relative to a rating of 1 kW: 0.01, 0.02, 0.01.
  ConverterParameters c;
  c.no_load = 0.01;
  c.proportional = 0.02;
  c.resistive = 0.01;
  const ConverterLaw law = make_converter_law(c);
  const auto efficiency = [&](double p) { return p / (p + converter_loss(law, 1000, p)); };
  CHECK(efficiency(1000) == doctest::Approx(0.961538).epsilon(1e-6));
  CHECK(efficiency(1000) > efficiency(990));
  CHECK(efficiency(1000) > efficiency(1010));
}

TEST_CASE("T24: busbar loss is I^2 R") {
  // 132 kW at 50 V are 2640 A; at 0.1 mOhm 696.96 W. At 800 V: 165 A, 2.7225 W.
  RackParameters rack;
  rack.gpus_per_tray = 1;
  rack.design_power.value = {132e3};
  rack.busbar.value = {1e-4};
  rack.busbar_voltage.value = {50};
  CHECK(rack_step(make_rack_law(rack), {.gpu_w = 132e3}).busbar_loss ==
        doctest::Approx(696.96).epsilon(1e-12));
  rack.busbar_voltage.value = {800};
  CHECK(rack_step(make_rack_law(rack), {.gpu_w = 132e3}).busbar_loss ==
        doctest::Approx(2.7225).epsilon(1e-12));
}

TEST_CASE("T23: a Frontier node through its two conversion stages") {
  // RAPS: DC-DC stage in = (node + 13 W)/0.98 per node, rectifier in = (4 nodes + 17 W)/0.96.
  // Node idle 90 + 4 x 88 + 74.26 + 80 + 30 = 626.26 W -> 683.913 W at AC; at full load
  // 280 + 4 x 560 + 74.26 + 80 + 30 = 2704.26 W -> 2892.671 W.
  RackParameters node;
  node.trays = 1;
  node.gpus_per_tray = 4;
  node.host_idle.value = {90 + 74.26 + 80 + 30};
  node.host_load.value = {190};
  node.design_power.value = {2900};
  node.tray_converter.modules = 1;
  node.tray_converter.rating.value = {2800};
  node.tray_converter.loss.no_load = 13 / 0.98 / 2800;
  node.tray_converter.loss.proportional = 1 / 0.98 - 1;
  node.shelf.modules = 1;
  node.shelf.rating.value = {3000};
  node.shelf.loss.no_load = 17 / 0.96 / 4 / 3000;
  node.shelf.loss.proportional = 1 / 0.96 - 1;
  const RackLaw law = make_rack_law(node);
  CHECK(rack_step(law, {.gpu_w = 352}).input == doctest::Approx(683.913).epsilon(1e-6));
  CHECK(rack_step(law, {.gpu_w = 2240, .host_load = 1}).input ==
        doctest::Approx(2892.671).epsilon(1e-6));
  // The machine: 74 racks of 8 chassis, each with 16 nodes and 4 switches of 250 W, and 25 CDUs of
  // 8473.47 W: 7.282 MW at rest, 28.203 MW at its peak (within 4 % of its meters' 7.4 and 27.4 MW).
  const auto machine = [](double node_w) {
    return 74 * 8 * (16 * node_w + 4 * 250) + 25 * 8473.47;
  };
  CHECK(machine(rack_step(law, {.gpu_w = 352}).input) == doctest::Approx(7.282e6).epsilon(1e-4));
  CHECK(machine(rack_step(law, {.gpu_w = 2240, .host_load = 1}).input) ==
        doctest::Approx(28.203e6).epsilon(1e-4));
}

TEST_CASE("Every watt into a rack is in its breakdown, and all of it becomes heat") {
  CHECK(rc::check([](unsigned short gpu, unsigned char host, unsigned short bytes) {
    RackParameters rack = liquid_rack();
    rack.auxiliary.value = {300};
    rack.per_byte_rate.value = {1e-9};
    rack.tray_converter.modules = 18;
    rack.tray_converter.rating.value = {8000};
    rack.tray_converter.loss.proportional = 0.02;
    const RackPower p = rack_step(make_rack_law(rack), {.gpu_w = gpu * 1.5,
                                                        .host_load = host / 255.0,
                                                        .byte_rate = bytes * 1e6,
                                                        .inlet_c = host * 0.3});
    const double parts = p.gpu + p.host + p.link_switches + p.fan + p.tray_loss + p.busbar_loss +
                         p.shelf_loss + p.auxiliary;
    RC_ASSERT(std::fabs(parts - p.input) <= 1e-12 * p.input);
    RC_ASSERT(std::fabs(p.liquid_heat + p.air_heat - p.input) <= 1e-12 * p.input);
    RC_ASSERT(p.shelf_loss > 0);
  }));
}

TEST_CASE("Fan power falls with the cube of the heat in air, down to the lowest speed") {
  RackParameters rack = liquid_rack();
  rack.liquid_fraction.value = 0;
  rack.host_idle.value = {0};
  rack.link_switches.value = {0};
  rack.fan_min_speed.value = 0.3;
  const RackLaw law = make_rack_law(rack);
  const double inlet = 35;  // where full speed carries the design heat
  CHECK(rack_step(law, {.gpu_w = 132e3, .inlet_c = inlet}).fan == doctest::Approx(2000));
  CHECK(rack_step(law, {.gpu_w = 66e3, .inlet_c = inlet}).fan == doctest::Approx(250));
  CHECK(rack_step(law, {.gpu_w = 13e3, .inlet_c = inlet}).fan == doctest::Approx(2000 * 0.027));
}

TEST_CASE("Fans carry their heat in the rise that the inlet leaves below the limit of the air") {
  // Air carries heat x (flow) (rise): at 20 degC the air may warm by 50 K instead of 35 K, so 0.7
  // of the flow carries the same heat and costs 0.7^3 of the power. At 44 degC, 26 K: the fans
  // need 35/26 of full speed and get full speed. Above the limit no speed helps: full speed.
  RackParameters rack = liquid_rack();
  rack.liquid_fraction.value = 0;
  rack.host_idle.value = {0};
  rack.link_switches.value = {0};
  rack.fan_full_inlet.value = sim::temperature_from_degc(35);
  rack.fan_air_limit.value = sim::temperature_from_degc(70);
  const RackLaw law = make_rack_law(rack);
  const auto fan = [&](double watts, double inlet) {
    return rack_step(law, {.gpu_w = watts, .inlet_c = inlet}).fan;
  };
  CHECK(fan(132e3, 20) == doctest::Approx(2000 * 0.343));
  CHECK(fan(132e3, 44) == doctest::Approx(2000));
  CHECK(fan(66e3, 80) == doctest::Approx(2000));
  // With the heat and the inlet, never against them.
  CHECK(rc::check([&](unsigned short watts, unsigned char inlet) {
    RC_ASSERT(fan(watts * 2.0, inlet * 0.3) <= fan(watts * 2.0 + 100, inlet * 0.3));
    RC_ASSERT(fan(watts * 2.0, inlet * 0.3) <= fan(watts * 2.0, inlet * 0.3 + 1));
  }));
}

TEST_CASE("Behind the supplies stands everything but their loss and the auxiliaries") {
  RackParameters rack = liquid_rack();
  rack.auxiliary.value = {300};
  const RackPower p = rack_step(make_rack_law(rack), {.gpu_w = 80e3, .host_load = 0.5});
  CHECK(p.dc ==
        doctest::Approx(p.gpu + p.host + p.link_switches + p.fan + p.tray_loss + p.busbar_loss));
  CHECK(p.input == doctest::Approx(p.dc + p.shelf_loss + 300));
}

TEST_CASE("An engine loads its host by polling and by work") {
  // Half polling: an engine that runs all the time with nothing for its host to do loads it by
  // half; one whose processes always work, fully; one that stands still, not at all.
  CHECK(host_load_of(0.5, 1, 0) == 0.5);
  CHECK(host_load_of(0.5, 1, 1) == 1);
  CHECK(host_load_of(0.5, 0, 0) == 0);
  CHECK(host_load_of(0.5, 0.4, 0.2) == doctest::Approx(0.3));
  CHECK(host_load_of(0.5, 1, 1.4) == 1);
}

TEST_CASE("Racks that cannot be built are refused with advice") {
  RackParameters rack = liquid_rack();
  sim::Problems none;
  rack.gpu.value.tdp.value = {1200};
  rack.coolant_flow.value = {2.5e-8};
  check(rack, none);
  CHECK(none.items.empty());
  rack.shelf.spare = 40;
  rack.link_domain = 7;
  rack.coolant_flow.value = {0};
  rack.gpu.value.tdp.value = {0};
  rack.fan_air_limit.value = rack.fan_full_inlet.value;
  sim::Problems found;
  check(rack, found);
  REQUIRE(found.items.size() == 5);
  CHECK(found.items[0].at == "gpu");
  CHECK(found.items[1].at == "link_domain");
  CHECK(found.items[2].at == "coolant_flow");
  CHECK(found.items[3].at == "fan_air_limit");
  CHECK(found.items[4].at == "shelf");
}

}  // namespace mw::models
