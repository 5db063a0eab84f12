#include "sim/points.hpp"

#include <algorithm>
#include <cmath>

#include "sim/fixed.hpp"
#include "sim/invariant.hpp"
#include "sim/random.hpp"

namespace mw::sim {
namespace {
constexpr std::uint32_t noise_stream = 0x706f696e;  // "poin": apart from other users of the id

/// The aggregate over (at - window, at], cut at the start of the signal.
double aggregate(const PointState& state, const PointParameters& p, Time at) {
  const Time from = std::max(state.start, at - from_seconds(p.window.value));
  auto segment = std::lower_bound(state.segments.begin(), state.segments.end(), at,
                                  [](const PointSegment& s, Time t) { return s.end < t; });
  const double last = segment->value;
  if (p.aggregation == Aggregation::last || from >= at) return last;
  double low = last, high = last, integral = 0;
  Time upper = at;
  for (;; --segment) {
    low = std::min(low, segment->value);
    high = std::max(high, segment->value);
    const bool first = segment == state.segments.begin();
    const Time lower = first ? from : std::max(from, std::prev(segment)->end);
    integral += segment->value * to_seconds(upper - lower);
    upper = lower;
    if (first || upper <= from) break;
  }
  if (p.aggregation == Aggregation::max) return high;
  if (p.aggregation == Aggregation::min) return low;
  return low == high ? low : integral / to_seconds(at - from);
}

std::size_t ring_capacity(const PointParameters& p) {
  const Time period = from_seconds(p.period.value);
  const Time latency = from_seconds(p.latency.value);
  return static_cast<std::size_t>((latency + period - 1) / period + p.history);
}
}  // namespace

void record(PointState& state, const PointParameters& p, PointDraws draws, Time until, double value,
            Quality quality) {
  MW_INVARIANT(until >= state.now, "a point's signal goes back in time");
  if (until == state.now) return;
  if (!state.segments.empty() && state.segments.back().value == value) {
    state.segments.back().end = until;
  } else {
    state.segments.push_back({until, value});
  }
  const Time period = from_seconds(p.period.value);
  const Stream stream{draws.seed, draws.point, noise_stream};
  for (std::int64_t k = div_floor(state.now, period) + 1; k * period <= until; ++k) {
    const auto index = static_cast<std::uint64_t>(k);
    if (p.drop_out > 0 && unit_interval(bits(stream, index).second) < p.drop_out) continue;
    double v = aggregate(state, p, k * period);
    if (p.noise > 0) v += p.noise * normal(stream, index);
    if (p.quantum > 0) v = std::floor(v / p.quantum + 0.5) * p.quantum;
    state.samples.push({k * period, v, quality}, ring_capacity(p));
  }
  state.now = until;
  // The next sample is due after `until`; nothing that ended before its window is needed again.
  const Time next_sample = (div_floor(until, period) + 1) * period;
  const Time needed_from = next_sample - from_seconds(p.window.value);
  const auto keep = std::find_if(state.segments.begin(), std::prev(state.segments.end()),
                                 [&](const PointSegment& s) { return s.end > needed_from; });
  state.segments.erase(state.segments.begin(), keep);
}

PointSample read(const PointState& state, const PointParameters& p, Time t, int back) {
  const Time newest_allowed = t - from_seconds(p.latency.value);
  for (std::size_t i = 0; i < state.samples.size(); ++i) {
    const PointSample& sample = state.samples.newest(i);
    if (sample.measured > newest_allowed) continue;
    const std::size_t wanted = i + static_cast<std::size_t>(back);
    if (wanted >= state.samples.size()) break;
    PointSample reading = state.samples.newest(wanted);
    const Time period = from_seconds(p.period.value);
    const bool newer_due = div_floor(newest_allowed, period) * period > sample.measured;
    if (back == 0 && newer_due && reading.quality == Quality::good) {
      reading.quality = Quality::stale;
    }
    return reading;
  }
  return {};
}

}  // namespace mw::sim
