#pragma once
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "models/cooling/climate.hpp"
#include "sim/describe.hpp"
#include "sim/moment.hpp"

// What befalls the site at given moments: faults, and weather beyond the ordinary. An event holds
// from `at` until its time is over; the site's clock stops at both moments, so that nothing changes
// inside an epoch. Which events hold is a function of the time alone: a fork or a checkpoint needs
// nothing of them.
namespace mw::models {

enum class EventKind {
  heat_wave,
  utility_dip,
  feed_loss,
  unit_loss,
  pump_trip,
  cdu_loss,
  fans_out,
  valve_stuck,
  fouling,
  leak,
  power_limit
};
inline std::span<const char* const> enum_names(EventKind) {
  static constexpr const char* names[] = {"heat_wave", "utility_dip", "feed_loss",  "unit_loss",
                                          "pump_trip", "cdu_loss",    "fans_out",   "valve_stuck",
                                          "fouling",   "leak",        "power_limit"};
  return names;
}

/// The two paths of stages with `redundancy: two_n`.
enum class FeedPath { a, b };
inline std::span<const char* const> enum_names(FeedPath) {
  static constexpr const char* names[] = {"a", "b"};
  return names;
}
/// Whether it befalls the plant, which must then be followed in time.
bool of_plant(EventKind kind);

struct EventParameters {
  sim::Duration at;
  EventKind kind = EventKind::heat_wave;
  std::optional<sim::Duration> lasting;
  std::optional<sim::TemperatureDifference> warmer;
  std::optional<double> voltage;
  std::optional<FeedPath> feed;
  std::optional<std::string> stage;
  std::optional<int> unit;
  std::optional<int> modules;
  std::optional<int> loop;
  int count = 1;
  std::optional<double> share;
  std::vector<std::string> racks;
  std::optional<sim::Power> limit;
};
template <sim::Describes<EventParameters> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("at", self.at, About{.text = "When, since the run's start", .required = true});
  visit("kind", self.kind, About{.text = "What happens", .required = true});
  visit("for", self.lasting, About{.text = "How long until it is over; otherwise it stays"});
  visit("warmer", self.warmer,
        About{.text = "heat_wave: outdoor air above the weather's, which keeps its moisture",
              .min = -40,
              .max = 40});
  visit("voltage", self.voltage,
        About{.text = "utility_dip: voltage that is left, over nominal; 0: an outage",
              .min = 0,
              .max = 1});
  visit("feed", self.feed,
        About{.text = "feed_loss: the path that every stage with two of them loses; unit_loss: the "
                      "path whose modules fail, otherwise both"});
  visit("stage", self.stage, About{.text = "unit_loss: a stage of the electrical chain"});
  visit("unit", self.unit,
        About{.text = "unit_loss: which of its units, from 0; otherwise all", .min = 0});
  visit("modules", self.modules,
        About{.text = "unit_loss: how many modules of a path fail; otherwise all", .min = 1});
  visit("loop", self.loop,
        About{.text = "pump_trip, cdu_loss, valve_stuck, fouling: which loop of racks, from 0; "
                      "pump_trip without it: the facility water's pumps; fouling without it: all",
              .min = 0});
  visit("count", self.count,
        About{.text = "pump_trip, cdu_loss: how many fail", .min = 1, .max = 10000});
  visit("share", self.share,
        About{.text = "fans_out: of the dry coolers or towers; valve_stuck: of its design flow, at "
                      "which it stays; fouling: of the exchangers' conductance that is lost",
              .min = 0,
              .max = 1});
  visit("racks", self.racks,
        About{.text = "leak: racks that are isolated and switched off, each as `group-number`"});
  visit(
      "limit", self.limit,
      About{.text = "power_limit: what the meter may show meanwhile, if the envelope is not lower",
            .min = 1});
}
void check(const EventParameters& event, sim::Problems& problems);

/// The moment at which it is over; the end of time if it stays.
sim::Time end_of(const EventParameters& event);

/// Whether it holds in an epoch that begins then.
bool holds(const EventParameters& event, sim::Time now);

/// The next moment after `now` at which any begins or ends, or at which what stands by takes over
/// so long after it began.
sim::Time next_change(std::span<const EventParameters> events, sim::Time now,
                      sim::Time takeover = 0);

const char* name_of(EventKind kind);
/// What it does, in words: `outdoor air +5 K`.
std::string effect_of(const EventParameters& event);

/// The lowest of the envelope and what limits hold, W.
double envelope_under(std::span<const EventParameters> events, sim::Time now, double envelope_w);

/// The weather with what heat waves add to it.
Weather weather_under(std::span<const EventParameters> events, sim::Time now, Weather weather);

}  // namespace mw::models
