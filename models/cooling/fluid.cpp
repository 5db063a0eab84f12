#include "models/cooling/fluid.hpp"

#include <algorithm>
#include <cmath>

#include "models/numerics/monotone_curve.hpp"

namespace mw::models {
namespace {

// Melinder's form: f = sum_i sum_j a_n (100 (X - X0))^i (T - T0)^j, j < terms[i].
constexpr double centre_fraction = 0.307031;
constexpr double centre_degc = 32.7083;
constexpr int terms[] = {4, 4, 4, 3, 2, 1};
constexpr int coefficients = 18;

constexpr double density_terms[coefficients] = {
    1.018e3,  -5.406e-1, -2.666e-3, 1.347e-5,  7.604e-1, -9.450e-3, 5.541e-5,  -1.343e-7, -2.498e-3,
    2.700e-5, -4.018e-7, 3.376e-9,  -1.550e-4, 2.829e-6, -7.175e-9, -1.131e-6, -2.221e-8, 2.342e-8};
constexpr double heat_capacity_terms[coefficients] = {
    3.882e3,  2.699e0,  -1.659e-3, -1.032e-5, -1.304e1, 5.070e-2,  -4.752e-5, 1.522e-6,  -1.598e-1,
    9.534e-5, 1.167e-5, -4.870e-8, 3.539e-4,  3.102e-5, -2.950e-7, 5.000e-5,  -7.135e-7, -4.959e-7};
constexpr double viscosity_terms[coefficients] = {
    6.837e-1,  -3.045e-2, 2.525e-4,  -1.399e-6, 3.328e-2,  -3.984e-4,
    4.332e-6,  -1.860e-8, 5.453e-5,  -8.600e-8, -1.593e-8, -4.465e-11,
    -3.900e-6, 1.054e-7,  -1.589e-9, -1.587e-8, 4.475e-10, 3.564e-9};
constexpr double conductivity_terms[coefficients] = {
    4.513e-1,  7.955e-4,  3.482e-8,  -5.966e-9,  -4.795e-3,  -1.678e-5,
    8.941e-8,  1.493e-10, 2.076e-5,  1.563e-7,   -4.615e-9,  9.897e-12,
    -9.083e-8, -2.518e-9, 6.543e-11, -5.952e-10, -3.605e-11, 2.104e-11};

double double_polynomial(double fraction, double degc, const double (&a)[coefficients]) {
  const double dx = 100 * (fraction - centre_fraction);
  const double dt = degc - centre_degc;
  double sum = 0;
  double x_power = 1;
  int n = 0;
  for (const int count : terms) {
    double power = x_power;
    for (int j = 0; j < count; ++j, ++n) {
      sum += a[n] * power;
      power *= dt;
    }
    x_power *= dx;
  }
  return sum;
}

constexpr double water_degc[] = {0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100};
constexpr double water_density[] = {999.84, 999.70, 998.21, 995.65, 992.22, 988.03,
                                    983.20, 977.76, 971.79, 965.31, 958.35};
constexpr double water_heat_capacity[] = {4217.6, 4192.1, 4181.8, 4178.4, 4178.5, 4180.6,
                                          4184.3, 4189.5, 4196.3, 4205.0, 4215.9};
constexpr double water_viscosity[] = {1.793e-3,  1.307e-3,  1.002e-3,  0.7977e-3,
                                      0.6532e-3, 0.5470e-3, 0.4665e-3, 0.4040e-3,
                                      0.3544e-3, 0.3145e-3, 0.2818e-3};
constexpr double water_conductivity[] = {0.5610, 0.5800, 0.5984, 0.6154, 0.6305, 0.6435,
                                         0.6543, 0.6631, 0.6700, 0.6753, 0.6791};

}  // namespace

FluidProperties propylene_glycol(double mass_fraction, double degc) {
  const double x = std::clamp(mass_fraction, 0.15, 0.57);
  const double t = std::clamp(degc, -20.0, 100.0);
  return {double_polynomial(x, t, density_terms), double_polynomial(x, t, heat_capacity_terms),
          1e-3 * std::exp(double_polynomial(x, t, viscosity_terms)),
          double_polynomial(x, t, conductivity_terms)};
}

FluidProperties water(double degc) {
  static const MonotoneCurve density = make_monotone_curve(water_degc, water_density);
  static const MonotoneCurve heat = make_monotone_curve(water_degc, water_heat_capacity);
  static const MonotoneCurve viscosity = make_monotone_curve(water_degc, water_viscosity);
  static const MonotoneCurve conductivity = make_monotone_curve(water_degc, water_conductivity);
  return {density(degc), heat(degc), viscosity(degc), conductivity(degc)};
}

FluidProperties coolant(double glycol_mass_fraction, double degc) {
  return glycol_mass_fraction > 0 ? propylene_glycol(glycol_mass_fraction, degc) : water(degc);
}

}  // namespace mw::models
