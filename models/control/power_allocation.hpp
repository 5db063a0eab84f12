#pragma once
#include <span>
#include <vector>

#include "models/control/power_tree.hpp"

namespace mw::models {

/// Shares power out inside every budget of the tree, in this order of levels:
///
///   1. the least that devices accept, rank by rank;
///   2. what is wanted above it, rank by rank; inside a rank everybody's limit rises together as a
///      share of the devices' most, and stops at what is wanted (max-min fair);
///   3. if `headroom`: what is left, to everybody, in proportion to what is missing to the most.
///
/// Each level's needs are summed up the tree, S_v = sum over children of min(room, S_child) for
/// the levels up to it, and the grant comes down it: a domain serves levels in full up to the one
/// at which its grant ends, and gives that one to all below in the same proportion theta. A child's
/// own room is inside its S already, so nothing granted is lost on the way and no budget is passed.
/// The rise of level 2 is cut into `steps`; inside one of them shares are proportional to needs.
///
/// Between calls only what changed is worked out anew: groups with another want, domains above
/// them, and groups below a domain whose theta moved. Exact thetas move at every call; with `grain`
/// they are rounded down to whole grains, of which a step has a power of two, so that small changes
/// anywhere leave all other limits where they are. That leaves at most a grain, and half of one in
/// the mean, unassigned. Results do not depend on earlier calls.
class PowerAllocation {
 public:
  static constexpr int steps = 8;

  PowerAllocation() = default;
  /// grain: a share of the devices' most; 0: exact.
  PowerAllocation(const PowerTree& tree, int ranks, bool headroom, double grain = 0);

  bool empty() const { return share_.empty(); }
  /// rooms: by domain, what groups below may be given. Gives the grants by group; 0 where not even
  /// the least is left (the group is shed).
  std::span<const Milliwatts> allocate(const PowerTree& tree, std::span<const Milliwatts> rooms,
                                       std::span<const GroupWant> wants);
  /// The same, told which groups may want something else than in the call before (in the first:
  /// all of them).
  std::span<const Milliwatts> allocate(const PowerTree& tree, std::span<const Milliwatts> rooms,
                                       std::span<const GroupWant> wants,
                                       std::span<const std::int32_t> news);

  std::span<const Milliwatts> granted() const { return granted_; }
  /// Groups whose grant is another than before the last call; all of them after the first.
  std::span<const std::int32_t> regranted() const { return regranted_; }
  /// Devices of the groups shed in the last call.
  std::int64_t shed_devices(std::span<const std::int32_t> devices) const;

 private:
  struct Cut {
    std::int32_t level = 0;
    double theta = 0;
    bool operator==(const Cut&) const = default;
  };
  std::int32_t headroom_level() const { return ranks_ * (1 + steps); }
  void add(const ResourceGroup& group, const GroupWant& want, Milliwatts* needs,
           Milliwatts sign) const;
  Milliwatts grant(const ResourceGroup& group, const GroupWant& want, const Cut& cut) const;
  Cut cut_of(const Milliwatts* needs, Milliwatts share) const;
  void sum_groups(const PowerTree& tree, std::span<const GroupWant> wants,
                  std::span<const std::int32_t> news);
  void sum_up(const PowerTree& tree, std::span<const Milliwatts> rooms);
  void hand_down(const PowerTree& tree);
  void regrant(const PowerTree& tree, std::span<const std::int32_t> news);
  void shed(const PowerTree& tree, std::span<const GroupWant> wants);

  std::int32_t ranks_ = 1, levels_ = 0;
  bool headroom_ = true;
  double grains_ = 0;                    // of a step; 0: exact
  std::vector<std::int32_t> groups_of_;  // sorted by domain, those of v from first_[v] on
  std::vector<std::int32_t> first_;
  std::vector<Milliwatts> needs_;        // [domain][level]: of groups and children, by level
  std::vector<Milliwatts> cut_off_;      // [domain][level]: what of it the parent sees
  std::vector<GroupWant> wants_;         // by group, as summed
  std::vector<Milliwatts> granted_;      // by group
  std::vector<Milliwatts> rooms_;        // by domain, as summed
  std::vector<std::int32_t> own_limit_;  // by domain: the level at which its room ends
  std::vector<char> changed_;            // by domain: needs or room since the last sums
  std::vector<Milliwatts> share_;        // by domain: its grant
  std::vector<Cut> cuts_;                // by domain
  std::vector<char> moved_;              // by domain: another cut than in the call before
  std::vector<std::int32_t> news_;       // groups whose want is another than before
  std::vector<std::int32_t> regranted_;
  bool sheds_ = false;              // in the last call some group could not have its least
  std::vector<std::int32_t> shed_;  // groups
};

}  // namespace mw::models
