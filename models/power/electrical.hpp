#pragma once
#include <string>
#include <vector>

#include "models/power/converter.hpp"
#include "models/power/redundancy.hpp"
#include "sim/describe.hpp"
#include "sim/quantity.hpp"

namespace mw::models {

/// What hangs behind a stage.
enum class Feeds { all, it, mechanical };
inline std::span<const char* const> enum_names(Feeds) {
  static constexpr const char* names[] = {"all", "it", "mechanical"};
  return names;
}

/// One stage of the chain from the utility meter to the racks.
struct ElectricalStage {
  std::string name;
  Feeds feeds = Feeds::it;
  Redundancy redundancy = Redundancy::n;
  int modules = 1;
  double margin = 1;
  ConverterParameters loss;
};
template <sim::Describes<ElectricalStage> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("name", self.name, About{.text = "Name of the stage", .required = true});
  visit("feeds", self.feeds,
        About{.text = "What hangs behind it: everything, the IT branch, or the mechanical branch"});
  visit("redundancy", self.redundancy,
        About{.text = "n: just enough; n_plus_1: one module more; two_n: two full paths"});
  visit("modules", self.modules,
        About{.text = "Modules that carry the design load (n_plus_1 has one more)",
              .min = 1,
              .max = 1000});
  visit(
      "margin", self.margin,
      About{.text = "Rating needed over design load (1.25: loaded to 80 %)", .min = 1, .max = 10});
  visit("loss", self.loss, About{.text = "What it loses, relative to its rating"});
}

/// The chain, from the utility meter inwards. The IT branch and the mechanical branch each have
/// their own stages; stages that feed all come first.
struct ElectricalParameters {
  static constexpr const char* catalog = "electrical";
  std::string text;
  std::vector<ElectricalStage> stages;
};
template <sim::Describes<ElectricalParameters> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("text", self.text, About{.text = "What the chain is, in one line"});
  visit("stages", self.stages,
        About{.text = "From the utility meter to the racks and pumps", .required = true});
}
void check(const ElectricalParameters& electrical, sim::Problems& problems);

/// The chain with ratings, as plain numbers.
struct ElectricalLaw {
  static constexpr int capacity = 16;
  struct Stage {
    Feeds feeds = Feeds::it;
    double installed = 0;  // W output, all modules and paths
    double usable = 0;     // W output it may carry and still lose what its redundancy allows
    ConverterLaw loss;
  };
  int count = 0;
  Stage stages[capacity];
};

/// Ratings for a design load. Each stage is rated for what it must deliver when everything behind
/// it draws its design power, losses of the stages behind it included.
ElectricalLaw size_electrical(const ElectricalParameters& electrical, sim::Power design_it,
                              sim::Power design_mechanical);

/// meter = it + mechanical + the sum of loss[0..count).
struct ElectricalPower {
  double meter = 0;       // W at the utility meter
  double loss_total = 0;  // W, summed in stage order
  bool overloaded = false;
  double loss[ElectricalLaw::capacity] = {};    // W by stage
  double output[ElectricalLaw::capacity] = {};  // W delivered by stage
};
MW_HD inline ElectricalPower electrical_step(const ElectricalLaw& law, double it_w,
                                             double mechanical_w) {
  ElectricalPower p;
  double it = it_w;
  double mechanical = mechanical_w;
  double all = 0;
  bool joined = false;
  for (int i = law.count - 1; i >= 0; --i) {
    const auto& stage = law.stages[i];
    if (stage.feeds == Feeds::all && !joined) {
      all = it + mechanical;
      joined = true;
    }
    double& branch = stage.feeds == Feeds::all ? all : stage.feeds == Feeds::it ? it : mechanical;
    p.output[i] = branch;
    p.loss[i] = stage.installed > 0 ? converter_loss(stage.loss, stage.installed, branch) : 0;
    p.overloaded = p.overloaded || branch > stage.usable * (1 + 1e-9);
    branch += p.loss[i];
  }
  p.meter = joined ? all : it + mechanical;
  for (int i = 0; i < law.count; ++i) p.loss_total += p.loss[i];
  return p;
}

}  // namespace mw::models
