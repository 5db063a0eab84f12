#include "models/power/distribution.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace mw::models {
namespace {

constexpr double no_limit = 1e300;

/// Index of the stage that feeds each; -1: the meter.
std::vector<int> parents_of(const std::vector<ElectricalStage>& stages) {
  std::vector<int> parents;
  for (std::size_t i = 0; i < stages.size(); ++i) {
    int parent = -1;
    for (std::size_t k = 0; k < i; ++k) {
      const bool named = stages[i].from && *stages[i].from == stages[k].name;
      const bool before = !stages[i].from && !stages[k].racks &&
                          (stages[k].feeds == stages[i].feeds || stages[k].feeds == Feeds::all);
      if (named || before) parent = static_cast<int>(k);
    }
    parents.push_back(parent);
  }
  return parents;
}

/// Stages to which racks are tied: of the IT branch, or of all if there is no IT branch, those that
/// feed no other such stage.
std::vector<std::size_t> last_stages(const std::vector<ElectricalStage>& stages,
                                     const std::vector<int>& parents) {
  const bool branch =
      std::any_of(stages.begin(), stages.end(), [](const auto& s) { return s.feeds == Feeds::it; });
  const Feeds feeds = branch ? Feeds::it : Feeds::all;
  std::vector<std::size_t> last;
  for (std::size_t i = 0; i < stages.size(); ++i) {
    if (stages[i].feeds != feeds) continue;
    bool feeds_other = false;
    for (std::size_t k = i + 1; k < stages.size(); ++k)
      feeds_other = feeds_other || (stages[k].feeds == feeds && parents[k] == static_cast<int>(i));
    if (!feeds_other) last.push_back(i);
  }
  return last;
}

/// What a stage deals to its units: racks, or units of stages behind it.
struct Item {
  double design = 0;
  int racks = 0;
};

/// Units for these items: contiguous and of equal design power as far as items allow. Item i of u
/// units goes where the middle of its power lies; no unit stays empty.
std::vector<int> deal(std::span<const Item> items, int units) {
  double total = 0;
  for (const Item& item : items) total += item.design;
  std::vector<int> unit_of;
  double before = 0;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const double middle = total > 0
                              ? (before + 0.5 * items[i].design) / total
                              : (static_cast<double>(i) + 0.5) / static_cast<double>(items.size());
    const int wanted = std::min(units - 1, static_cast<int>(middle * units));
    const int previous = unit_of.empty() ? -1 : unit_of.back();
    unit_of.push_back(std::clamp(wanted, std::max(previous, 0), previous + 1));
    before += items[i].design;
  }
  return unit_of;
}

int units_wanted(const ElectricalStage& stage, std::span<const Item> items) {
  double design = 0;
  int racks = 0;
  for (const Item& item : items) {
    design += item.design;
    racks += item.racks;
  }
  int units = 1;
  if (stage.units)
    units = *stage.units;
  else if (stage.racks_per_unit)
    units = (racks + *stage.racks_per_unit - 1) / *stage.racks_per_unit;
  else if (stage.rating)
    units = static_cast<int>(
        std::min(1e5, std::ceil(design * stage.margin / stage.rating->value - 1e-9)));
  return std::clamp(units, 1, std::max(1, static_cast<int>(items.size())));
}

/// Ratings of a node that delivers `design` W at design.
void rate(DistributionNode& node, const ElectricalStage& stage) {
  node.usable = stage.rating ? stage.rating->value : node.design * stage.margin;
  const bool two = stage.redundancy == Redundancy::two_n;
  node.paths = two ? 2 : 1;
  const double installed = node.usable * sharing_over_needed(stage.redundancy, stage.modules);
  node.sharing = installed / node.paths;
  const bool one_more =
      stage.redundancy == Redundancy::n_plus_1 || stage.redundancy == Redundancy::distributed;
  node.modules = stage.modules + (one_more ? 1 : 0);
  if (stage.redundancy == Redundancy::reserve) node.reserve = node.usable / stage.modules;
  if (stage.breaker) {
    const BreakerParameters& b = *stage.breaker;
    node.continuous = b.continuous.value;
    node.breaker = {.rating = b.rating    ? b.rating->value
                              : b.current ? power_of_current(b.kind, b.current->value,
                                                             b.voltage.value, b.power_factor)
                                          : node.sharing / b.continuous.value,
                    .inverse_time = b.inverse_time.value.value,
                    .instantaneous = b.instantaneous.value};
  }
  if (stage.battery) {
    const BatteryParameters& b = *stage.battery;
    node.battery = {
        .capacity = node.usable * sim::to_seconds(b.autonomy.ns) / b.discharge_efficiency.value,
        .discharge_w = no_limit,
        .charge_w = node.usable * b.charge.value,
        .charge_efficiency = b.charge_efficiency.value,
        .discharge_efficiency = b.discharge_efficiency.value};
  }
}

/// What it draws at design from above, all modules at work.
double design_input(const DistributionNode& node, const ConverterLaw& loss) {
  double lost = 0;
  if (node.sharing > 0)
    lost = node.paths * converter_loss(loss, node.sharing, node.design / node.paths);
  if (node.reserve > 0) lost += converter_loss(loss, node.reserve, 0);
  return node.design + lost;
}

std::vector<Item> rack_items(const ElectricalStage& stage, std::span<const FedRacks> groups,
                             const std::vector<bool>& taken, std::vector<std::size_t>& places) {
  std::vector<Item> items;
  std::size_t place = 0;
  for (std::size_t g = 0; g < groups.size(); ++g) {
    const bool mine = stage.racks ? std::find(stage.racks->begin(), stage.racks->end(),
                                              groups[g].name) != stage.racks->end()
                                  : !taken[g];
    for (int i = 0; i < groups[g].count; ++i, ++place) {
      if (!mine) continue;
      items.push_back({groups[g].design_w, 1});
      places.push_back(place);
    }
  }
  return items;
}

std::vector<bool> named_groups(std::span<const ElectricalStage> stages,
                               std::span<const FedRacks> groups) {
  std::vector<bool> taken;
  for (const FedRacks& g : groups)
    taken.push_back(std::any_of(stages.begin(), stages.end(), [&](const ElectricalStage& s) {
      return s.racks && std::find(s.racks->begin(), s.racks->end(), g.name) != s.racks->end();
    }));
  return taken;
}

}  // namespace

std::string Distribution::name_of(std::size_t node) const {
  const Stage& stage = stage_of(nodes[node]);
  return stage.units == 1 ? stage.name : fmt::format("{}-{}", stage.name, nodes[node].unit);
}

void check_distribution(const ElectricalParameters& electrical, std::span<const FedRacks> racks,
                        sim::Problems& problems) {
  const auto& stages = electrical.stages;
  const auto last = last_stages(stages, parents_of(stages));
  const auto taken = named_groups(stages, racks);
  std::vector<int> times(racks.size(), 0);
  for (std::size_t i = 0; i < stages.size(); ++i) {
    const bool is_last = std::find(last.begin(), last.end(), i) != last.end();
    const std::string at = fmt::format("stages[{}].racks", i);
    if (stages[i].racks && !is_last)
      problems.add(at, "names racks, but other stages stand between",
                   "name them at the stage that feeds them");
    if (!is_last) continue;
    bool any = false;
    for (std::size_t g = 0; g < racks.size(); ++g) {
      const bool named =
          stages[i].racks && std::find(stages[i].racks->begin(), stages[i].racks->end(),
                                       racks[g].name) != stages[i].racks->end();
      if (named || (!stages[i].racks && !taken[g])) {
        ++times[g];
        any = true;
      }
    }
    if (!any)
      problems.add(fmt::format("stages[{}]", i),
                   fmt::format("no rack is behind stage `{}`", stages[i].name),
                   "name rack groups in its `racks`, or remove it");
    if (!stages[i].racks) continue;
    for (const std::string& name : *stages[i].racks)
      if (std::none_of(racks.begin(), racks.end(),
                       [&](const FedRacks& r) { return r.name == name; }))
        problems.add(at, fmt::format("there is no rack group `{}`", name),
                     "write a name of `racks`");
  }
  for (std::size_t g = 0; g < racks.size(); ++g) {
    if (times[g] == 1 || (times[g] == 0 && last.empty())) continue;
    problems.add("stages",
                 fmt::format("racks `{}` are fed by {} stages", racks[g].name,
                             times[g] == 0 ? "no" : "several"),
                 "name each group in the `racks` of one stage");
  }
}

Distribution make_distribution(const ElectricalParameters& electrical,
                               std::span<const FedRacks> racks, sim::Power design_mechanical) {
  const auto& stages = electrical.stages;
  const auto parents = parents_of(stages);
  const auto last = last_stages(stages, parents);
  const auto taken = named_groups(stages, racks);

  Distribution law;
  law.least_rack_voltage = electrical.least_voltage.value;
  for (const ElectricalStage& s : stages) {
    law.stages.push_back({s.name, s.feeds, make_converter_law(s.loss)});
    law.least_voltage.push_back(s.battery ? s.battery->least_voltage.value : 0);
  }
  int rack_count = 0;
  double it = 0;
  for (const FedRacks& g : racks) {
    rack_count += g.count;
    for (int i = 0; i < g.count; ++i) it += g.design_w;
  }
  law.node_of_rack.assign(static_cast<std::size_t>(rack_count), -1);

  // From the racks up: each stage deals what is behind it to its units.
  std::vector<std::vector<DistributionNode>> made(stages.size());
  struct Link {
    std::size_t stage, unit;
  };
  std::vector<std::vector<int>> unit_above(stages.size());  // of each unit, within its parent stage
  std::vector<std::vector<Item>> item_of(stages.size());    // what each unit draws at design
  std::vector<std::pair<std::size_t, int>> rack_unit(static_cast<std::size_t>(rack_count), {0, -1});
  // The mechanical branch hangs behind all units of one stage.
  std::size_t lowest_all = stages.size(), first_mechanical = stages.size();
  for (std::size_t i = 0; i < stages.size(); ++i) {
    if (stages[i].feeds == Feeds::all) lowest_all = i;
    if (stages[i].feeds == Feeds::mechanical && first_mechanical == stages.size())
      first_mechanical = i;
  }
  if (first_mechanical < stages.size() && parents[first_mechanical] >= 0)
    lowest_all = static_cast<std::size_t>(parents[first_mechanical]);
  double mechanical = design_mechanical.value;

  for (std::size_t i = stages.size(); i-- > 0;) {
    if (stages[i].feeds == Feeds::mechanical) {
      DistributionNode node;
      node.stage = static_cast<std::int32_t>(i);
      node.design = mechanical;
      rate(node, stages[i]);
      mechanical = design_input(node, law.stages[i].loss);
      made[i] = {node};
      unit_above[i] = {0};
    }
  }
  for (std::size_t i = stages.size(); i-- > 0;) {
    if (stages[i].feeds == Feeds::mechanical) continue;
    std::vector<Item> items;
    std::vector<std::size_t> places;  // of racks
    std::vector<Link> links;          // of units behind
    if (std::find(last.begin(), last.end(), i) != last.end())
      items = rack_items(stages[i], racks, taken, places);
    for (std::size_t k = i + 1; k < stages.size(); ++k) {
      if (parents[k] != static_cast<int>(i) || stages[k].feeds == Feeds::mechanical) continue;
      for (std::size_t u = 0; u < made[k].size(); ++u) {
        items.push_back(item_of[k][u]);
        links.push_back({k, u});
      }
    }
    const auto unit_of = deal(items, units_wanted(stages[i], items));
    const int units = unit_of.empty() ? 1 : unit_of.back() + 1;
    made[i].resize(static_cast<std::size_t>(units));
    for (std::size_t n = 0; n < items.size(); ++n) {
      auto& node = made[i][static_cast<std::size_t>(unit_of[n])];
      node.design += items[n].design;
      node.racks += items[n].racks;
      if (n < places.size())
        rack_unit[places[n]] = {i, unit_of[n]};
      else
        unit_above[links[n - places.size()].stage][links[n - places.size()].unit] = unit_of[n];
    }
    double behind = 0;
    for (const auto& node : made[i]) behind += node.design;
    for (std::size_t u = 0; u < made[i].size(); ++u) {
      auto& node = made[i][u];
      node.stage = static_cast<std::int32_t>(i);
      node.unit = static_cast<std::int32_t>(u);
      if (i == lowest_all) {
        node.mechanical = behind > 0 ? node.design / behind : 1.0 / units;
        node.design += node.mechanical * mechanical;
      }
      rate(node, stages[i]);
      item_of[i].push_back({design_input(node, law.stages[i].loss), node.racks});
    }
    unit_above[i].assign(made[i].size(), 0);
  }

  std::vector<std::int32_t> first;
  for (std::size_t i = 0; i < stages.size(); ++i) {
    first.push_back(static_cast<std::int32_t>(law.nodes.size()));
    law.stages[i].first = first.back();
    law.stages[i].units = static_cast<int>(made[i].size());
    for (std::size_t u = 0; u < made[i].size(); ++u) {
      DistributionNode node = made[i][u];
      const bool mechanical_top = i == first_mechanical;
      if (parents[i] >= 0 && !mechanical_top)
        node.parent = first[static_cast<std::size_t>(parents[i])] + unit_above[i][u];
      law.nodes.push_back(node);
    }
  }
  for (std::size_t r = 0; r < rack_unit.size(); ++r)
    if (rack_unit[r].second >= 0)
      law.node_of_rack[r] = first[rack_unit[r].first] + rack_unit[r].second;

  bool rooted = false;
  for (std::size_t i = 0; i < stages.size(); ++i) {
    if (parents[i] >= 0 || stages[i].feeds == Feeds::mechanical) continue;
    for (const Item& item : item_of[i]) law.design_meter += item.design;
    rooted = true;
  }
  if (!rooted) law.design_meter += it;
  if (lowest_all == stages.size()) law.design_meter += mechanical;
  return law;
}

std::vector<std::string> oversubscribed(const Distribution& law) {
  std::vector<std::string> lines;
  for (const auto& stage : law.stages) {
    int rated = 0, continuous = 0;
    double worst = 0, worst_breaker = 0, carries = 0, breaker = 0;
    for (int u = 0; u < stage.units; ++u) {
      const auto& node = law.nodes[static_cast<std::size_t>(stage.first + u)];
      if (node.design > node.usable * (1 + 1e-9)) {
        ++rated;
        if (node.design - node.usable > worst - carries) worst = node.design, carries = node.usable;
      }
      // Each of two paths must carry the whole when the other is gone.
      if (node.breaker.rating > 0 &&
          node.design > node.continuous * node.breaker.rating * (1 + 1e-9)) {
        ++continuous;
        if (node.design > worst_breaker)
          worst_breaker = node.design, breaker = node.continuous * node.breaker.rating;
      }
    }
    if (rated > 0)
      lines.push_back(fmt::format(
          "{} of {} `{}` would carry up to {:.4g} kW at design power and may carry {:.4g}: "
          "oversubscribed",
          rated, stage.units, stage.name, worst * 1e-3, carries * 1e-3));
    if (continuous > 0)
      lines.push_back(
          fmt::format("{} of {} `{}` would load a path's breaker with up to {:.4g} kW at design "
                      "power, continuously allowed are {:.4g}",
                      continuous, stage.units, stage.name, worst_breaker * 1e-3, breaker * 1e-3));
  }
  return lines;
}

}  // namespace mw::models
