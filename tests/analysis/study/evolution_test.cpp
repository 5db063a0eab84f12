#include "analysis/study/evolution.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

using namespace mw::analysis;

namespace {

/// So many generations of `law`, which fills in objectives and violation.
template <class Law>
std::vector<Individual> evolve(EvolutionOptions options, int generations, Law law) {
  Evolution evolution(options);
  for (int g = 0; g < generations; ++g) {
    std::vector<Individual> all;
    for (auto& genome : evolution.ask()) {
      all.push_back({genome, {}, 0});
      law(all.back());
    }
    evolution.tell(std::move(all));
  }
  return evolution.living();
}

}  // namespace

// Rosenbrock's valley on [-2, 2]^2 has its least value, 0, at (1, 1). Within the circle
// x^2 + y^2 <= 1 the least lies on the circle; minimising along it by calculus and Newton's method
// gives 0.045675 at (0.786415, 0.617698).
TEST_CASE("One objective: Rosenbrock's valley, free and within a circle") {
  const auto at = [](double u) { return 4 * u - 2; };
  const auto value = [&](const Individual& one) {
    const double x = at(one.genome[0]), y = at(one.genome[1]);
    return (1 - x) * (1 - x) + 100 * (y - x * x) * (y - x * x);
  };
  const EvolutionOptions options{40, 3, {0, 0}};
  const auto free = evolve(options, 150, [&](Individual& one) { one.objectives = {value(one)}; });
  CHECK(free[0].objectives[0] < 1e-3);
  const auto held = evolve(options, 150, [&](Individual& one) {
    const double x = at(one.genome[0]), y = at(one.genome[1]);
    one.objectives = {value(one)};
    one.violation = std::max(0.0, x * x + y * y - 1);
  });
  CHECK(held[0].violation == 0);
  CHECK(held[0].objectives[0] == doctest::Approx(0.045675).epsilon(0.02));
  CHECK(at(held[0].genome[0]) == doctest::Approx(0.786415).epsilon(0.02));
}

// Schaffer's problem, f = (x^2, (x - 2)^2): its front is sqrt(f1) + sqrt(f2) = 2 for 0 <= x <= 2.
TEST_CASE("Two objectives: Schaffer's front, from end to end") {
  const auto living = evolve({30, 1, {0}}, 60, [](Individual& one) {
    const double x = 20 * one.genome[0] - 10;
    one.objectives = {x * x, (x - 2) * (x - 2)};
  });
  const auto front = first_front(living);
  REQUIRE(front.size() == 30);
  double least = 1e9, most = 0;
  for (const auto i : front) {
    const auto& f = living[i].objectives;
    CHECK(std::sqrt(f[0]) + std::sqrt(f[1]) ==
          doctest::Approx(2).epsilon(0.005));  // its ends may lie beyond
    least = std::min(least, f[0]);
    most = std::max(most, f[0]);
  }
  CHECK(least < 0.01);
  CHECK(most > 3.6);
}

// 6 x 7 x 5 combinations of names and numbers without order: every one can be looked at.
TEST_CASE("Levels without order: the front is the one of brute force") {
  const std::size_t sizes[] = {6, 7, 5};
  const auto level = [&](const Individual& one, std::size_t g) {
    return std::min(static_cast<std::size_t>(one.genome[g] * static_cast<double>(sizes[g])),
                    sizes[g] - 1);
  };
  const double cost[] = {5, 1, 4, 2, 6, 3}, gain[] = {3, 9, 1, 8, 2, 7, 4};
  const auto law = [&](Individual& one) {
    const auto a = level(one, 0), b = level(one, 1), c = level(one, 2);
    one.objectives = {cost[a] + gain[b] + static_cast<double>(c),
                      std::fabs(cost[a] * gain[b] - 10.0 * static_cast<double>(c))};
  };
  std::vector<Individual> all;
  for (std::size_t a = 0; a < 6; ++a)
    for (std::size_t b = 0; b < 7; ++b)
      for (std::size_t c = 0; c < 5; ++c) {
        all.push_back({{(static_cast<double>(a) + 0.5) / 6, (static_cast<double>(b) + 0.5) / 7,
                        (static_cast<double>(c) + 0.5) / 5},
                       {},
                       0});
        law(all.back());
      }
  const auto values = [](const std::vector<Individual>& from) {
    std::vector<std::vector<double>> out;
    for (const auto i : first_front(from)) out.push_back(from[i].objectives);
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
  };
  CHECK(values(evolve({40, 1, {6, 7, 5}}, 40, law)) == values(all));
}

TEST_CASE("The same seed asks the same; another asks otherwise") {
  const auto law = [](Individual& one) { one.objectives = {one.genome[0] + one.genome[1]}; };
  const auto a = evolve({8, 1, {0, 3}}, 5, law), b = evolve({8, 1, {0, 3}}, 5, law),
             c = evolve({8, 2, {0, 3}}, 5, law);
  for (std::size_t i = 0; i < a.size(); ++i) CHECK(a[i].genome == b[i].genome);
  CHECK(a[0].genome != c[0].genome);
}

TEST_CASE("What is feasible comes before what is not, and nearer before farther") {
  const Individual good{{}, {5}, 0}, near{{}, {1}, 0.5}, far{{}, {0}, 2};
  CHECK(dominates(good, near));
  CHECK(dominates(near, far));
  CHECK_FALSE(dominates(far, near));
  CHECK_FALSE(dominates(good, good));
}
