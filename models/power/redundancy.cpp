#include "models/power/redundancy.hpp"

namespace mw::models {

double sharing_over_needed(Redundancy redundancy, int modules) {
  switch (redundancy) {
    case Redundancy::n:
    case Redundancy::reserve:
      return 1;
    case Redundancy::n_plus_1:
    case Redundancy::distributed:
      return (modules + 1.0) / modules;
    case Redundancy::two_n:
      return 2;
  }
  return 1;
}

double usable_share(Redundancy redundancy, int modules) {
  return redundancy == Redundancy::reserve ? modules / (modules + 1.0)
                                           : 1 / sharing_over_needed(redundancy, modules);
}

double availability_of(int needed, int installed, double availability) {
  double total = 0;
  for (int i = needed; i <= installed; ++i) {
    double term = 1;
    for (int k = 0; k < i; ++k) term *= availability * (installed - k) / (i - k);
    for (int k = i; k < installed; ++k) term *= 1 - availability;
    total += term;
  }
  return total;
}

}  // namespace mw::models
