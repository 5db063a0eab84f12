#include "models/site/events.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

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
  const bool of_share = event.kind == EventKind::fans_out || event.kind == EventKind::valve_stuck ||
                        event.kind == EventKind::fouling;
  if (of_share && !event.share) problems.add("kind", "does not say how much", "add `share: 30 %`");
  if (event.kind == EventKind::fouling && event.share.value_or(0) >= 1)
    problems.add("share", "leaves exchangers that exchange nothing", "write less than 1");
  const bool of_loop = event.kind == EventKind::cdu_loss || event.kind == EventKind::valve_stuck;
  if (of_loop && !event.loop)
    problems.add("kind", "does not say where", "add `loop: 0`, the first loop of racks");
  if (event.kind == EventKind::leak && event.racks.empty())
    problems.add("kind", "does not say which racks", "add `racks: [a-0]`");
  if (event.kind == EventKind::power_limit && !event.limit)
    problems.add("kind", "does not say what limit holds", "add `limit: 1.5 MW`");
}

bool of_plant(EventKind kind) {
  switch (kind) {
    case EventKind::pump_trip:
    case EventKind::cdu_loss:
    case EventKind::fans_out:
    case EventKind::valve_stuck:
    case EventKind::fouling:
    case EventKind::leak:
      return true;
    case EventKind::heat_wave:
    case EventKind::utility_dip:
    case EventKind::feed_loss:
    case EventKind::unit_loss:
    case EventKind::power_limit:
      break;
  }
  return false;
}

sim::Time end_of(const EventParameters& event) {
  constexpr sim::Time never = std::numeric_limits<sim::Time>::max();
  if (!event.lasting || event.lasting->ns > never - event.at.ns) return never;
  return event.at.ns + event.lasting->ns;
}

bool holds(const EventParameters& event, sim::Time now) {
  return event.at.ns <= now && now < end_of(event);
}

sim::Time next_change(std::span<const EventParameters> events, sim::Time now, sim::Time takeover) {
  sim::Time next = std::numeric_limits<sim::Time>::max();
  for (const auto& event : events)
    for (const sim::Time moment : {event.at.ns, event.at.ns + takeover, end_of(event)})
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
    case EventKind::pump_trip:
      return event.loop
                 ? fmt::format("a pump in each of {} CDUs of loop {}", event.count, *event.loop)
                 : fmt::format("{} pumps of the facility water", event.count);
    case EventKind::cdu_loss:
      return fmt::format("{} CDUs of loop {}", event.count, *event.loop);
    case EventKind::fans_out:
      return fmt::format("{:.3g} % of the fans outdoors", 100 * *event.share);
    case EventKind::valve_stuck:
      return fmt::format("loop {}'s facility water stays at {:.3g} % of its design", *event.loop,
                         100 * *event.share);
    case EventKind::fouling:
      return fmt::format("{} lose {:.3g} % of their conductance",
                         event.loop ? fmt::format("loop {}'s exchangers", *event.loop)
                                    : std::string("all exchangers"),
                         100 * *event.share);
    case EventKind::leak:
      return fmt::format("{} isolated", fmt::join(event.racks, ", "));
    case EventKind::power_limit:
      return fmt::format("at most {:g} kW at the meter", event.limit->value * 1e-3);
  }
  return "";
}

double envelope_under(std::span<const EventParameters> events, sim::Time now, double envelope_w) {
  for (const auto& event : events)
    if (event.kind == EventKind::power_limit && holds(event, now))
      envelope_w = std::min(envelope_w, event.limit->value);
  return envelope_w;
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
