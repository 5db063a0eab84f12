#include "models/inference/arrivals.hpp"

#include <algorithm>
#include <cmath>

namespace mw::models {

namespace {

constexpr double hour_s = 3600, week_s = 168 * hour_s;
// 1970-01-01 was a Thursday: three days after a Monday.
constexpr double first_thursday_s = 3 * 24 * hour_s;

double modulo_week(double seconds) {
  return seconds - week_s * std::floor(seconds / week_s);
}

void begin_spell(ArrivalState& state, const ArrivalLaw& law, sim::Stream spells) {
  const double mean = state.in_burst ? law.burst_mean : law.calm_mean;
  state.spell_ends = state.t + mean * sim::exponential(spells, state.spells_drawn++);
}

/// The moment after `t` by which the week's shape has let `area` seconds of mean rate pass.
double after(const ArrivalLaw& law, double t, double area) {
  if (law.shape.flat()) return t + area;
  const double from = law.start_in_week + t;
  const double to = law.shape.moment_of(law.shape.integral(from) + area) - law.start_in_week;
  return to > t ? to : t;  // rounding must not turn time back
}
double area_between(const ArrivalLaw& law, double from, double to) {
  if (law.shape.flat()) return to - from;
  return law.shape.integral(law.start_in_week + to) - law.shape.integral(law.start_in_week + from);
}

/// Gaps from one kept request to the next, when each is kept by a draw of its own: a geometric
/// number of them. Retries of a gamma draw never get as far as the index taken here.
double draw_of_number(sim::Stream gaps, std::uint64_t index) {
  return sim::uniform(gaps, index | 254ull << 56);
}
double gaps_to_next(const ArrivalLaw& law, double u) {
  return 1 + std::floor(sim::portable::log(u) / law.log_dropped);
}

/// Mean 1 / kept. A geometric sum of exponential gaps is exponential, one of n gamma gaps of shape
/// k is gamma of shape n k.
double gap_of(const ArrivalLaw& law, sim::Stream gaps, std::uint64_t index) {
  if (law.kept < 1) {
    if (law.poisson) return sim::exponential(gaps, index) / law.kept;
    const double shape = law.gap_shape * gaps_to_next(law, draw_of_number(gaps, index));
    return sim::gamma(gaps, index, shape) / law.gap_shape;
  }
  if (law.poisson) return sim::exponential(gaps, index);
  if (law.gap_table) return law.gap_table->at(sim::uniform(gaps, index)) / law.gap_shape;
  return sim::gamma(gaps, index, law.gap_shape) / law.gap_shape;
}

}  // namespace

void check(const ArrivalParameters& arrivals, sim::Problems& problems) {
  const auto shape = [&](const char* name, const std::vector<double>& values, std::size_t size) {
    if (!values.empty() && values.size() != size) {
      problems.add(name, "has " + std::to_string(values.size()) + " values",
                   "write " + std::to_string(size) + " of them");
    } else if (!values.empty() &&
               std::all_of(values.begin(), values.end(), [](double v) { return v == 0; })) {
      problems.add(name, "is 0 throughout", "give at least one value above 0");
    }
  };
  shape("daily", arrivals.daily, 24);
  shape("weekly", arrivals.weekly, 7);
}

WeekShape::WeekShape(const ArrivalParameters& arrivals)
    : flat_(arrivals.daily.empty() && arrivals.weekly.empty()) {
  for (int h = 0; h < hours; ++h) {
    const double daily =
        arrivals.daily.empty() ? 1 : arrivals.daily[static_cast<std::size_t>(h % 24)];
    const double weekly =
        arrivals.weekly.empty() ? 1 : arrivals.weekly[static_cast<std::size_t>(h / 24)];
    level_[static_cast<std::size_t>(h)] = daily * weekly;
  }
  level_[hours] = level_[0];
  const auto integrate = [this] {
    area_[0] = 0;
    for (std::size_t h = 0; h < hours; ++h) {
      area_[h + 1] = area_[h] + hour_s * (level_[h] + level_[h + 1]) / 2;
    }
  };
  integrate();
  const double mean = area_[hours] / week_s;
  for (double& level : level_) level /= mean;
  integrate();
}

double WeekShape::rate_at(double moment) const {
  const double in_week = modulo_week(moment);
  const auto h = std::min(static_cast<std::size_t>(in_week / hour_s), std::size_t{hours - 1});
  const double x = in_week - hour_s * static_cast<double>(h);
  return level_[h] + (level_[h + 1] - level_[h]) * x / hour_s;
}

double WeekShape::integral(double moment) const {
  const double weeks = std::floor(moment / week_s);
  const double in_week = moment - week_s * weeks;
  const auto h = std::min(static_cast<std::size_t>(in_week / hour_s), std::size_t{hours - 1});
  const double x = in_week - hour_s * static_cast<double>(h);
  return weeks * area_[hours] + area_[h] +
         x * (level_[h] + (level_[h + 1] - level_[h]) * x / (2 * hour_s));
}

double WeekShape::moment_of(double area) const {
  const double weeks = std::floor(area / area_[hours]);
  const double rest = area - area_[hours] * weeks;
  const auto above = std::upper_bound(area_.begin(), area_.end(), rest);
  const auto h =
      static_cast<std::size_t>(std::clamp<std::ptrdiff_t>(above - area_.begin() - 1, 0, hours - 1));
  // level x + slope x^2 / 2 = left, in the form that stays exact when the slope vanishes.
  const double slope = (level_[h + 1] - level_[h]) / hour_s;
  const double left = rest - area_[h];
  const double under_root = level_[h] * level_[h] + 2 * slope * left;
  const double divisor = level_[h] + std::sqrt(under_root > 0 ? under_root : 0);
  const double x = divisor > 0 ? std::min(2 * left / divisor, hour_s) : 0;
  return weeks * week_s + hour_s * static_cast<double>(h) + x;
}

ArrivalLaw::ArrivalLaw(const ArrivalParameters& arrivals, double copies_in_one,
                       std::int64_t start_unix_ns, double kept_share)
    : rate(arrivals.rate.value * copies_in_one),
      kept(kept_share),
      log_dropped(kept_share < 1 ? sim::portable::log(1 - kept_share) : 0),
      gap_shape(1 / (arrivals.cv * arrivals.cv)),
      poisson(arrivals.cv == 1),
      gap_table(!poisson && gap_shape >= GammaQuantile::least_shape &&
                        gap_shape <= GammaQuantile::most_shape
                    ? std::make_shared<const GammaQuantile>(gap_shape)
                    : nullptr),
      bursty(arrivals.bursts.has_value()),
      burst_mean(bursty ? arrivals.bursts->burst.value : 0),
      calm_mean(bursty ? arrivals.bursts->calm.value : 0),
      burst_factor(1),
      calm_factor(1),
      shape(arrivals),
      start_in_week(modulo_week(first_thursday_s + arrivals.utc_offset.value +
                                1e-9 * static_cast<double>(start_unix_ns))) {
  if (bursty) {
    const double in_burst = burst_mean / (burst_mean + calm_mean);
    calm_factor = 1 / (in_burst * arrivals.bursts->ratio + 1 - in_burst);
    burst_factor = calm_factor * arrivals.bursts->ratio;
  }
}

ArrivalState first_arrival(const ArrivalLaw& law, sim::Stream gaps, sim::Stream spells) {
  ArrivalState state;
  // Other gaps than exponential remember the last arrival: let 64 gaps pass before time 0.
  if (!law.poisson) state.t = -64 / law.rate;
  if (law.bursty) {
    const double in_burst = law.burst_mean / (law.burst_mean + law.calm_mean);
    state.in_burst = sim::uniform(spells, state.spells_drawn++) < in_burst;
    begin_spell(state, law, spells);
  }
  do {
    next_arrival(state, law, gaps, spells);
  } while (state.t < 0);
  return state;
}

void draw_gaps(const ArrivalLaw& law, std::span<const GapDraw> which, std::span<double> gaps) {
  const std::size_t n = which.size();
  if (law.poisson || !(law.kept < 1)) {
    for (std::size_t i = 0; i < n; ++i) gaps[i] = gap_of(law, which[i].gaps, which[i].number);
    return;
  }
  // As gap_of, step by step.
  for (std::size_t i = 0; i < n; ++i) gaps[i] = draw_of_number(which[i].gaps, which[i].number);
  for (std::size_t i = 0; i < n; ++i) gaps[i] = law.gap_shape * gaps_to_next(law, gaps[i]);
  for (std::size_t i = 0; i < n; ++i)
    gaps[i] = sim::gamma(which[i].gaps, which[i].number, gaps[i]) / law.gap_shape;
}

void next_arrival(ArrivalState& state, const ArrivalLaw& law, sim::Stream gaps,
                  sim::Stream spells) {
  next_arrival(state, law, gap_of(law, gaps, state.drawn), spells);
}

void next_arrival(ArrivalState& state, const ArrivalLaw& law, double gap, sim::Stream spells) {
  ++state.drawn;
  double left = gap / law.rate;  // seconds at the mean rate
  while (law.bursty) {
    const double factor = state.in_burst ? law.burst_factor : law.calm_factor;
    const double in_spell = factor * area_between(law, state.t, state.spell_ends);
    if (left <= in_spell) {
      left /= factor;
      break;
    }
    left -= in_spell;
    state.t = state.spell_ends;
    state.in_burst = !state.in_burst;
    begin_spell(state, law, spells);
  }
  state.t = after(law, state.t, left);
}

}  // namespace mw::models
