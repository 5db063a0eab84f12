#pragma once
#include <cmath>
#include <optional>
#include <span>

#include "sim/describe.hpp"
#include "sim/host_device.hpp"
#include "sim/quantity.hpp"

namespace mw::sim {
MW_QUANTITY(Current, "A", "A");
}

namespace mw::models {

enum class CurrentKind { three_phase, direct };
inline std::span<const char* const> enum_names(CurrentKind) {
  static constexpr const char* names[] = {"three_phase", "direct"};
  return names;
}

/// Power of a balanced three-phase load, P = sqrt(3) U I cos(phi), with U between lines; of direct
/// current P = U I.
inline double power_of_current(CurrentKind kind, double ampere, double volt, double power_factor) {
  return kind == CurrentKind::direct ? volt * ampere
                                     : std::sqrt(3.0) * volt * ampere * power_factor;
}
inline double current_of_power(CurrentKind kind, double watt, double volt, double power_factor) {
  return watt / power_of_current(kind, 1, volt, power_factor);
}

/// A circuit breaker with an inverse-time (thermal) and an instantaneous (magnetic) release.
/// Above its rated current In it opens after t = k / ((I/In)^2 - 1), at once from `instantaneous`
/// times In. Molded-case breakers hold 1.0 In, open at 1.35 In within one to two hours and at 2 In
/// within minutes (UL 489); k = 300 s opens at 1.35 In after 6 min and at 2 In after 100 s.
struct BreakerParameters {
  std::optional<sim::Current> current;
  std::optional<sim::Power> rating;
  sim::Sourced<double> continuous{
      0.8, sim::Confidence::data_sheet,
      "NEC 210.20 and 215.3: continuous load up to 80 % unless rated for 100 %"};
  sim::Sourced<sim::Seconds> inverse_time{
      {300}, sim::Confidence::assumed, "6 min at 1.35 In, 100 s at 2 In"};
  sim::Sourced<double> instantaneous{10, sim::Confidence::assumed, "usually set to 8 to 12 In"};
  CurrentKind kind = CurrentKind::three_phase;
  sim::Voltage voltage{415};
  double power_factor = 0.99;
};
template <sim::Describes<BreakerParameters> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("current", self.current,
        About{.text = "Rated current of a path's breaker; with voltage and power factor it gives "
                      "the rating",
              .min = 1});
  visit("rating", self.rating,
        About{.text = "Rated power of a path's breaker instead; without either the stage's usable "
                      "rating over `continuous`",
              .min = 1});
  visit("continuous", self.continuous,
        About{.text = "Share of the rating that a continuous load may use: 0.8, or 1 for a "
                      "breaker rated for it",
              .min = 0.1,
              .max = 1});
  visit("inverse_time", self.inverse_time,
        About{.text = "k of the thermal release, t = k / ((I/In)^2 - 1)", .min = 1e-3});
  visit(
      "instantaneous", self.instantaneous,
      About{
          .text = "Multiple of the rated current that opens it at once", .min = 1.01, .max = 100});
  visit("kind", self.kind, About{.text = "three_phase or direct"});
  visit("voltage", self.voltage, About{.text = "Between lines, or of the bus", .min = 1});
  visit("power_factor", self.power_factor,
        About{.text = "Real over apparent power", .min = 0.1, .max = 1});
}
void check(const BreakerParameters& breaker, sim::Problems& problems);

/// The same as plain numbers; rating 0: there is no breaker.
struct BreakerLaw {
  double rating = 0;  // W at nominal voltage
  double inverse_time = 300;
  double instantaneous = 10;
};

/// What heating `dt` seconds at I/In = x adds to a share `heat` of what opens the breaker: the
/// thermal release integrates (x^2 - 1) / k, cools by the same law below In and never below cold,
/// so that a constant x opens it after exactly k / (x^2 - 1).
MW_HD inline double breaker_heat(const BreakerLaw& law, double heat, double x, double dt) {
  const double next = heat + (x * x - 1) / law.inverse_time * dt;
  return next > 0 ? next : 0;
}
/// Seconds until it opens at a constant x; 1e300 if it never does.
MW_HD inline double time_to_open(const BreakerLaw& law, double heat, double x) {
  if (x >= law.instantaneous) return 0;
  if (x <= 1) return 1e300;
  return (heat < 1 ? 1 - heat : 0) * law.inverse_time / (x * x - 1);
}

}  // namespace mw::models
