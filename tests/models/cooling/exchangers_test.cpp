#include "models/cooling/exchangers.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <initializer_list>

#include "models/cooling/pumps.hpp"

namespace mw::models {

TEST_CASE("T1: counterflow effectiveness") {
  CHECK(std::fabs(counterflow_effectiveness(1, 0.5) - 0.564733) < 1e-6);
  CHECK(std::fabs(counterflow_effectiveness(2, 1) - 0.666667) < 1e-6);
  CHECK(std::fabs(counterflow_effectiveness(3, 0.75) - 0.817118) < 1e-6);
  // Through z = 1 without a jump.
  CHECK(counterflow_effectiveness(2, 1 - 1e-8) == doctest::Approx(2.0 / 3).epsilon(1e-7));
}

TEST_CASE("T2: crossflow, both sides unmixed") {
  CHECK(std::fabs(crossflow_unmixed_effectiveness(1, 0.5) - 0.544764) < 1e-6);
  CHECK(std::fabs(crossflow_unmixed_effectiveness(1, 1) - 0.468536) < 1e-6);
  CHECK(std::fabs(crossflow_unmixed_effectiveness(2, 0.5) - 0.738758) < 1e-6);
  CHECK(std::fabs(crossflow_unmixed_effectiveness(3, 0.75) - 0.755313) < 1e-6);
}

TEST_CASE("T3: parallel flow and crossflow with one side mixed") {
  CHECK(std::fabs(parallel_flow_effectiveness(2, 0.5) - 0.633475) < 1e-6);
  CHECK(std::fabs(crossflow_cmax_mixed_effectiveness(2, 1) - 0.578807) < 1e-6);
  CHECK(std::fabs(crossflow_cmin_mixed_effectiveness(2, 0.5) - 0.717546) < 1e-6);
}

TEST_CASE("With one side boiling every arrangement is the same") {
  const double same = phase_change_effectiveness(1.7);
  CHECK(counterflow_effectiveness(1.7, 0) == doctest::Approx(same));
  CHECK(parallel_flow_effectiveness(1.7, 0) == doctest::Approx(same));
  CHECK(crossflow_unmixed_effectiveness(1.7, 1e-10) == doctest::Approx(same));
  CHECK(crossflow_cmax_mixed_effectiveness(1.7, 1e-10) == doctest::Approx(same));
  CHECK(crossflow_cmin_mixed_effectiveness(1.7, 1e-10) == doctest::Approx(same));
}

TEST_CASE("T4: a CDU with 10 K on both sides and an approach of 3 K") {
  // eps = 10 / (10 + 3); z = 1: NTU = eps / (1 - eps) = 10/3; 1 MW over 10 K is 100 kW/K.
  const double effectiveness = 10.0 / 13;
  const double ntu = counterflow_ntu(effectiveness, 1);
  CHECK(effectiveness == doctest::Approx(0.769231).epsilon(1e-5));
  CHECK(ntu == doctest::Approx(3.33333).epsilon(1e-5));
  CHECK(ntu * 100 == doctest::Approx(333.33).epsilon(1e-5));
}

TEST_CASE("NTU from effectiveness undoes effectiveness from NTU") {
  for (const double ntu : {0.01, 0.5, 1.15236, 4.0, 9.0}) {
    for (const double z : {0.0, 0.3, 0.999, 1.0}) {
      CHECK(counterflow_ntu(counterflow_effectiveness(ntu, z), z) ==
            doctest::Approx(ntu).epsilon(1e-6));
      if (ntu < 5) {
        CHECK(crossflow_unmixed_ntu(crossflow_unmixed_effectiveness(ntu, z), z) ==
              doctest::Approx(ntu).epsilon(1e-6));
      }
    }
  }
}

TEST_CASE("Two films in series give the conductance they were split from") {
  const FilmPair films = split_films(607.5e3, 0.5);
  CHECK(films.first == doctest::Approx(0.5 * films.second));
  CHECK(series_conductance(films.first, films.second) == doctest::Approx(607.5e3));
  CHECK(series_conductance(0, 5) == 0);
}

TEST_CASE("T16: affinity laws") {
  CHECK(affinity(0.5).flow == 0.5);
  CHECK(affinity(0.5).pressure == 0.25);
  CHECK(affinity(0.5).power == 0.125);
  CHECK(affinity(0.8).pressure == doctest::Approx(0.64).epsilon(1e-15));
  CHECK(affinity(0.8).power == doctest::Approx(0.512).epsilon(1e-15));
  // A loop of pure friction follows them; a held pressure raises the power at part flow.
  CHECK(pumping_power(0.5, loop_pressure(0.5, 0, 1), 1) == doctest::Approx(0.125));
  CHECK(pumping_power(0.5, loop_pressure(0.5, 0.5, 1), 1) == doctest::Approx(0.3125));
}

TEST_CASE("T17: a pump of 344 L/min against 150 kPa at efficiency 0.6") {
  CHECK(pumping_power(344.0 / 60000, 150e3, 0.6) == doctest::Approx(1433).epsilon(1e-3));
}

}  // namespace mw::models
