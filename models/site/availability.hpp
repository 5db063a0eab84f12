#pragma once
#include <cstdint>
#include <vector>

#include "models/site/cohort.hpp"
#include "models/site/epoch.hpp"

// From the state of racks to replicas, and what a pod does without some of its own. A replica with
// GPUs in a rack that is off is off, whatever the others do: those stand by idle (they are
// stranded). Its clock ceiling is the lowest of its racks'. Racks whose power is replayed draw it.
namespace mw::models {

/// The highest clock level of the table at or below a ceiling; the lowest clock where none is.
std::int32_t ceiling_level(const StepTable& table, double clock_ceiling);

/// Lets the racks' state reach the engines, from epoch.start on, and notes in the epoch what is off
/// in it. Costs next to nothing while all racks are undisturbed.
void apply_rack_states(SiteState& state, const SiteParameters& site, SiteEpoch& epoch);

inline bool is_off(const SiteEpoch& epoch, std::int32_t rack) {
  return !epoch.rack_off.empty() && epoch.rack_off[static_cast<std::size_t>(rack)] != 0;
}
inline bool is_stranded(const SiteEpoch& epoch, const GpuGroup& g) {
  return g.use == GpuUse::serving && !epoch.replica_off.empty() &&
         epoch.replica_off[static_cast<std::size_t>(g.pod)][static_cast<std::size_t>(g.replica)] !=
             Outage::none;
}

/// Share of the replicas that are on, of the pods that follow the i-th simulated one and of itself.
double share_on(const SiteParameters& site, const SiteEpoch& epoch, std::int32_t i);

/// Of what a pod's likeness did in an epoch of `length`: what remains without the replicas that are
/// off. Energy is left out by replica, everything else by their share. `lost`: what came for them
/// is refused, its tokens lost to their outage; otherwise it did not come.
void leave_out_off(PodSeen& seen, const std::vector<Outage>& off, int bins, sim::Time length,
                   bool lost, PodPast& out);

}  // namespace mw::models
