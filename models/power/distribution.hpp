#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "models/power/electrical.hpp"
#include "models/power/storage.hpp"

// The electrical chain as a tree: the utility meter, transformers, UPSs, switchboards, busways,
// down to the racks' inputs. A node is one unit of a stage with one or two paths (feeds A and B
// under 2N). Racks share their load equally among the live paths of their node, and so do nodes
// with one path behind two; a second path behind a second path stays on its own side.
namespace mw::models {

struct DistributionNode {
  std::int32_t stage = 0, unit = 0;
  std::int32_t parent = -1;  // node; -1: the meter, or, of the mechanical branch, every node with a
                             // share of it
  int paths = 1;
  int modules = 1;        // of a path, that share its load
  double sharing = 0;     // W output of a path with all of them
  double reserve = 0;     // W output of the block that stands by
  double usable = 0;      // W output, all paths, that it may deliver and lose what it is built to
  double design = 0;      // W output with every rack at its design power
  double mechanical = 0;  // share of the mechanical load that it feeds itself
  int racks = 0;          // behind it
  BreakerLaw breaker;     // of a path
  double continuous = 1;  // share of the breaker's rating
  StorageLaw battery;     // of a path
};

/// What a node may deliver for hours: the lesser of its rating and what its breakers allow for
/// continuous load. Each of two paths must carry the whole when the other is gone.
inline double carries_continuously(const DistributionNode& node) {
  const double breaker = node.continuous * node.breaker.rating;
  return node.breaker.rating > 0 && breaker < node.usable ? breaker : node.usable;
}

/// The tree as plain numbers. Nodes stand in the order of stages, parents before children.
struct Distribution {
  struct Stage {
    std::string name;
    Feeds feeds = Feeds::it;
    ConverterLaw loss;
    int first = 0, units = 0;
  };
  std::vector<Stage> stages;
  std::vector<DistributionNode> nodes;
  std::vector<std::int32_t> node_of_rack;  // -1: at the meter itself
  std::vector<double> least_voltage;       // by stage: of its batteries
  double least_rack_voltage = 0.8;         // of racks and drives without batteries before them
  double design_meter = 0;                 // W with every rack and the plant at design

  const Stage& stage_of(const DistributionNode& node) const {
    return stages[static_cast<std::size_t>(node.stage)];
  }
  std::string name_of(std::size_t node) const;  // `ups-3`, or `ups` if it is the only one
};

/// Racks of one kind, `count` of them; their places follow each other.
struct FedRacks {
  std::string name;
  int count = 0;
  double design_w = 0;  // of one
};

/// What the stages ask of these racks and cannot have; make_distribution() wants none of it.
void check_distribution(const ElectricalParameters& electrical, std::span<const FedRacks> racks,
                        sim::Problems& problems);

/// The tree for these racks and for what the plant draws at design. A unit is rated for what it
/// must deliver when everything behind it draws its design power, losses included, unless its stage
/// says what it is rated for.
Distribution make_distribution(const ElectricalParameters& electrical,
                               std::span<const FedRacks> racks, sim::Power design_mechanical);

/// Where design loads exceed ratings, in words: what stands behind a node may be more than it can
/// carry at once, on purpose or not.
std::vector<std::string> oversubscribed(const Distribution& law);

}  // namespace mw::models
