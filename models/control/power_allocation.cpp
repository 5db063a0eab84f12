#include "models/control/power_allocation.hpp"

#include <algorithm>
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

PowerAllocation::PowerAllocation(const PowerTree& tree, int ranks, bool headroom)
    : ranks_(ranks), levels_(ranks * (1 + steps) + (headroom ? 1 : 0)), headroom_(headroom) {
  needs_.assign(tree.domains() * idx(levels_), 0);
  cut_off_ = needs_;
  rooms_.assign(tree.domains(), -1);
  changed_.assign(tree.domains(), 1);
  share_.assign(tree.domains(), 0);
  cuts_.assign(tree.domains(), {-1, 0});
  moved_.assign(tree.domains(), 1);
  group_changed_.assign(tree.groups.size(), 1);
}

void PowerAllocation::add(const ResourceGroup& g, const GroupWant& w, Milliwatts* needs,
                          Milliwatts sign) const {
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
    for (std::size_t l = 0; l < levels; ++l) {
      const Milliwatts seen = std::min(needs_[v * levels + l], left);
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
    Cut cut{levels_, 0};
    for (std::int32_t l = 0; l < levels_; ++l) {
      const Milliwatts need = needs_[v * levels + idx(l)];
      if (need > share) {
        cut = {l, static_cast<double>(share) / static_cast<double>(need)};
        break;
      }
      share -= need;
    }
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

std::span<const Milliwatts> PowerAllocation::allocate(const PowerTree& tree,
                                                      std::span<const Milliwatts> rooms,
                                                      std::span<const GroupWant> wants) {
  const bool first = wants_.size() != wants.size();
  if (first) {
    wants_.assign(wants.size(), {});
    granted_.assign(wants.size(), 0);
  }
  for (std::size_t i = 0; i < wants.size(); ++i) {
    group_changed_[i] = first || wants[i] != wants_[i];
    if (!group_changed_[i]) continue;
    const auto& g = tree.groups[i];
    Milliwatts* needs = &needs_[idx(g.domain) * idx(levels_)];
    if (!first) add(g, wants_[i], needs, -1);
    add(g, wants[i], needs, 1);
    wants_[i] = wants[i];
    changed_[idx(g.domain)] = 1;
  }
  sum_up(tree, rooms);
  hand_down(tree);
  // While groups are shed, grants are mended afterwards; then all are said to have moved.
  const bool shed_before = sheds_;
  regranted_.clear();
  for (std::size_t i = 0; i < wants.size(); ++i) {
    const std::int32_t domain = tree.groups[i].domain;
    if (!group_changed_[i] && !moved_[idx(domain)] && !shed_before) continue;
    const Milliwatts now = grant(tree.groups[i], wants[i], cuts_[idx(domain)]);
    if (now == granted_[i] && !first && !shed_before) continue;
    granted_[i] = now;
    regranted_.push_back(static_cast<std::int32_t>(i));
  }
  shed(tree, wants);
  if (sheds_) {
    regranted_.resize(wants.size());
    std::iota(regranted_.begin(), regranted_.end(), 0);
  }
  return granted_;
}

}  // namespace mw::models
