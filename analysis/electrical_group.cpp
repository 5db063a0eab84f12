#include "analysis/electrical_group.hpp"

namespace mw::analysis {

using namespace mw::models;
namespace h5 = sim::h5;

ElectricalGroup::ElectricalGroup(const h5::Group& root, const SiteParameters& site) {
  const Distribution& law = site.distribution;
  if (law.nodes.empty()) return;
  const auto group = root.group("electrical");
  std::vector<std::string> names, stages, parents;
  std::vector<double> usable, continuous, design;
  std::vector<std::int64_t> racks;
  for (std::size_t n = 0; n < law.nodes.size(); ++n) {
    const DistributionNode& node = law.nodes[n];
    names.push_back(law.name_of(n));
    stages.push_back(law.stage_of(node).name);
    parents.push_back(node.parent < 0 ? "" : law.name_of(static_cast<std::size_t>(node.parent)));
    usable.push_back(node.usable);
    continuous.push_back(carries_continuously(node));
    design.push_back(node.design);
    racks.push_back(node.racks);
  }
  const auto axis = group.dimension("node", names, {"1", "Node of the electrical tree"});
  const auto number = [&](const char* name, const char* units, const char* text) {
    return group.dataset<double>(name, {units, text}, {axis});
  };
  group.dataset<std::string>("stage", {"1", "Its stage"}, {axis}).write(stages);
  group.dataset<std::string>("parent", {"1", "What feeds it; empty: the meter"}, {axis})
      .write(parents);
  group.dataset<std::int64_t>("racks", {"1", "Racks behind it"}, {axis}).write(racks);
  number("usable_power", "W", "Power it may deliver and lose what its redundancy allows")
      .write(usable);
  number("continuous_power", "W", "Power it may deliver for hours, its breakers included")
      .write(continuous);
  number("design_power", "W", "Power it delivers with every rack at its design power")
      .write(design);
  peak_ = number("peak_power", "W", "Highest sub-step of what it delivered");
  mean_ = number("mean_power", "W", "Mean of what it delivered");
  lost_ = number("loss", "J", "Energy it lost");
  stranded_ = number("stranded_power", "W", "continuous_power less peak_power");
  overloaded_ = number("overloaded", "s", "Time above what it may deliver");
  opened_ = group.dataset<std::int64_t>("opened", {"1", "How often a breaker opened"}, {axis});
}

void ElectricalGroup::write(const SiteParameters& site, const SiteState& state) {
  if (!peak_) return;
  std::vector<double> peak, mean, lost, stranded, overloaded;
  std::vector<std::int64_t> opened;
  const double seconds = sim::to_seconds(state.now);
  for (std::size_t n = 0; n < state.feeds.size(); ++n) {
    const FeedNodeState& node = state.feeds[n];
    peak.push_back(node.peak_w);
    mean.push_back(seconds > 0 ? node.output_j / seconds : 0);
    lost.push_back(node.loss_j);
    stranded.push_back(carries_continuously(site.distribution.nodes[n]) - node.peak_w);
    overloaded.push_back(sim::to_seconds(node.overloaded));
    opened.push_back(node.opened);
  }
  peak_->write(peak);
  mean_->write(mean);
  lost_->write(lost);
  stranded_->write(stranded);
  overloaded_->write(overloaded);
  opened_->write(opened);
}

}  // namespace mw::analysis
