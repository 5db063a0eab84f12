#include <doctest/doctest.h>

#include <cmath>
#include <initializer_list>

#include "models/cooling/fluid.hpp"
#include "models/cooling/psychrometrics.hpp"

namespace mw::models {

TEST_CASE("T5: properties of water with 25 % propylene glycol") {
  struct Row {
    double degc, density, heat_capacity, viscosity, conductivity;
  };
  // Melinder 2010; figures computed by an independent script.
  const Row rows[] = {{20, 1019.28, 3920.5, 2.445e-3, 0.4679},
                      {30, 1014.90, 3944.6, 1.776e-3, 0.4769},
                      {45, 1007.21, 3980.6, 1.199e-3, 0.4903},
                      {50, 1004.38, 3992.4, 1.073e-3, 0.4946},
                      {55, 1001.44, 4004.1, 0.967e-3, 0.4989}};
  for (const Row& row : rows) {
    const FluidProperties f = propylene_glycol(0.25, row.degc);
    CHECK(f.density == doctest::Approx(row.density).epsilon(1e-5));
    CHECK(f.heat_capacity == doctest::Approx(row.heat_capacity).epsilon(2e-5));
    CHECK(f.viscosity * 1e3 == doctest::Approx(row.viscosity * 1e3).epsilon(5e-4));
    CHECK(f.conductivity == doctest::Approx(row.conductivity).epsilon(2e-4));
  }
}

TEST_CASE("T6: rise of the coolant per flow rule") {
  // dT = Q / (rho cp V): 1 kW into 1.5 L/min of PG25 at 50 degC is 9.975 K.
  const auto rise = [](const FluidProperties& f, double litre_per_minute) {
    return 1000 / (f.density * f.heat_capacity * litre_per_minute / 60000);
  };
  const FluidProperties pg25 = coolant(0.25, 50);
  CHECK(rise(pg25, 1.5) == doctest::Approx(9.975).epsilon(1e-3));
  CHECK(rise(pg25, 2.0) == doctest::Approx(7.482).epsilon(1e-3));
  CHECK(rise(pg25, 1.0) == doctest::Approx(14.963).epsilon(1e-3));
  CHECK(rise(coolant(0, 50), 1.5) == doctest::Approx(9.683).epsilon(1e-3));
}

TEST_CASE("T7: flow that carries a rack's heat at a rise of 10 K") {
  const FluidProperties f = coolant(0.25, 50);
  const double per_kw = 1000 / (f.density * f.heat_capacity * 10) * 60000;
  CHECK(132 * per_kw == doctest::Approx(197.5).epsilon(1e-3));
  CHECK(190 * per_kw == doctest::Approx(284.3).epsilon(1e-3));
  CHECK(230 * per_kw == doctest::Approx(344.2).epsilon(1e-3));
  CHECK(600 * per_kw == doctest::Approx(897.8).epsilon(1e-3));
}

TEST_CASE("Outside the range of the polynomials the nearest edge is taken, always finite") {
  for (const double degc : {-300.0, -50.0, 150.0, 1e6}) {
    for (const double x : {0.01, 0.25, 0.9}) {
      CHECK(std::isfinite(propylene_glycol(x, degc).viscosity));
      CHECK(propylene_glycol(x, degc).density > 900);
    }
    CHECK(water(degc).density > 900);
  }
}

TEST_CASE("T14: moist air at 40 degC, wet bulb 20 degC, sea level") {
  CHECK(saturation_pressure(20) == doctest::Approx(2338.8).epsilon(1e-4));
  CHECK(saturation_pressure(40) == doctest::Approx(7383.5).epsilon(1e-4));
  const double w = humidity_ratio_from_wet_bulb(40, 20, 101325);
  CHECK(1e3 * w == doctest::Approx(6.40).epsilon(2e-3));
  CHECK(moist_air_enthalpy(40, w) == doctest::Approx(56.7).epsilon(2e-3));
  CHECK(std::fabs(relative_humidity(40, w, 101325) - 0.140) < 0.002);
}

TEST_CASE("Wet bulb and dew point are the inverses of their definitions") {
  for (const double dry : {-25.0, -5.0, 5.0, 20.0, 45.0}) {
    for (const double depression : {0.0, 0.5, 3.0}) {
      const double wet = dry - depression;
      const double w = humidity_ratio_from_wet_bulb(dry, wet, 95000);
      if (w <= 0) continue;
      CHECK(wet_bulb_from_humidity_ratio(dry, w, 95000) == doctest::Approx(wet).epsilon(1e-6));
      const double dew = dew_point_from_humidity_ratio(w, 95000);
      CHECK(dew <= dry + 1e-6);
      CHECK(humidity_ratio_from_vapour_pressure(saturation_pressure(dew), 95000) ==
            doctest::Approx(w).epsilon(1e-9));
    }
  }
}

TEST_CASE("Ice and water have the same saturation pressure at the freezing point") {
  CHECK(saturation_pressure(-1e-6) == doctest::Approx(saturation_pressure(1e-6)).epsilon(1e-3));
}

TEST_CASE("T15: Stull's wet bulb at 20 degC and 50 %") {
  CHECK(std::fabs(stull_wet_bulb(20, 50) - 13.699) < 1e-3);
  // The exact one lies within the accuracy Stull states (-1 to +0.65 K).
  const double w = humidity_ratio_from_vapour_pressure(0.5 * saturation_pressure(20), 101325);
  CHECK(std::fabs(wet_bulb_from_humidity_ratio(20, w, 101325) - stull_wet_bulb(20, 50)) < 0.65);
}

TEST_CASE("The standard atmosphere") {
  CHECK(standard_pressure(0) == 101325);
  CHECK(standard_pressure(1500) == doctest::Approx(84556).epsilon(1e-4));  // ASHRAE table 1
}

}  // namespace mw::models
