#include "models/site/allocation.hpp"

#include <fmt/format.h>
#include <algorithm>

namespace mw::models {
namespace {

/// Racks with GPUs still free, and where the search for the next replica goes on.
struct Floor {
  std::vector<std::int32_t> free;

  /// Racks that one replica of `demand` would take, empty where none fit.
  std::vector<GpuGroup> find(const ReplicaDemand& demand, std::size_t& cursor,
                             std::span<const std::int32_t> whole) {
    for (; cursor < free.size(); ++cursor) {
      if (!demand.rack_allowed[cursor]) continue;
      if (free[cursor] >= demand.gpus) {
        free[cursor] -= demand.gpus;
        return {GpuGroup{.rack = static_cast<std::int32_t>(cursor), .gpus = demand.gpus}};
      }
      if (demand.gpus > whole[cursor] && free[cursor] == whole[cursor]) {
        if (auto parts = span_racks(demand, cursor, whole); !parts.empty()) return parts;
      }
    }
    return {};
  }

 private:
  std::vector<GpuGroup> span_racks(const ReplicaDemand& demand, std::size_t from,
                                   std::span<const std::int32_t> whole) {
    std::vector<GpuGroup> parts;
    std::int32_t left = demand.gpus;
    for (std::size_t r = from; r < free.size() && left > 0; ++r) {
      if (!demand.rack_allowed[r] || free[r] != whole[r] || free[r] == 0) return {};
      const std::int32_t take = std::min(left, free[r]);
      parts.push_back({.rack = static_cast<std::int32_t>(r), .gpus = take});
      left -= take;
    }
    if (left > 0) return {};
    for (const auto& part : parts) free[static_cast<std::size_t>(part.rack)] -= part.gpus;
    return parts;
  }
};

}  // namespace

Placement place(std::span<const std::int32_t> rack_gpus, std::span<const ReplicaDemand> demands) {
  Floor floor{{rack_gpus.begin(), rack_gpus.end()}};
  std::vector<std::vector<std::vector<GpuGroup>>> replicas(demands.size());
  std::vector<std::size_t> cursor(demands.size(), 0);
  Placement out;

  for (std::size_t d = 0; d < demands.size(); ++d) {
    if (demands[d].fill) continue;
    while (static_cast<std::int32_t>(replicas[d].size()) < demands[d].replicas) {
      auto parts = floor.find(demands[d], cursor[d], rack_gpus);
      if (parts.empty()) {
        out.refused.push_back(
            {demands[d].service,
             fmt::format("{} replicas of {} GPUs do not fit: the racks hold {} of them",
                         demands[d].replicas, demands[d].gpus, replicas[d].size()),
             fmt::format("ask for {} or fewer, or add racks", replicas[d].size())});
        break;
      }
      replicas[d].push_back(std::move(parts));
    }
  }
  // Services that fill take one replica each in turn, so that none starves the others.
  for (bool placed = true; placed;) {
    placed = false;
    for (std::size_t d = 0; d < demands.size(); ++d) {
      if (!demands[d].fill) continue;
      if (auto parts = floor.find(demands[d], cursor[d], rack_gpus); !parts.empty()) {
        replicas[d].push_back(std::move(parts));
        placed = true;
      }
    }
  }

  for (std::size_t d = 0; d < demands.size(); ++d) {
    if (demands[d].fill && replicas[d].empty())
      out.refused.push_back(
          {demands[d].service,
           fmt::format("no rack that it may use has {} GPUs free for a replica", demands[d].gpus),
           "use fewer GPUs for a replica, or add racks"});
    // As few pods as allowed, alike in size: a front gives each its share of the requests.
    const std::size_t all = replicas[d].size();
    const auto per_pod = static_cast<std::size_t>(std::max(1, demands[d].replicas_per_pod));
    const std::size_t pods = (all + per_pod - 1) / per_pod;
    for (std::size_t r = 0, pod = 0; r < all; ++r) {
      if (r == pod * all / pods) {
        ++pod;
        out.replicas_per_pod.push_back(0);
        out.service_of_pod.push_back(demands[d].service);
      }
      const auto replica = out.replicas_per_pod.back()++;
      auto& parts = replicas[d][r];
      for (std::size_t p = 0; p < parts.size(); ++p) {
        parts[p].use = GpuUse::serving;
        parts[p].service = demands[d].service;
        parts[p].pod = static_cast<std::int32_t>(out.replicas_per_pod.size() - 1);
        parts[p].replica = replica;
        parts[p].part = static_cast<std::int32_t>(p);
        parts[p].parts = static_cast<std::int32_t>(parts.size());
        out.groups.push_back(parts[p]);
      }
    }
  }
  for (std::size_t r = 0; r < floor.free.size(); ++r)
    if (floor.free[r] > 0)
      out.groups.push_back({.rack = static_cast<std::int32_t>(r), .gpus = floor.free[r]});
  std::stable_sort(out.groups.begin(), out.groups.end(),
                   [](const GpuGroup& a, const GpuGroup& b) { return a.rack < b.rack; });
  return out;
}

}  // namespace mw::models
