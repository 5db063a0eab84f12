#include "models/site/events.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "models/cooling/psychrometrics.hpp"

namespace mw::models {

void check(const EventParameters& event, sim::Problems& problems) {
  if (event.at.ns < 0) problems.add("at", "is before the run's start", "write `10 min`");
  if (event.lasting && event.lasting->ns <= 0)
    problems.add("for", "is not above zero", "write `30 min`, or leave it out: then it stays");
  if (event.kind == EventKind::heat_wave && !event.warmer)
    problems.add("kind", "a heat wave needs to know how warm", "add `warmer: 5 K`");
  if (event.kind == EventKind::utility_dip && !event.voltage)
    problems.add("kind", "a dip needs to know what voltage is left",
                 "add `voltage: 0.4`, or 0 for an outage");
  if (event.kind == EventKind::feed_loss && !event.feed)
    problems.add("kind", "does not say which feed is lost", "add `feed: a`");
  if (event.kind == EventKind::unit_loss && !event.stage)
    problems.add("kind", "does not say which unit fails", "add `stage: ups` and `unit: 0`");
}

sim::Time end_of(const EventParameters& event) {
  constexpr sim::Time never = std::numeric_limits<sim::Time>::max();
  if (!event.lasting || event.lasting->ns > never - event.at.ns) return never;
  return event.at.ns + event.lasting->ns;
}

bool holds(const EventParameters& event, sim::Time now) {
  return event.at.ns <= now && now < end_of(event);
}

sim::Time next_change(std::span<const EventParameters> events, sim::Time now) {
  sim::Time next = std::numeric_limits<sim::Time>::max();
  for (const auto& event : events)
    for (const sim::Time moment : {event.at.ns, end_of(event)})
      if (moment > now) next = std::min(next, moment);
  return next;
}

const char* name_of(EventKind kind) {
  return enum_names(kind)[static_cast<std::size_t>(kind)];
}

std::string effect_of(const EventParameters& event) {
  switch (event.kind) {
    case EventKind::heat_wave:
      return fmt::format("outdoor air {:+g} K", event.warmer->value);
    case EventKind::utility_dip:
      return *event.voltage > 0 ? fmt::format("{:g} % of the voltage left", 100 * *event.voltage)
                                : std::string("no voltage");
    case EventKind::feed_loss:
      return fmt::format("feed {} is gone", enum_names(*event.feed)[static_cast<int>(*event.feed)]);
    case EventKind::unit_loss:
      return fmt::format(
          "{}{}{}: {} fail", *event.stage, event.unit ? fmt::format("-{}", *event.unit) : "",
          event.feed
              ? fmt::format(", path {}", enum_names(*event.feed)[static_cast<int>(*event.feed)])
              : "",
          event.modules ? fmt::format("{} modules", *event.modules) : "all modules");
  }
  return "";
}

Weather weather_under(std::span<const EventParameters> events, sim::Time now, Weather weather) {
  double warmer = 0;
  for (const auto& event : events)
    if (event.kind == EventKind::heat_wave && holds(event, now)) warmer += event.warmer->value;
  if (warmer == 0) return weather;
  weather.dry_bulb += warmer;
  // Air that is cooled below its dew point loses what it can no longer hold.
  weather.humidity_ratio = std::min(
      weather.humidity_ratio,
      humidity_ratio_from_vapour_pressure(saturation_pressure(weather.dry_bulb), weather.pressure));
  weather.wet_bulb =
      wet_bulb_from_humidity_ratio(weather.dry_bulb, weather.humidity_ratio, weather.pressure);
  return weather;
}

}  // namespace mw::models
