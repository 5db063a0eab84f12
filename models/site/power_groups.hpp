#pragma once
#include "models/site/site.hpp"

// The site as a power controller knows it: set-points of resource groups, the points that tell what
// they draw and how their services do, and a policy's turn on both.
namespace mw::models {

struct SiteEpoch;

/// Set-points for all GPUs whose power is not replayed, one a rack or one a row of the allocation,
/// with the limits in force at the start, and the points that the controller reads. Racks,
/// services, placement, cohort, envelope, control parameters and sizes are there.
///
/// A policy of wants also knows the electrical tree: its nodes are power domains inside each other.
/// In a cohort with `groups: replica`, a simulated replica stands for those that follow it: one
/// set-point, whose GPUs are all theirs.
void wire_control(SiteParameters& site);

/// Limit at the meter at a moment: the envelope, or less while an event says so.
double envelope_at(const SiteParameters& site, sim::Time now);

/// What wire_control() cannot do with these parameters, in words; empty: it can.
std::string control_refusal(const SiteParameters& site);

/// The epoch's readings of groups and services, if the policy asks for them.
void publish_groups(SiteState& state, const SiteParameters& site, const SiteEpoch& epoch, int bins);

/// The worse of both latencies, at their 95th percentile, over what is promised; 0: nothing told.
double lateness_of(const Latencies& seen, const Slo& slo);

/// Mean power of the GPUs behind a set-point in the epoch, W.
double group_draw_w(const SiteState& state, const SiteParameters& site, const SiteEpoch& epoch,
                    std::size_t group);

/// What a controller reads at a decision.
struct PowerView {
  PowerReadings meter;
  std::vector<double> budgets_w;       // by domain
  std::vector<DomainReading> domains;  // by domain
  std::vector<GroupReading> groups;    // by set-point
  std::vector<ServiceReading> services;
};
PowerView read_power(const SiteState& state, const SiteParameters& site);

/// What the limits just asked for offer, and the most that the same watts could (oracle.hpp), into
/// the totals. A group at its limit could use the most, any other what it draws.
void judge(SiteState& state, const SiteParameters& site, const PowerView& seen);

}  // namespace mw::models
