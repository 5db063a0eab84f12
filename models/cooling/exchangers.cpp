#include "models/cooling/exchangers.hpp"

#include <cmath>

#include "models/numerics/root.hpp"

namespace mw::models {
namespace {

constexpr double vanishing = 1e-9;  // below it the limit of z -> 0 (or z -> 1) is exact enough
constexpr double largest_ntu = 1000;

}  // namespace

double counterflow_effectiveness(double ntu, double z) {
  if (std::fabs(1 - z) < vanishing) return ntu / (1 + ntu);
  // expm1 keeps the digits where z is close to 1.
  const double fall = -std::expm1(-ntu * (1 - z));
  return fall / (1 - z + z * fall);
}

double parallel_flow_effectiveness(double ntu, double z) {
  return -std::expm1(-ntu * (1 + z)) / (1 + z);
}

double crossflow_unmixed_effectiveness(double ntu, double z) {
  if (ntu <= 0) return 0;
  if (z < vanishing) return phase_change_effectiveness(ntu);
  const double stretched = std::pow(ntu, 0.22);
  return -std::expm1(std::expm1(-z * ntu / stretched) * stretched / z);
}

double crossflow_cmax_mixed_effectiveness(double ntu, double z) {
  if (z < vanishing) return phase_change_effectiveness(ntu);
  return -std::expm1(z * std::expm1(-ntu)) / z;
}

double crossflow_cmin_mixed_effectiveness(double ntu, double z) {
  if (z < vanishing) return phase_change_effectiveness(ntu);
  return -std::expm1(std::expm1(-z * ntu) / z);
}

double phase_change_effectiveness(double ntu) {
  return -std::expm1(-ntu);
}

double counterflow_ntu(double effectiveness, double z) {
  if (effectiveness <= 0) return 0;
  if (effectiveness >= 1) return largest_ntu;
  if (std::fabs(1 - z) < vanishing) return effectiveness / (1 - effectiveness);
  return std::log((1 - effectiveness * z) / (1 - effectiveness)) / (1 - z);
}

double crossflow_unmixed_ntu(double effectiveness, double z) {
  return find_root(
      [&](double ntu) { return crossflow_unmixed_effectiveness(ntu, z) - effectiveness; }, 0,
      largest_ntu);
}

FilmPair split_films(double ua, double first_over_second) {
  // 1/ua = 1/(r s) + 1/s, hence s = ua (1 + r) / r.
  const double second = ua * (1 + first_over_second) / first_over_second;
  return {first_over_second * second, second};
}

double series_conductance(double first, double second) {
  return first > 0 && second > 0 ? 1 / (1 / first + 1 / second) : 0;
}

}  // namespace mw::models
