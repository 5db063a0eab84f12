#include "models/control/power_allocation.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "sim/index.hpp"

namespace mw::models {
namespace {

using sim::idx;

Milliwatts wanted(const ResourceGroup& g, const GroupWant& w) {
  return std::clamp(w.power, g.least, g.most);
}
/// The limit after `step` of the steps of a rank's rise.
Milliwatts risen(const ResourceGroup& g, Milliwatts want, int step) {
  const Milliwatts even = g.most / PowerAllocation::steps * step;
  return step == PowerAllocation::steps ? want : std::clamp(even, g.least, want);
}
Milliwatts part(double theta, Milliwatts whole) {
  return std::min(whole, static_cast<Milliwatts>(theta * static_cast<double>(whole)));
}

}  // namespace

PowerAllocation::PowerAllocation(const PowerTree& tree, int ranks, bool headroom, double grain)
    : ranks_(ranks), levels_(ranks * (1 + steps) + (headroom ? 1 : 0)), headroom_(headroom) {
  // A power of two: a theta of whole grains is exact, and so is its product with any power.
  if (grain > 0) grains_ = std::exp2(std::max(0.0, std::ceil(-std::log2(grain * steps))));
  needs_.assign(tree.domains() * idx(levels_), 0);
  cut_off_ = needs_;
  rooms_.assign(tree.domains(), -1);
  changed_.assign(tree.domains(), 1);
  share_.assign(tree.domains(), 0);
  cuts_.assign(tree.domains(), {-1, 0});
  moved_.assign(tree.domains(), 1);
  own_limit_.assign(tree.domains(), levels_);
  first_.assign(tree.domains() + 1, 0);
  for (const auto& g : tree.groups) ++first_[idx(g.domain) + 1];
  std::partial_sum(first_.begin(), first_.end(), first_.begin());
  groups_of_.resize(tree.groups.size());
  std::vector<std::int32_t> next(first_.begin(), first_.end() - 1);
  for (std::size_t i = 0; i < tree.groups.size(); ++i)
    groups_of_[idx(next[idx(tree.groups[i].domain)]++)] = static_cast<std::int32_t>(i);
}

void PowerAllocation::add(const ResourceGroup& g, const GroupWant& w, Milliwatts* needs,
                          Milliwatts sign) const {
  if (w.off()) return;
  const std::int32_t rank = std::clamp(w.rank, 0, ranks_ - 1);
  const Milliwatts want = wanted(g, w);
  needs[rank] += sign * g.least;
  Milliwatts* rise = needs + ranks_ + rank * steps;
  Milliwatts before = g.least;
  for (int i = 1; before < want; ++i) {
    const Milliwatts after = risen(g, want, i);
    rise[i - 1] += sign * (after - before);
    before = after;
  }
  if (headroom_) needs[headroom_level()] += sign * (g.most - want);
}

Milliwatts PowerAllocation::grant(const ResourceGroup& g, const GroupWant& w,
                                  const Cut& cut) const {
  if (w.off()) return 0;
  const std::int32_t rank = std::clamp(w.rank, 0, ranks_ - 1);
  const Milliwatts want = wanted(g, w);
  if (cut.level < ranks_) return 0;  // see shed()
  if (cut.level >= headroom_level())
    return cut.level >= levels_ ? (headroom_ ? g.most : want)
                                : want + part(cut.theta, g.most - want);
  const std::int32_t rise = cut.level - ranks_;
  if (rank != rise / steps) return rank < rise / steps ? want : g.least;
  const Milliwatts before = risen(g, want, rise % steps), after = risen(g, want, rise % steps + 1);
  return before + part(cut.theta, after - before);
}

/// Children stand behind their parents: backwards, every domain is complete when its turn comes.
void PowerAllocation::sum_up(const PowerTree& tree, std::span<const Milliwatts> rooms) {
  const auto levels = idx(levels_);
  for (std::size_t v = tree.domains(); v-- > 1;) {
    if (rooms[v] != rooms_[v]) changed_[v] = 1;
    if (!changed_[v]) continue;
    Milliwatts* up = &needs_[idx(tree.parent[v]) * levels];
    Milliwatts left = std::max<Milliwatts>(rooms[v], 0);
    own_limit_[v] = levels_;
    for (std::size_t l = 0; l < levels; ++l) {
      const Milliwatts seen = std::min(needs_[v * levels + l], left);
      if (seen < needs_[v * levels + l])
        own_limit_[v] = std::min(own_limit_[v], static_cast<std::int32_t>(l));
      Milliwatts& before = cut_off_[v * levels + l];
      up[l] += seen - before;
      before = seen;
      left -= seen;
    }
    changed_[idx(tree.parent[v])] = 1;
  }
  if (rooms[0] != rooms_[0]) changed_[0] = 1;
  rooms_.assign(rooms.begin(), rooms.end());
}

PowerAllocation::Cut PowerAllocation::cut_of(const Milliwatts* needs, Milliwatts share) const {
  for (std::int32_t l = 0; l < levels_; ++l) {
    const Milliwatts need = needs[l];
    if (need > share) {
      double theta = static_cast<double>(share) / static_cast<double>(need);
      // What nobody wants is one level for all of the devices' range, so it has more grains.
      const double grains = l == headroom_level() ? grains_ * steps : grains_;
      if (grains > 0) theta = std::floor(theta * grains) / grains;
      return {l, theta};
    }
    share -= need;
  }
  return {levels_, 0};
}

void PowerAllocation::hand_down(const PowerTree& tree) {
  const auto levels = idx(levels_);
  for (std::size_t v = 0; v < tree.domains(); ++v) {
    Milliwatts share = std::max<Milliwatts>(rooms_[0], 0);
    if (v > 0) {
      if (!changed_[v] && !moved_[idx(tree.parent[v])]) {
        moved_[v] = 0;
        continue;
      }
      const Cut& above = cuts_[idx(tree.parent[v])];
      share = 0;
      for (std::size_t l = 0; l < std::min(levels, idx(above.level)); ++l)
        share += cut_off_[v * levels + l];
      if (idx(above.level) < levels)
        share += part(above.theta, cut_off_[v * levels + idx(above.level)]);
    }
    if (share == share_[v] && !changed_[v]) {
      moved_[v] = 0;
      continue;
    }
    share_[v] = share;
    // Where a domain's own room does not bind before its parent's cut, that cut holds below it as
    // it is: found from the rounded share it would come out a grain lower at every floor.
    const bool inherits = grains_ > 0 && v > 0 && own_limit_[v] > cuts_[idx(tree.parent[v])].level;
    const Cut cut = inherits ? cuts_[idx(tree.parent[v])] : cut_of(&needs_[v * levels], share);
    moved_[v] = cut != cuts_[v];
    cuts_[v] = cut;
    changed_[v] = 0;
  }
}

/// Where a domain cannot give all devices their least, half a least is none: groups below it keep
/// theirs by rank, then in order, for as long as it fits everywhere on the way up.
void PowerAllocation::shed(const PowerTree& tree, std::span<const GroupWant> wants) {
  shed_.clear();
  sheds_ = false;
  if (std::none_of(cuts_.begin(), cuts_.end(), [&](const Cut& c) { return c.level < ranks_; }))
    return;
  sheds_ = true;
  std::vector<char> sheds(tree.domains(), 0);
  std::vector<Milliwatts> left(tree.domains(), 0);
  for (std::size_t v = 0; v < tree.domains(); ++v) {
    const bool above = v > 0 && sheds[idx(tree.parent[v])];
    sheds[v] = above || cuts_[v].level < ranks_;
    left[v] = above ? std::max<Milliwatts>(rooms_[v], 0) : share_[v];
  }
  const auto inside = [&](std::int32_t v) { return v >= 0 && sheds[idx(v)]; };
  for (std::int32_t rank = 0; rank < ranks_; ++rank)
    for (std::size_t i = 0; i < tree.groups.size(); ++i) {
      const auto& g = tree.groups[i];
      if (wants[i].off()) continue;
      if (!inside(g.domain) || std::clamp(wants[i].rank, 0, ranks_ - 1) != rank) continue;
      bool fits = true;
      for (auto v = g.domain; inside(v); v = tree.parent[idx(v)])
        fits = fits && left[idx(v)] >= g.least;
      granted_[i] = fits ? g.least : 0;
      if (!fits) shed_.push_back(static_cast<std::int32_t>(i));
      for (auto v = g.domain; fits && inside(v); v = tree.parent[idx(v)]) left[idx(v)] -= g.least;
    }
}

std::int64_t PowerAllocation::shed_devices(std::span<const std::int32_t> devices) const {
  std::int64_t sum = 0;
  for (const std::int32_t group : shed_) sum += devices[idx(group)];
  return sum;
}

void PowerAllocation::sum_groups(const PowerTree& tree, std::span<const GroupWant> wants,
                                 std::span<const std::int32_t> news) {
  const bool first = wants_.size() != wants.size();
  if (first) {
    wants_.assign(wants.size(), {});
    granted_.assign(wants.size(), -1);
  }
  news_.clear();
  for (const std::int32_t i : news) {
    const GroupWant& want = wants[idx(i)];
    if (!first && want == wants_[idx(i)]) continue;
    const auto& g = tree.groups[idx(i)];
    Milliwatts* needs = &needs_[idx(g.domain) * idx(levels_)];
    if (!first) add(g, wants_[idx(i)], needs, -1);
    add(g, want, needs, 1);
    wants_[idx(i)] = want;
    changed_[idx(g.domain)] = 1;
    news_.push_back(i);
  }
}

/// Grants change below domains with another cut, and of groups with another want.
void PowerAllocation::regrant(const PowerTree& tree, std::span<const std::int32_t> news) {
  regranted_.clear();
  const auto give = [&](std::int32_t i) {
    const auto& g = tree.groups[idx(i)];
    const Milliwatts now = grant(g, wants_[idx(i)], cuts_[idx(g.domain)]);
    if (now == granted_[idx(i)]) return;
    granted_[idx(i)] = now;
    regranted_.push_back(i);
  };
  for (std::size_t v = 0; v < tree.domains(); ++v)
    if (moved_[v])
      for (std::int32_t at = first_[v]; at < first_[v + 1]; ++at) give(groups_of_[idx(at)]);
  for (const std::int32_t i : news)
    if (!moved_[idx(tree.groups[idx(i)].domain)]) give(i);
}

std::span<const Milliwatts> PowerAllocation::allocate(const PowerTree& tree,
                                                      std::span<const Milliwatts> rooms,
                                                      std::span<const GroupWant> wants) {
  return allocate(tree, rooms, wants, groups_of_);
}

std::span<const Milliwatts> PowerAllocation::allocate(const PowerTree& tree,
                                                      std::span<const Milliwatts> rooms,
                                                      std::span<const GroupWant> wants,
                                                      std::span<const std::int32_t> news) {
  sum_groups(tree, wants, news);
  sum_up(tree, rooms);
  hand_down(tree);
  // While groups are shed, grants are mended afterwards; then all are said to have moved.
  if (sheds_) std::fill(moved_.begin(), moved_.end(), char{1});
  regrant(tree, news_);
  shed(tree, wants);
  if (sheds_) regranted_ = groups_of_;
  return granted_;
}

}  // namespace mw::models
