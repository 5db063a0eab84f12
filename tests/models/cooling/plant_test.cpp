#include "models/cooling/plant.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <cmath>
#include <initializer_list>

#include "models/cooling/chip.hpp"
#include "models/cooling/exchangers.hpp"

namespace mw::models {
namespace {

constexpr double flow_rule = 1.5 / 60000 / 1000;  // 1.5 L/min/kW in m3/s/W

CoolingDesign design_of(double liquid, double air) {
  return {{liquid}, {air}, {liquid * flow_rule}, {100e3}};
}

Weather weather(double dry_bulb, double wet_bulb) {
  return weather_of({sim::temperature_from_degc(dry_bulb), sim::temperature_from_degc(wet_bulb)});
}

struct Plant {
  CoolingParameters parameters;
  CoolingSizing sizing;
  CoolingPower at(double liquid, double air_heat, double dry_bulb, double supply = 45) const {
    return cooling_step(parameters, sizing,
                        {{liquid}, {air_heat}, sim::temperature_from_degc(supply)},
                        weather(dry_bulb, dry_bulb - 8));
  }
};
Plant plant_of(CoolingParameters p, double liquid = 10e6, double air = 1e6) {
  return {p, size_cooling(p, design_of(liquid, air))};
}

}  // namespace

TEST_CASE("T4, T6: at design the plant holds its set points") {
  const Plant plant = plant_of({});
  // 35 degC is where the dry cooler is rated, but the water is 42/52 degC instead of 40.55/46.11.
  const CoolingPower p = plant.at(10e6, 1e6, 25);
  CHECK(p.tcs_supply == doctest::Approx(45).epsilon(1e-9));
  CHECK(p.fws_supply == doctest::Approx(42).epsilon(1e-9));
  CHECK(p.tcs_return - p.tcs_supply == doctest::Approx(9.975).epsilon(1e-3));
  // The rise of the facility water carries the racks' and both pumps' heat.
  CHECK(p.fws_return - p.fws_supply == doctest::Approx(10 * (1 + p.fws_pump / 10e6)).epsilon(1e-3));
  CHECK(p.supply_excess == 0);
  CHECK(p.unmet_air_heat == 0);
  CHECK(p.tcs_flow == doctest::Approx(10e6 * flow_rule).epsilon(1e-12));
  CHECK(p.trim == 0);
}

TEST_CASE("T42: heat to the outdoor air is what the racks and the pumps put in") {
  CHECK(rc::check([](unsigned short load, unsigned short air_load, unsigned char air,
                     unsigned char supply, unsigned char kind) {
    CoolingParameters p;
    p.flow_control = kind & 1 ? FlowControl::constant : FlowControl::proportional;
    p.trim_share = kind & 2 ? 0.2 : 0;
    p.oversizing = kind & 4 ? 1.5 : 0.8;
    if (kind & 8) p.adiabatic = AdiabaticParameters{};
    if (kind & 16) p.fws.glycol = 0;
    const Plant plant = plant_of(p);
    const double liquid = load * 200.0;  // up to 1.3 times the design
    const double in_air = air_load * 20.0;
    const double degc = -20 + 70.0 * air / 255;
    const CoolingPower out = plant.at(liquid, in_air, degc, 25 + 30.0 * supply / 255);
    RC_ASSERT(std::isfinite(out.total()));
    RC_ASSERT(std::isfinite(out.tcs_supply));
    const double in = liquid + out.tcs_pump + out.fws_pump;
    const double taken = out.dry_cooler_heat + out.trim_heat;
    RC_ASSERT(std::fabs(in - taken) <= 1e-9 * in);
    const double air_in = in_air + out.crah_fan + out.air_pump;
    const double air_out = out.air_free_heat + out.air_chiller_heat + out.unmet_air_heat;
    RC_ASSERT(std::fabs(air_in - air_out) <= 1e-9 * air_in);

    // The dry coolers do give off that heat at that speed and those temperatures, by their own law.
    const double air_inlet = p.adiabatic && degc > 25 ? degc - 0.75 * 8 : degc;
    const double capacity = in / (out.fws_return - out.fws_supply);
    const DryCooler& cooler = plant.sizing.cooler;
    const double given = plant.sizing.coolers *
                         dry_cooler_heat(cooler, out.fan_speed,
                                         capacity / (plant.sizing.coolers * cooler.capacity_flow),
                                         out.fws_return, air_inlet);
    RC_ASSERT(std::fabs(given - out.dry_cooler_heat) <= 1e-6 * in);
    // And the CDU passes the racks' heat: both streams leave within what the inlets allow.
    RC_ASSERT(out.tcs_supply >= out.fws_supply);
    RC_ASSERT(out.tcs_return >= out.tcs_supply);
    // Nothing is hidden: either the set point is held or the excess is said.
    const double set = 25 + 30.0 * supply / 255;
    RC_ASSERT(std::fabs(out.tcs_supply - set - out.supply_excess) < 1e-6);
    RC_ASSERT(out.water >= 0);
  }));
}

TEST_CASE("Without a chiller a hot day warms the coolant, and the excess is reported") {
  const Plant plant = plant_of({});
  const CoolingPower p = plant.at(10e6, 0, 46);
  CHECK(p.fan_speed == 1);
  CHECK(p.supply_excess > 1);
  CHECK(p.tcs_supply == doctest::Approx(45 + p.supply_excess).epsilon(1e-12));
  // Hotter air by 1 K makes the coolant hotter by nearly 1 K: the exchangers are almost linear.
  const double step = plant.at(10e6, 0, 47).tcs_supply - p.tcs_supply;
  CHECK(step > 0.9);
  CHECK(step < 1.05);
}

TEST_CASE("With a chiller the set point is held and compressors pay for it") {
  CoolingParameters p;
  p.trim_share = 1;
  const Plant plant = plant_of(p);
  const CoolingPower hot = plant.at(10e6, 0, 46);
  CHECK(hot.supply_excess == 0);
  CHECK(hot.tcs_supply == doctest::Approx(45).epsilon(1e-9));
  CHECK(hot.trim_heat > 0);
  CHECK(hot.trim > hot.trim_heat / 12);  // the COP is capped at 12
  // Hotter than the water itself: the coolers rest and the chiller carries everything.
  const CoolingPower inferno = plant.at(10e6, 0, 60);
  CHECK(inferno.fan_speed == 0);
  CHECK(inferno.dry_cooler_heat == doctest::Approx(0).epsilon(1e-9));
  CHECK(inferno.supply_excess == 0);
}

TEST_CASE("Nothing jumps as the air warms: fans, more water, chiller, then warmer coolant") {
  for (const double load : {4e6, 10e6}) {
    CoolingParameters p;
    p.trim_share = 0.1;
    const Plant plant = plant_of(p);
    CoolingPower last = plant.at(load, 0.5e6, 10);
    for (double air = 10; air < 60; air += 0.01) {
      const CoolingPower now = plant.at(load, 0.5e6, air);
      CHECK(std::fabs(now.tcs_supply - last.tcs_supply) < 0.03);
      CHECK(std::fabs(now.dry_cooler_fan - last.dry_cooler_fan) <
            0.03 * plant.sizing.cooler.fan * plant.sizing.coolers);
      CHECK(std::fabs(now.trim_heat - last.trim_heat) < 0.02 * load);
      CHECK(std::fabs(now.air_chiller - last.air_chiller) < 1e3);
      last = now;
    }
    CHECK(last.supply_excess > 0);
  }
}

TEST_CASE("A wider cooler needs less fan power for the same heat") {
  CoolingParameters wide;
  wide.oversizing = 1.5;
  CHECK(plant_of(wide).at(10e6, 0, 30).dry_cooler_fan <
        plant_of({}).at(10e6, 0, 30).dry_cooler_fan);
}

TEST_CASE("Wet pads use the water that the air gains, and only above their temperature") {
  CoolingParameters p;
  p.adiabatic = AdiabaticParameters{};
  const Plant plant = plant_of(p);
  CHECK(plant.at(10e6, 0, 20).water == 0);
  const CoolingPower wet = plant.at(10e6, 0, 40);
  CHECK(wet.water > 0);
  // Cooling moist air by 6 K takes (1006 + 1860 W) 6 J per kg; as latent heat at 34 degC, made from
  // water of 32 degC, 2501 + 1.86 x 34 - 4.186 x 32 = 2430 kJ per kg.
  const double moist_heat = 1006 + 1860 * weather(40, 32).humidity_ratio;
  const double air_kg =
      wet.fan_speed * plant.sizing.coolers * plant.sizing.cooler.capacity_flow / 1006;
  CHECK(wet.water * 1e6 / air_kg == doctest::Approx(moist_heat * 6 / 2430).epsilon(0.005));
  CHECK(wet.dry_cooler_fan < plant_of({}).at(10e6, 0, 40).dry_cooler_fan);
}

TEST_CASE("Air side: cold weather needs no compressor, hot weather the whole of it") {
  const Plant plant = plant_of({}, 0, 1e6);
  const CoolingPower cold = plant.at(0, 1e6, 5);
  CHECK(cold.air_chiller == 0);
  const CoolingPower hot = plant.at(0, 1e6, 35);
  CHECK(hot.air_free_heat == 0);
  CHECK(hot.air_chiller_heat == doctest::Approx(1e6 + hot.crah_fan + hot.air_pump));
  // Carnot: 290.15 K evaporating, 47 - 17 = 30 K lift, share 0.53: COP 5.1260.
  CHECK(hot.air_chiller_heat /
            (hot.air_chiller - 0.03 * (hot.air_chiller_heat + hot.air_chiller_heat / 5.1260)) ==
        doctest::Approx(5.1260).epsilon(1e-4));
  // More heat than chillers: the rest is reported.
  CHECK(plant.at(0, 2e6, 35).unmet_air_heat > 0);
  // No liquid plant: no liquid power.
  CHECK(hot.tcs_pump + hot.fws_pump + hot.cdu + hot.dry_cooler_fan == 0);
}

TEST_CASE("The chiller's whole power follows a catalogue machine in hot air") {
  // York YCAL0033EE, air-cooled, COP 3.10 at 6.67 degC leaving and 35 degC air; DOE-2 form (T11b):
  // P = Q / 3.10 x f2(leaving, air) at full load, so COP = 3.10 / f2. Valid to 10 degC leaving.
  const auto catalogue_cop = [](double leaving, double air) {
    return 3.10 / (0.1807017787 + 0.0271530312 * leaving - 0.0004553574 * leaving * leaving +
                   0.0188175079 * air + 0.0002623276 * air * air - 0.0012881189 * leaving * air);
  };
  CHECK(catalogue_cop(6.67, 35) == doctest::Approx(3.0368).epsilon(5e-4));
  CHECK(catalogue_cop(10, 45) == doctest::Approx(2.5725).epsilon(5e-4));
  for (const double leaving : {6.67, 8.0, 10.0}) {
    for (const double air : {25.0, 35.0, 41.0, 45.0}) {
      const double cop = 1e6 / chiller_power({}, 1e6, leaving, air);
      CAPTURE(leaving);
      CAPTURE(air);
      CHECK(cop == doctest::Approx(catalogue_cop(leaving, air)).epsilon(0.075));
    }
  }
}

TEST_CASE("A plant that holds nothing, or stands idle, is finite") {
  CHECK(plant_of({}, 0, 0).at(0, 0, 20).total() == 0);
  const CoolingPower idle = plant_of({}).at(0, 0, 20);
  CHECK(std::isfinite(idle.tcs_supply));
  CHECK(idle.tcs_pump > 0);
}

TEST_CASE("A facility water rise that no CDU can give is refused") {
  CoolingParameters p;
  sim::Problems none;
  check_sizing(p, design_of(1e6, 0), none);
  CHECK(none.items.empty());
  p.fws_rise = {15};
  sim::Problems found;
  check_sizing(p, design_of(1e6, 0), found);
  REQUIRE(found.items.size() == 1);
  CHECK(found.items[0].at == "fws_rise");
}

TEST_CASE("T18: the steady junction temperature of a one-node chip is 69 degC") {
  // 45 degC + 0 + 1200 W x 0.02 K/W.
  CHECK(sim::to_degc(junction_temperature(sim::temperature_from_degc(45), {0}, {1200}, {0.02})) ==
        doctest::Approx(69));
  // A rise of 10 K adds the mean of it.
  CHECK(sim::to_degc(junction_temperature(sim::temperature_from_degc(45), {10}, {1200}, {0.02})) ==
        doctest::Approx(74));
}

}  // namespace mw::models
