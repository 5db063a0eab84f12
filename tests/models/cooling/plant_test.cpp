#include "models/cooling/plant.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <cmath>
#include <initializer_list>

#include "models/cooling/chip.hpp"
#include "models/cooling/exchangers.hpp"
#include "models/cooling/fluid.hpp"

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
                     unsigned char supply, unsigned char kind, unsigned char way) {
    CoolingParameters p;
    p.rejection = static_cast<RejectionKind>(way % 3);
    p.tower.model = way & 4 ? TowerModel::york : TowerModel::merkel;
    p.fixed_approach.over_wet_bulb = way & 8;
    if (way & 16) p.reuse = HeatReuseParameters{.demand = {3e6}, .summer_share = 0.1};
    p.air.economiser = static_cast<Economiser>(way / 32 % 3);
    p.trim.sink = way & 128 ? HeatSink::wet_bulb : HeatSink::dry_bulb;
    p.flow_control = kind & 1 ? FlowControl::constant : FlowControl::proportional;
    p.trim_share = kind & 2 ? 0.2 : 0;
    p.oversizing = kind & 4 ? 1.5 : 0.8;
    if ((kind & 8) && p.rejection == RejectionKind::dry_cooler) p.adiabatic = AdiabaticParameters{};
    if (kind & 16) p.fws.glycol = 0;
    const Plant plant = plant_of(p);
    const double liquid = load * 200.0;  // up to 1.3 times the design
    const double in_air = air_load * 20.0;
    const double degc = -20 + 70.0 * air / 255;
    const CoolingPower out = plant.at(liquid, in_air, degc, 25 + 30.0 * supply / 255);
    RC_ASSERT(std::isfinite(out.total()));
    RC_ASSERT(std::isfinite(out.tcs_supply));
    const double in = liquid + out.tcs_pump + out.fws_pump;
    const double taken = out.rejected_heat + out.reuse_heat + out.trim_heat;
    RC_ASSERT(std::fabs(in - taken) <= 1e-9 * in);
    const double air_in = in_air + out.crah_fan + out.air_pump;
    const double air_out = out.air_free_heat + out.air_chiller_heat + out.unmet_air_heat;
    RC_ASSERT(std::fabs(air_in - air_out) <= 1e-9 * air_in);

    // The equipment does give off that heat at that speed and those temperatures, by its own law;
    // at rest a tower may give off more, which its bypass prevents.
    const Weather w = weather(degc, degc - 8);
    const double air_inlet = p.adiabatic && degc > 25 ? degc - 0.75 * 8 : degc;
    const double capacity = in / (out.fws_return - out.fws_supply);
    const double given = rejected_heat(plant.sizing.rejection, out.fan_speed, capacity,
                                       out.fws_return - out.reuse_heat / capacity, {air_inlet, w});
    if (p.rejection == RejectionKind::dry_cooler)
      RC_ASSERT(std::fabs(given - out.rejected_heat) <= 1e-6 * in);
    if (p.rejection == RejectionKind::tower)
      RC_ASSERT((out.fan_speed == 0 ? given >= out.rejected_heat * (1 - 1e-6)
                                    : std::fabs(given - out.rejected_heat) <= 1e-6 * in));
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
  CHECK(inferno.rejected_heat == doctest::Approx(0).epsilon(1e-9));
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
      CHECK(std::fabs(now.rejection_fan - last.rejection_fan) <
            0.03 * plant.sizing.rejection.cooler.fan * plant.sizing.rejection.units);
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
  CHECK(plant_of(wide).at(10e6, 0, 30).rejection_fan < plant_of({}).at(10e6, 0, 30).rejection_fan);
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
  const double air_kg = wet.fan_speed * plant.sizing.rejection.units *
                        plant.sizing.rejection.cooler.capacity_flow / 1006;
  CHECK(wet.water * 1e6 / air_kg == doctest::Approx(moist_heat * 6 / 2430).epsilon(0.005));
  CHECK(wet.rejection_fan < plant_of({}).at(10e6, 0, 40).rejection_fan);
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
  CHECK(hot.tcs_pump + hot.fws_pump + hot.cdu + hot.rejection_fan == 0);
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
      const double cop = 1e6 / chiller_step({}, 1e6, 2e6, leaving, weather(air, air - 8)).electric;
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

TEST_CASE("An air economiser spares chiller and pumps, and shuts in damp air") {
  CoolingParameters p;
  p.air.economiser = Economiser::air;
  p.air.highest_dew_point.value = sim::temperature_from_degc(23);
  const Plant plant = plant_of(p);
  // 27 degC supply, 39 degC return: all of it below 27, half of it at 33 degC, nothing above 39.
  CHECK(plant.at(10e6, 1e6, 20).air_chiller == 0);
  CHECK(plant.at(10e6, 1e6, 20).air_pump == 0);
  const CoolingPower half = plant.at(10e6, 1e6, 33);
  CHECK(half.air_free_heat == doctest::Approx((1e6 + half.crah_fan) / 2));
  const auto damp =
      cooling_step(plant.parameters, plant.sizing, {{10e6}, {1e6}, sim::temperature_from_degc(45)},
                   weather(26, 24.5));
  CHECK(damp.air_free_heat == 0);
  CHECK(damp.air_chiller > 0);
}

TEST_CASE("Heat reuse: the customer's share never meets the outdoor air") {
  CoolingParameters p;
  p.reuse = HeatReuseParameters{.demand = {4e6}};
  const Plant plant = plant_of(p);
  // All of 4 MW at -10 degC, none at 16 degC, half of it in the middle.
  CHECK(plant.at(10e6, 0, -20).reuse_heat == doctest::Approx(4e6));
  CHECK(plant.at(10e6, 0, 3).reuse_heat == doctest::Approx(2e6));
  CHECK(plant.at(10e6, 0, 16).reuse_heat == 0);
  CHECK(plant.at(10e6, 0, 3).rejection_fan < plant_of({}).at(10e6, 0, 3).rejection_fan);
  // Water that returns too cold is of no use.
  CHECK(plant.at(10e6, 0, -20, 25).reuse_heat == 0);
}

TEST_CASE("Fixed approach: water so much above the air, fans a share of the heat") {
  CoolingParameters p;
  p.rejection = RejectionKind::fixed_approach;
  p.fixed_approach.approach.value = {8};
  const Plant plant = plant_of(p);
  CHECK(plant.at(10e6, 0, 33.9).supply_excess == 0);  // 42 degC is 8 K above 34
  const CoolingPower hot = plant.at(10e6, 0, 36);
  CHECK(hot.fws_supply == doctest::Approx(44).epsilon(1e-9));
  CHECK(hot.rejection_fan == doctest::Approx(0.02 * hot.rejected_heat));
}

TEST_CASE("A tower holds warm water where dry coolers cannot, and pays in water") {
  CoolingParameters p;
  p.supply = sim::temperature_from_degc(35);
  p.rejection = RejectionKind::tower;
  const Plant wet{p, size_cooling(p, design_of(10e6, 0))};
  p.rejection = RejectionKind::dry_cooler;
  const Plant dry{p, size_cooling(p, design_of(10e6, 0))};
  CHECK(dry.at(10e6, 0, 40, 35).supply_excess > 3);
  const CoolingPower hot = cooling_step(
      wet.parameters, wet.sizing, {{10e6}, {0}, sim::temperature_from_degc(35)}, weather(40, 24));
  CHECK(hot.supply_excess == 0);
  // Mostly evaporation: between half of and a little more than 1.98 L/kWh (T39, four cycles).
  const double litres_per_kwh = hot.water * 1e3 / (hot.rejected_heat / 3.6e6);
  CHECK(litres_per_kwh > 1.0);
  CHECK(litres_per_kwh < 2.5);
}

TEST_CASE("A catalogue chiller outside its curves is refused") {
  CoolingParameters p;
  EirCurves curves;
  curves.capacity = {1e5};
  curves.cop = 3;
  curves.leaving = {4, 10};
  p.air.chiller.curves = curves;
  sim::Problems found;
  check_sizing(p, design_of(1e6, 1e5), found);
  REQUIRE(found.items.size() == 1);
  CHECK(found.items[0].at == "air.chiller.curves");
  p.air.water.value = sim::temperature_from_degc(10);
  sim::Problems none;
  check_sizing(p, design_of(1e6, 1e5), none);
  CHECK(none.items.empty());
}

TEST_CASE("T18: the steady junction temperature of a one-node chip is 69 degC") {
  // 45 degC + 0 + 1200 W x 0.02 K/W.
  CHECK(sim::to_degc(junction_temperature(sim::temperature_from_degc(45), {0}, {1200}, {0.02})) ==
        doctest::Approx(69));
  // A rise of 10 K adds the mean of it.
  CHECK(sim::to_degc(junction_temperature(sim::temperature_from_degc(45), {10}, {1200}, {0.02})) ==
        doctest::Approx(74));
}

TEST_CASE("T18: a one-node chip warms along an exponential") {
  // T = 45 + 1200 W x 0.02 K/W (1 - exp(-t / 6 s)).
  const ChipNode chip{{0.02}, 300};
  const std::pair<double, double> expected[] = {
      {1, 48.684}, {3, 54.443}, {6, 60.171}, {12, 65.752}, {30, 68.838}};
  for (const auto& [t, degc] : expected)
    CHECK(std::fabs(chip_after(chip, 45, 45, 1200, t) - degc) < 0.001);
  // The step is exact: sixty of half a second are one of thirty.
  double t = 45;
  for (int i = 0; i < 60; ++i) t = chip_after(chip, t, 45, 1200, 0.5);
  CHECK(t == doctest::Approx(chip_after(chip, 45, 45, 1200, 30)).epsilon(1e-12));
}

TEST_CASE("T19: flow lost at 69 degC, 87 degC is reached after 4.5 s") {
  // Adiabatic: 18 K x 300 J/K / 1200 W.
  CHECK(time_to_warm(300, 1200, 87 - 69) == doctest::Approx(4.5));
}

TEST_CASE("T20: coolant without heat rejection") {
  const FluidProperties pg25 = coolant(0.25, 50);
  const double per_m3 = pg25.density * pg25.heat_capacity;
  CHECK(time_to_warm(0.060 * per_m3, 132e3, 15) == doctest::Approx(27.34).epsilon(1e-3));
  CHECK(time_to_warm(0.100 * per_m3, 227e3, 15) == doctest::Approx(26.49).epsilon(1e-3));
}

}  // namespace mw::models
