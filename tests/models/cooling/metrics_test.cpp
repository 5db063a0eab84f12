#include "models/cooling/metrics.hpp"

#include <doctest/doctest.h>

namespace mw::models {

TEST_CASE("T12: taking the fans out makes PUE worse and TUE better") {
  // IT 100 of which fans and supplies 15, overhead 10; then IT 90 of which 5, overhead 10.
  CHECK(power_usage_effectiveness(110, 100) == doctest::Approx(1.100));
  CHECK(power_usage_effectiveness(100, 90) == doctest::Approx(1.111).epsilon(1e-3));
  CHECK(total_usage_effectiveness(110, 85) == doctest::Approx(1.2941).epsilon(1e-4));
  CHECK(total_usage_effectiveness(100, 85) == doctest::Approx(1.1765).epsilon(1e-4));
  // TUE = ITUE x PUE.
  CHECK(it_usage_effectiveness(90, 85) * power_usage_effectiveness(100, 90) ==
        doctest::Approx(total_usage_effectiveness(100, 85)));
  CHECK(partial_pue(100, 3) == doctest::Approx(1.03));
}

TEST_CASE("T13: reuse and carbon") {
  CHECK(energy_reuse_factor(30, 100) == doctest::Approx(0.30));
  CHECK(energy_reuse_effectiveness(1.1, 0.3) == doctest::Approx(0.770));
  CHECK(carbon_usage_effectiveness(0.300, 1.1) == doctest::Approx(0.330));
}

TEST_CASE("T39: water of evaporation and make-up") {
  // 2.6 million US gallons (3.785412 L) per MW and year of 8760 h.
  const double m3 = 2.6e6 * 3.785412e-3;
  CHECK(water_usage_effectiveness(m3, 1e6 * 8760 * 3600) == doctest::Approx(1.1235).epsilon(1e-3));
  // 2430 kJ/kg: 3600/2430 = 1.4815 L per kWh of heat; four cycles: x 4/3.
  const double evaporation = evaporation_per_heat(2430e3);
  CHECK(evaporation * 3.6e6 * 1e3 == doctest::Approx(1.4815).epsilon(1e-4));
  CHECK(make_up_water(evaporation, 4) * 3.6e6 * 1e3 == doctest::Approx(1.9753).epsilon(1e-4));
}

}  // namespace mw::models
