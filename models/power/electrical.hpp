#pragma once
#include <optional>
#include <string>
#include <vector>

#include "models/power/breaker.hpp"
#include "models/power/converter.hpp"
#include "models/power/redundancy.hpp"
#include "sim/describe.hpp"
#include "sim/moment.hpp"
#include "sim/quantity.hpp"

// What a scenario says of the electrical chain; models/power/distribution.hpp makes a tree of it.
namespace mw::models {

/// What hangs behind a stage.
enum class Feeds { all, it, mechanical };
inline std::span<const char* const> enum_names(Feeds) {
  static constexpr const char* names[] = {"all", "it", "mechanical"};
  return names;
}

/// Batteries at a stage (a UPS, or a bus of direct current), in each of its paths.
struct BatteryParameters {
  sim::Duration autonomy{5 * sim::minute};
  sim::Sourced<double> charge{0.1, sim::Confidence::assumed,
                              "recharge at a tenth of the rating, as UPS makers size it"};
  sim::Sourced<double> charge_efficiency{0.97, sim::Confidence::assumed, "Millwright"};
  sim::Sourced<double> discharge_efficiency{0.97, sim::Confidence::assumed, "Millwright"};
  sim::Sourced<double> least_voltage{0.9, sim::Confidence::assumed,
                                     "rectifiers of UPSs take 0.85 to 0.9 of nominal"};
  sim::Duration transfer{0};
  sim::Duration walk_in{20 * sim::second};
};
template <sim::Describes<BatteryParameters> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("autonomy", self.autonomy,
        About{.text = "How long full batteries carry the usable rating of a path"});
  visit("charge", self.charge,
        About{.text = "Most power they draw to recharge, as a share of that rating",
              .min = 0,
              .max = 1});
  visit("charge_efficiency", self.charge_efficiency,
        About{.text = "Energy stored over energy drawn", .min = 0.1, .max = 1});
  visit("discharge_efficiency", self.discharge_efficiency,
        About{.text = "Energy delivered over energy taken out", .min = 0.1, .max = 1});
  visit("least_voltage", self.least_voltage,
        About{.text = "Voltage over nominal below which they take over", .min = 0, .max = 1});
  visit("transfer", self.transfer,
        About{.text = "Gap when they take over: 0 for double conversion and batteries on a bus, "
                      "milliseconds in eco mode"});
  visit("walk_in", self.walk_in,
        About{.text = "How long the source must be back before the load returns to it"});
}
void check(const BatteryParameters& battery, sim::Problems& problems);

/// One level of the tree from the utility meter to the racks: `units` alike, each with its share of
/// what hangs behind.
struct ElectricalStage {
  std::string name;
  Feeds feeds = Feeds::it;
  std::optional<std::string> from;
  std::optional<std::vector<std::string>> racks;
  std::optional<int> units;
  std::optional<int> racks_per_unit;
  std::optional<sim::Power> rating;
  Redundancy redundancy = Redundancy::n;
  int modules = 1;
  double margin = 1;
  ConverterParameters loss;
  std::optional<BatteryParameters> battery;
  std::optional<BreakerParameters> breaker;
};
template <sim::Describes<ElectricalStage> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("name", self.name, About{.text = "Name of the stage", .required = true});
  visit("feeds", self.feeds,
        About{.text = "What hangs behind it: everything, the IT branch, or the mechanical branch"});
  visit("from", self.from,
        About{.text = "The stage that feeds it; otherwise the one before of the same branch "
                      "that names no racks, or the last that feeds all"});
  visit("racks", self.racks,
        About{.text = "Rack groups behind it, if another stage beside it feeds the others"});
  visit("units", self.units,
        About{.text = "How many stand beside each other, each with its own racks; otherwise as "
                      "many as racks_per_unit or rating ask for, or one",
              .min = 1,
              .max = 100000});
  visit("racks_per_unit", self.racks_per_unit,
        About{.text = "Most racks behind one unit", .min = 1, .max = 100000});
  visit("rating", self.rating,
        About{.text = "Power that a unit may deliver and still lose what its redundancy allows; "
                      "otherwise what its racks are designed for, times margin",
              .min = 1});
  visit("redundancy", self.redundancy,
        About{.text = "n: just enough; n_plus_1: one module more; two_n: two full paths; "
                      "distributed: `modules` + 1 blocks share the load of `modules`; reserve: one "
                      "more block stands by without load"});
  visit("modules", self.modules,
        About{.text = "Modules or blocks of a unit that carry the design load (all but n and two_n "
                      "have one more)",
              .min = 1,
              .max = 1000});
  visit(
      "margin", self.margin,
      About{.text = "Rating needed over design load (1.25: loaded to 80 %)", .min = 1, .max = 10});
  visit("loss", self.loss, About{.text = "What it loses, relative to its rating"});
  visit("battery", self.battery, About{.text = "Batteries that carry the load without a source"});
  visit("breaker", self.breaker,
        About{.text = "A breaker in each path that opens on overload; without one nothing opens"});
}

/// The site's own generators behind the meter.
struct StandbyGenerators {
  std::optional<sim::Power> rating;
  sim::Duration start{12 * sim::second};
  sim::Duration stay{5 * sim::minute};
};
template <sim::Describes<StandbyGenerators> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("rating", self.rating,
        About{.text = "Power of those that are needed; otherwise the chain's design power",
              .min = 1});
  visit("start", self.start,
        About{.text = "From the loss of the utility to the first load; loads behind batteries "
                      "follow after their walk_in"});
  visit("stay", self.stay,
        About{.text = "How long the utility must be back before the site returns to it"});
}
void check(const StandbyGenerators& generator, sim::Problems& problems);

/// The chain, from the utility meter inwards. The IT branch and the mechanical branch each have
/// their own stages; stages that feed all come first.
struct ElectricalParameters {
  static constexpr const char* catalog = "electrical";
  std::string text;
  std::vector<ElectricalStage> stages;
  std::optional<StandbyGenerators> generator;
  sim::Sourced<double> least_voltage{
      0.8, sim::Confidence::assumed,
      "ITIC curve: 0.8 of nominal is borne for 10 s, 0.7 for half a second"};
};
template <sim::Describes<ElectricalParameters> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("text", self.text, About{.text = "What the chain is, in one line"});
  visit("stages", self.stages,
        About{.text = "From the utility meter to the racks and pumps", .required = true});
  visit("generator", self.generator, About{.text = "The site's own generators"});
  visit("least_voltage", self.least_voltage,
        About{.text = "Voltage over nominal that supplies and drives without batteries before "
                      "them still bear",
              .min = 0,
              .max = 1});
}
void check(const ElectricalParameters& electrical, sim::Problems& problems);

}  // namespace mw::models
