#include <doctest/doctest.h>

#include <cmath>

#include "models/cooling/chiller.hpp"
#include "models/cooling/eir_chiller.hpp"
#include "models/cooling/metrics.hpp"
#include "models/cooling/psychrometrics.hpp"
#include "models/cooling/rejection.hpp"

namespace mw::models {
namespace {

Weather weather(double dry_bulb, double wet_bulb) {
  return weather_of({sim::temperature_from_degc(dry_bulb), sim::temperature_from_degc(wet_bulb)});
}

// Coefficients of EnergyPlus' and Modelica Buildings' data sets.
EirCurves mcquay() {
  EirCurves c;
  c.capacity = {471.2e3};
  c.cop = 5.89;
  c.capacity_by_temperature = {2.521130E-01, 1.324053E-02,  -8.637329E-03,
                               8.581056E-02, -4.261176E-03, 8.661899E-03};
  c.eir_by_temperature = {4.475238E-01, -2.588210E-02, -1.459053E-03,
                          4.342595E-02, -1.000651E-03, 1.920106E-03};
  c.eir_by_load = {2.778889E-01, 2.338363E-01, 4.883748E-01};
  c.leaving = {5, 13};
  c.entering = {15, 30};
  return c;
}
EirCurves york() {
  EirCurves c;
  c.capacity = {100.582e3};
  c.cop = 3.1;
  c.capacity_by_temperature = {-0.2660645697, 0.0998714035,  -0.0023814154,
                               0.0628316481,  -0.0009644649, -0.0011249224};
  c.eir_by_temperature = {0.1807017787, 0.0271530312, -0.0004553574,
                          0.0188175079, 0.0002623276, -0.0012881189};
  c.eir_by_load = {0, 1, 0};
  c.leaving = {4.4, 10};
  c.entering = {15, 51.67};
  return c;
}

}  // namespace

TEST_CASE("T10: YorkCalc approaches") {
  CHECK(std::fabs(york_approach(5.56, 25.55, 1) - 3.8445) < 1e-3);
  CHECK(std::fabs(york_approach(5.56, 20, 1) - 5.0580) < 1e-3);
  CHECK(std::fabs(york_approach(5.56, 10, 1) - 7.7706) < 1e-3);
  CHECK(std::fabs(york_approach(10, 20, 1) - 7.9639) < 1e-3);
  CHECK(std::fabs(york_approach(5.56, 20, 2) - 10.9299) < 1e-3);
  CHECK(std::fabs(york_approach(10, 25.55, 0.75) - 4.1695) < 1e-3);
}

TEST_CASE("T10: both towers give off the rated heat at the rated point") {
  TowerParameters p;
  p.exchanger_approach.value = {0};
  const Weather rated = weather(35, 25.55);
  // Merkel's theory is fitted to the point; the polynomial's own design is 3.8445 K of approach,
  // not 3.89, so it gives 1 % more.
  CHECK(tower_heat(make_tower(p), 1, 1, 35, rated) == doctest::Approx(1).epsilon(1e-9));
  p.model = TowerModel::york;
  CHECK(tower_heat(make_tower(p), 1, 1, 35, rated) == doctest::Approx(1).epsilon(0.02));
  // The two agree near it: cooler air, less water.
  const Tower york = make_tower(p);
  p.model = TowerModel::merkel;
  const Tower merkel = make_tower(p);
  for (const double wet_bulb : {15.0, 20.0, 25.0})
    for (const double speed : {0.6, 1.0}) {
      const Weather w = weather(wet_bulb + 8, wet_bulb);
      CHECK(tower_heat(merkel, speed, 1, 33, w) ==
            doctest::Approx(tower_heat(york, speed, 1, 33, w)).epsilon(0.10));
    }
}

TEST_CASE("A tower gives off more with more air, warmer water and drier air, never against them") {
  for (const TowerModel model : {TowerModel::merkel, TowerModel::york}) {
    TowerParameters p;
    p.model = model;
    const Tower t = make_tower(p);
    double last = 0;
    for (double speed = 0; speed <= 1; speed += 0.1) {
      const double heat = tower_heat(t, speed, 0.8, 36, weather(30, 22));
      CHECK(heat > last);
      last = heat;
    }
    CHECK(tower_heat(t, 1, 0.8, 37, weather(30, 22)) > last);
    CHECK(tower_heat(t, 1, 0.8, 36, weather(30, 20)) > last);
    CHECK(tower_heat(t, 1, 0.8, 20, weather(30, 22)) == 0);
    // No water leaves colder than the wet bulb.
    for (const double flow : {0.3, 1.0, 1.5})
      CHECK(tower_heat(t, 1, flow, 36, weather(30, 22)) < t.capacity_flow * flow * (34 - 22));
  }
}

TEST_CASE("T39: a tower evaporates about what its heat does, by the balance of its air") {
  const TowerParameters p;
  const Tower t = make_tower(p);
  // Where air enters and leaves at the same temperature all heat evaporates water; hotter air that
  // is cooled on the way adds to it, colder air takes heat without water.
  const auto share = [&](double dry_bulb, double wet_bulb) {
    const double latent_heat = 2430e3;
    const double all = make_up_water(evaporation_per_heat(latent_heat), p.cycles.value);
    return tower_water(p, t, 1, 1, 1, weather(dry_bulb, wet_bulb)) / all;
  };
  CHECK(share(30, 22) > 0.8);
  CHECK(share(30, 22) < 1.05);
  CHECK(share(42, 22) > 1.05);
  CHECK(share(0, -2) < 0.7);
  // Mass balance: make-up = evaporation + blow-down + drift, with blow-down at the cycles' ratio.
  TowerParameters more = p;
  more.cycles.value = 8;
  const double drift = p.drift.value * t.capacity_flow / 4186 / 1000;
  const double evaporated = (tower_water(p, t, 1, 1, 1, weather(30, 22)) - drift) * 3 / 4;
  CHECK(tower_water(more, t, 1, 1, 1, weather(30, 22)) - drift ==
        doctest::Approx(evaporated * 8 / 7).epsilon(1e-9));
}

TEST_CASE("T11: electric-EIR chiller McQuay WSC") {
  const struct {
    double leaving, entering, load, cop, kw;
  } cases[] = {{8.89, 26.67, 1, 5.8672, 80.194},
               {8.89, 20, 1, 6.4593, 90.386},
               {8.89, 26.67, 0.5, 5.6759, 41.448},
               {12.78, 26.67, 0.5, 5.8177, 49.430}};
  for (const auto& c : cases) {
    const EirPoint p = eir_point(mcquay(), c.leaving, c.entering, c.load);
    CHECK(p.power * 1e-3 == doctest::Approx(c.kw).epsilon(5e-4));
    CHECK(p.capacity * c.load / p.power == doctest::Approx(c.cop).epsilon(5e-4));
  }
}

TEST_CASE("T11b: electric-EIR chiller York YCAL0033EE, air-cooled") {
  const struct {
    double leaving, entering, load, cop, capacity;
  } cases[] = {{6.67, 35, 1, 3.0368, 105.526},
               {10, 45, 1, 2.5725, 86.770},
               {6.67, 25, 0.5, 4.0728, 108.080}};
  for (const auto& c : cases) {
    const EirPoint p = eir_point(york(), c.leaving, c.entering, c.load);
    CHECK(p.capacity * 1e-3 == doctest::Approx(c.capacity).epsilon(5e-4));
    CHECK(p.capacity * c.load / p.power == doctest::Approx(c.cop).epsilon(5e-4));
  }
  // Below the least load the machine cycles: half of that load takes half of its power.
  const EirCurves c = york();
  CHECK(eir_point(c, 7, 35, 0.05).power == doctest::Approx(eir_point(c, 7, 35, 0.1).power / 2));
}

TEST_CASE("A plant's catalogue chillers scale with its capacity and stage by machines") {
  ChillerParameters p;
  p.curves = york();
  p.condenser_fan_share.value = 0;
  const Weather w = weather(35, 20);
  // Twenty machines' capacity: twenty times the power of one at its available capacity.
  const EirPoint one = eir_point(york(), 6.67, 35, 1);
  const double capacity = 20 * 100.582e3;
  CHECK(chiller_step(p, 20 * one.capacity, capacity, 6.67, w).electric ==
        doctest::Approx(20 * one.power));
  // At a tenth of the load, two machines of twenty at full load, not twenty at a tenth.
  p.units = 20;
  CHECK(chiller_step(p, 2 * one.capacity, capacity, 6.67, w).electric ==
        doctest::Approx(2 * one.power));
  CHECK(chiller_step(p, 0, capacity, 6.67, w).electric == 0);
  // Wet condensers see the wet bulb and evaporate what they reject.
  ChillerParameters wet;
  wet.sink = HeatSink::wet_bulb;
  const ChillerPower power = chiller_step(wet, 1e6, 2e6, 30, w);
  CHECK(power.electric < chiller_step({}, 1e6, 2e6, 30, w).electric);
  const double compressor = 1e6 / chiller_cop(wet, 30, 20);
  CHECK(power.water * 2430e6 == doctest::Approx((1e6 + compressor) * 4 / 3));
}

}  // namespace mw::models
