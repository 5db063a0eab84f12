#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "sim/describe.hpp"

namespace mw::models {

enum class GpuUse { free, serving, training };
inline std::span<const char* const> enum_names(GpuUse) {
  static constexpr const char* names[] = {"free", "serving", "training"};
  return names;
}

/// One row of the allocation: GPUs of one rack that work together. Whoever wants the power of a
/// rack, or the racks of a service, sums over rows; whoever places, moves or fails work edits them.
struct GpuGroup {
  std::int32_t rack = 0;  // index of the rack among all racks of the site
  std::int32_t gpus = 0;  // GPUs of this rack in the group
  GpuUse use = GpuUse::free;
  std::int32_t service = -1;  // index of the tenant (service or job), -1 where free
  std::int32_t pod = -1;      // index among all pods of the site
  std::int32_t replica = -1;  // index within the pod; of a job the kind of rack
  std::int32_t part = 0;      // a replica over several racks has one row a rack: 0, 1, ...
  std::int32_t parts = 1;
  std::int32_t generation = 0;  // counts the edits of this row
};

template <sim::Describes<GpuGroup> Self>
void describe(Self& self, auto&& visit) {
  visit("rack", self.rack, sim::About{.text = "Rack index"});
  visit("gpus", self.gpus, sim::About{.text = "GPUs of the rack in this group"});
  visit("use", self.use, sim::About{.text = "What the group does"});
  visit("service", self.service, sim::About{.text = "Service or job index, -1 where free"});
  visit("pod", self.pod, sim::About{.text = "Pod index, -1 where free"});
  visit("replica", self.replica, sim::About{.text = "Replica within the pod, -1 where free"});
  visit("part", self.part, sim::About{.text = "Which rack's part of the replica this is"});
  visit("parts", self.parts, sim::About{.text = "Over how many racks the replica lies"});
  visit("generation", self.generation, sim::About{.text = "Edits of this row so far"});
}

/// What a service asks of the racks.
struct ReplicaDemand {
  std::int32_t service = 0;
  std::int32_t gpus = 0;      // of one replica
  std::int32_t replicas = 0;  // how many; `fill` takes what is left
  bool fill = false;
  std::int32_t replicas_per_pod = 64;
  std::vector<bool> rack_allowed{};  // by rack: of the GPU kind that the service was built for
};

/// Why a demand is not met, in words for the scenario's author.
struct PlacementRefusal {
  std::int32_t service = 0;
  std::string problem, advice;
};

struct Placement {
  std::vector<GpuGroup> groups;                // ordered by rack
  std::vector<std::int32_t> replicas_per_pod;  // by pod
  std::vector<std::int32_t> service_of_pod;
  std::vector<PlacementRefusal> refused;  // demands that the racks cannot meet
};

/// Places whole replicas, rack by rack in order, services with a fixed count first, then those that
/// fill, in turn. A replica lies in one rack where it fits in one; a larger one takes whole racks
/// that follow each other. Cost: linear in racks and replicas.
Placement place(std::span<const std::int32_t> rack_gpus, std::span<const ReplicaDemand> demands);

}  // namespace mw::models
