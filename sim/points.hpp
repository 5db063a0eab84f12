#pragma once
// What controllers see. A point samples a signal of the model the way a meter does: at its period,
// over its window, some time late, with noise, in steps, and now and then not at all. Controllers
// read points and nothing else, so the same policy could drive a real site.
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sim/describe.hpp"
#include "sim/quantity.hpp"
#include "sim/ring.hpp"
#include "sim/time.hpp"

namespace mw::sim {

enum class Aggregation { mean, max, min, last };
inline std::span<const char* const> enum_names(Aggregation) {
  static constexpr const char* names[] = {"mean", "max", "min", "last"};
  return names;
}

/// Good: the newest sample due. Uncertain: the model itself marked the sample (a failed sensor).
/// Stale: samples due after this one were lost. Missing: nothing has arrived yet.
enum class Quality { good, uncertain, stale, missing };
inline std::span<const char* const> enum_names(Quality) {
  static constexpr const char* names[] = {"good", "uncertain", "stale", "missing"};
  return names;
}

struct PointParameters {
  std::string object = {};    // "rack/a-03"
  std::string quantity = {};  // "power"
  std::string unit = {};      // of the values: "W"
  Seconds period{1};
  Seconds window{0};
  Aggregation aggregation = Aggregation::mean;
  Seconds latency{0};
  double noise = 0;
  double quantum = 0;
  double drop_out = 0;
  std::int32_t history = 1;
};
template <Describes<PointParameters> Self>
void describe(Self& self, auto&& visit) {
  visit("object", self.object, About{.text = "What is measured: rack/a-03", .required = true});
  visit("quantity", self.quantity, About{.text = "Which of its quantities", .required = true});
  visit("unit", self.unit, About{.text = "Unit of the values", .required = true});
  visit("period", self.period, About{.text = "Time between samples", .min = 1e-6});
  visit("window", self.window,
        About{.text = "Time before a sample that it aggregates; 0 s is the value at the moment",
              .min = 0});
  visit("aggregation", self.aggregation, About{.text = "What the window is made into"});
  visit("latency", self.latency, About{.text = "From measured to readable", .min = 0});
  visit("noise", self.noise,
        About{.text = "Standard deviation of normal noise, in the point's unit", .min = 0});
  visit("quantum", self.quantum,
        About{.text = "Step of the values, in the point's unit; 0 is continuous", .min = 0});
  visit("drop_out", self.drop_out,
        About{.text = "Share of samples that never arrive", .min = 0, .max = 1});
  visit("history", self.history,
        About{.text = "Readings a controller can look back on", .min = 1, .max = 1e6});
}
/// Noise and drop-outs are drawn from (seed, point id, sample number).
struct PointDraws {
  std::uint64_t seed = 0;
  std::uint32_t point = 0;
};

struct PointSample {
  Time measured = 0;
  double value = 0;
  Quality quality = Quality::missing;
};
template <Describes<PointSample> Self>
void describe(Self& self, auto&& visit) {
  visit("measured", self.measured, About{.text = "When the window ended"});
  visit("value", self.value, About{.text = "Value in the point's unit"});
  visit("quality", self.quality, About{.text = "How far it can be trusted"});
}

/// The signal had `value` from the end of the segment before until `end`.
struct PointSegment {
  Time end = 0;
  double value = 0;
};
template <Describes<PointSegment> Self>
void describe(Self& self, auto&& visit) {
  visit("end", self.end, About{.text = "Until when the signal had this value"});
  visit("value", self.value, About{.text = "Value in the point's unit"});
}

struct PointState {
  Time start = 0;                      // the signal is known from here
  Time now = 0;                        // ... up to here
  std::vector<PointSegment> segments;  // what windows still ahead may look back on
  Ring<PointSample> samples;           // those that arrived or will
};
template <Describes<PointState> Self>
void describe(Self& self, auto&& visit) {
  visit("start", self.start, About{.text = "First moment of the signal"});
  visit("now", self.now, About{.text = "Last moment of the signal"});
  visit("segments", self.segments, About{.text = "The signal inside the longest window ahead"});
  visit("samples", self.samples, About{.text = "Samples taken"});
}

/// The signal had `value` from the last call's `until` to this one's; takes the samples that fall
/// due in (before, until]. Samples are taken at the multiples of the period.
void record(PointState& state, const PointParameters& p, PointDraws draws, Time until, double value,
            Quality quality = Quality::good);

/// What a controller sees at t (not before the last `until`): the newest sample with
/// measured + latency <= t. `back` > 0 asks for the readings before it.
PointSample read(const PointState& state, const PointParameters& p, Time t, int back = 0);

}  // namespace mw::sim
