#include "analysis/study/sequences.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <set>

using namespace mw::analysis;

// Each of n equal slices of every dimension holds exactly one of n points.
TEST_CASE("A Latin hypercube has one point in each slice") {
  for (const std::size_t n : {1u, 7u, 100u}) {
    const auto points = latin_hypercube(n, 4, 11);
    for (std::size_t d = 0; d < 4; ++d) {
      std::set<int> slices;
      for (const auto& p : points)
        slices.insert(static_cast<int>(std::floor(p[d] * static_cast<double>(n))));
      CHECK(slices.size() == n);
      CHECK(*slices.begin() == 0);
      CHECK(*slices.rbegin() == static_cast<int>(n) - 1);
    }
  }
}

// The first points of Joe and Kuo's sequence: 0, then (1/2, 1/2), (3/4, 1/4), (1/4, 3/4), ...
TEST_CASE("Sobol's sequence begins as published, in Gray code order") {
  const auto p = sobol_points(5, 3, 0);
  const double known[5][3] = {
      {0, 0, 0}, {0.5, 0.5, 0.5}, {0.75, 0.25, 0.25}, {0.25, 0.75, 0.75}, {0.375, 0.375, 0.625}};
  for (int i = 0; i < 5; ++i)
    for (int d = 0; d < 3; ++d) CHECK(p[i][d] == doctest::Approx(known[i][d]).epsilon(1e-12));
}

// A (t, m, s)-net: 2^m points put one into each dyadic slice of every dimension, shifted or not.
TEST_CASE("Sobol's points are balanced in every dimension, whatever the shift") {
  for (const std::uint64_t seed : {0u, 1u, 99u}) {
    const auto points = sobol_points(256, 12, seed);
    for (std::size_t d = 0; d < 12; ++d) {
      std::set<int> slices;
      for (const auto& p : points) slices.insert(static_cast<int>(p[d] * 256));
      CHECK(slices.size() == 256);
    }
  }
  CHECK(sobol_points(8, 3, 1) != sobol_points(8, 3, 2));
  CHECK(random_points(8, 3, 1) == random_points(8, 3, 1));
}
