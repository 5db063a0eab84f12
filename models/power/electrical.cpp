#include "models/power/electrical.hpp"

#include <cassert>

namespace mw::models {

void check(const ElectricalParameters& electrical, sim::Problems& problems) {
  const auto& stages = electrical.stages;
  if (stages.empty()) {
    problems.add("stages", "a chain without stages", "name at least the transformer");
  }
  if (stages.size() > ElectricalLaw::capacity) {
    problems.add("stages", "more than 16 stages", "join stages that stand in series");
  }
  bool branched = false;
  for (const ElectricalStage& stage : stages) {
    if (stage.feeds == Feeds::all && branched) {
      problems.add("stages", "stage '" + stage.name + "' feeds all but stands behind a branch",
                   "put the stages that feed all first, from the meter inwards");
    }
    branched = branched || stage.feeds != Feeds::all;
  }
}

ElectricalLaw size_electrical(const ElectricalParameters& electrical, sim::Power design_it,
                              sim::Power design_mechanical) {
  assert(electrical.stages.size() <= ElectricalLaw::capacity);
  ElectricalLaw law;
  law.count = static_cast<int>(electrical.stages.size());
  double it = design_it.value;
  double mechanical = design_mechanical.value;
  double all = 0;
  bool joined = false;
  for (int i = law.count - 1; i >= 0; --i) {
    const ElectricalStage& stage = electrical.stages[static_cast<std::size_t>(i)];
    auto& made = law.stages[i];
    if (stage.feeds == Feeds::all && !joined) {
      all = it + mechanical;
      joined = true;
    }
    double& branch = stage.feeds == Feeds::all ? all : stage.feeds == Feeds::it ? it : mechanical;
    made.feeds = stage.feeds;
    made.loss = make_converter_law(stage.loss);
    made.usable = branch * stage.margin;
    made.installed = made.usable * installed_over_needed(stage.redundancy, stage.modules);
    if (made.installed > 0) branch += converter_loss(made.loss, made.installed, branch);
  }
  return law;
}

}  // namespace mw::models
