#include "models/power/electrical.hpp"

#include <algorithm>

namespace mw::models {
namespace {

void check_place(const ElectricalParameters& electrical, std::size_t i, sim::Problems& problems) {
  const auto& stages = electrical.stages;
  const ElectricalStage& stage = stages[i];
  if (!stage.from) return;
  const auto fed = std::find_if(stages.begin(), stages.end(),
                                [&](const auto& s) { return s.name == *stage.from; });
  if (fed == stages.end() || fed - stages.begin() >= static_cast<std::ptrdiff_t>(i))
    problems.add(
        "stages",
        "stage '" + stage.name + "' is fed from '" + *stage.from + "', which is no stage before it",
        "order the stages from the meter inwards");
  else if (fed->feeds != stage.feeds && fed->feeds != Feeds::all)
    problems.add("stages", "stage '" + stage.name + "' is fed from the other branch",
                 "feed it from a stage of its own branch or one that feeds all");
}

}  // namespace

void check(const BatteryParameters& battery, sim::Problems& problems) {
  if (battery.autonomy.ns <= 0)
    problems.add("autonomy", "is not above zero", "write `5 min`, or remove the battery");
  if (battery.transfer.ns < 0 || battery.transfer.ns > sim::second)
    problems.add("transfer", "is not from 0 to 1 s", "write `10 ms`");
  if (battery.walk_in.ns < 0) problems.add("walk_in", "is below zero", "write `20 s`");
}

void check(const StandbyGenerators& generator, sim::Problems& problems) {
  if (generator.start.ns <= 0) problems.add("start", "is not above zero", "write `12 s`");
  if (generator.stay.ns < 0) problems.add("stay", "is below zero", "write `5 min`");
}

void check(const ElectricalParameters& electrical, sim::Problems& problems) {
  const auto& stages = electrical.stages;
  if (stages.empty()) {
    problems.add("stages", "a chain without stages", "name at least the transformer");
  }
  bool branched = false;
  for (std::size_t i = 0; i < stages.size(); ++i) {
    const ElectricalStage& stage = stages[i];
    if (stage.feeds == Feeds::all && branched) {
      problems.add("stages", "stage '" + stage.name + "' feeds all but stands behind a branch",
                   "put the stages that feed all first, from the meter inwards");
    }
    branched = branched || stage.feeds != Feeds::all;
    for (std::size_t k = 0; k < i; ++k)
      if (stages[k].name == stage.name)
        problems.add("stages", "two stages are called '" + stage.name + "'", "rename one");
    if (stage.units && stage.racks_per_unit)
      problems.add("stages", "stage '" + stage.name + "' has both units and racks_per_unit",
                   "keep one of them");
    if (stage.feeds == Feeds::mechanical && (stage.units || stage.racks_per_unit || stage.racks))
      problems.add("stages", "stage '" + stage.name + "' feeds the plant, which has one unit",
                   "drop units, racks_per_unit and racks");
    check_place(electrical, i, problems);
  }
}

}  // namespace mw::models
