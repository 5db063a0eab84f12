#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "models/numerics/gamma_quantile.hpp"
#include "sim/describe.hpp"
#include "sim/quantity.hpp"
#include "sim/random.hpp"

namespace mw::models {

/// Markov-modulated rate: bursts and calm spells of exponential length follow each other.
struct BurstParameters {
  double ratio = 1;
  sim::Seconds burst;
  sim::Seconds calm;
};
template <sim::Describes<BurstParameters> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("ratio", self.ratio,
        About{.text = "Rate in a burst over rate in a calm spell",
              .min = 1,
              .max = 1000,
              .required = true});
  visit("burst", self.burst,
        About{.text = "Mean length of a burst", .min = 0.1, .max = 1e7, .required = true});
  visit("calm", self.calm,
        About{.text = "Mean length of a calm spell", .min = 0.1, .max = 1e7, .required = true});
}

/// When requests come. Gaps are gamma distributed with mean 1 and coefficient of variation `cv` on
/// an operational clock (1: a Poisson process); that clock runs at `rate`, times the burst's
/// factor, times the week's shape. Factors and shape have mean 1, so `rate` stays the long-run
/// mean.
struct ArrivalParameters {
  sim::Rate rate;
  double cv = 1;
  std::optional<BurstParameters> bursts;
  std::vector<double> daily;
  std::vector<double> weekly;
  sim::Seconds utc_offset;
};
template <sim::Describes<ArrivalParameters> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("rate", self.rate,
        About{.text = "Mean requests per second", .min = 1e-6, .max = 1e9, .required = true});
  visit("cv", self.cv,
        About{.text = "Standard deviation of the gaps over their mean; 1 is Poisson",
              .min = 0.05,
              .max = 20});
  visit("bursts", self.bursts, About{.text = "A rate that switches at random"});
  visit("daily", self.daily,
        About{.text = "24 relative rates, at 0:00, 1:00 ... local time, straight lines between",
              .min = 0});
  visit("weekly", self.weekly,
        About{.text = "7 relative rates, Monday first, that multiply the daily ones", .min = 0});
  visit("utc_offset", self.utc_offset,
        About{.text = "Local time of the users minus UTC", .min = -50400, .max = 50400});
}
void check(const ArrivalParameters& arrivals, sim::Problems& problems);

/// Relative rate over the week, scaled to mean 1, and its integral. Moments are seconds since some
/// Monday 0:00 local time.
class WeekShape {
 public:
  explicit WeekShape(const ArrivalParameters& arrivals);

  bool flat() const { return flat_; }
  double rate_at(double moment) const;
  /// Integral of the relative rate from moment 0.
  double integral(double moment) const;
  /// The moment at which the integral reaches `area`.
  double moment_of(double area) const;

 private:
  static constexpr int hours = 168;
  bool flat_;
  std::array<double, hours + 1> level_;  // at the start of each hour; the last equals the first
  std::array<double, hours + 1> area_;   // integral until then, seconds
};

/// What an arrival process needs besides its state, made once.
struct ArrivalLaw {
  ArrivalLaw(const ArrivalParameters& arrivals, double copies_in_one, std::int64_t start_unix_ns,
             double kept_share = 1);

  double rate;                                     // requests per second on the operational clock
  double kept;                                     // chance of a request to be made at all
  double log_dropped;                              // ln(1 - kept)
  double gap_shape;                                // of the gamma gaps; 1 / cv^2
  bool poisson;                                    // cv = 1: exponential gaps
  std::shared_ptr<const GammaQuantile> gap_table;  // of other gaps; null: beyond its shapes
  bool bursty;
  double burst_mean, calm_mean;      // seconds
  double burst_factor, calm_factor;  // mean 1 over time
  WeekShape shape;
  double start_in_week;  // of the run's start, seconds since Monday 0:00 local time
};

/// One stream of arrivals: always stands at its next one.
struct ArrivalState {
  double t = 0;             // seconds since the start of the run
  std::uint64_t drawn = 0;  // gaps drawn, so the next arrival is number drawn - 1
  bool in_burst = false;
  double spell_ends = 0;
  std::uint64_t spells_drawn = 0;
};
template <sim::Describes<ArrivalState> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("t", self.t, About{.text = "Next arrival, seconds since the start"});
  visit("drawn", self.drawn, About{.text = "Gaps drawn"});
  visit("in_burst", self.in_burst, About{.text = "A burst is on"});
  visit("spell_ends", self.spell_ends, About{.text = "End of the burst or calm spell, s"});
  visit("spells_drawn", self.spells_drawn, About{.text = "Bursts and calm spells drawn"});
}

/// Stands at the first arrival at or after time 0 of a process that has run for long.
ArrivalState first_arrival(const ArrivalLaw& law, sim::Stream gaps, sim::Stream spells);
/// Moves on to the next arrival. One draw of 64 bits a gap where it is exponential or tabulated.
void next_arrival(ArrivalState& state, const ArrivalLaw& law, sim::Stream gaps, sim::Stream spells);

/// A gap of one of many streams, in units of their mean: by its stream and its number there.
struct GapDraw {
  sim::Stream gaps;
  std::uint64_t number;
};
/// The same as above in two steps, the first for many streams at once: their draws wait for each
/// other's results less than those of one stream, which go one after another.
void draw_gaps(const ArrivalLaw& law, std::span<const GapDraw> which, std::span<double> gaps);
void next_arrival(ArrivalState& state, const ArrivalLaw& law, double gap, sim::Stream spells);

}  // namespace mw::models
