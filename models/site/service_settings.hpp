#pragma once
#include "models/site/power_groups.hpp"

// What controllers set for whole services: how large their batches are, and which power profile
// their GPUs have. Three set-points each; what they say reaches all replicas at a boundary.
namespace mw::models {

/// Set-points and points. Services, pods and limits are there, and site.batch and site.profiles.
void wire_settings(SiteParameters& site);
void start_settings(SiteState& state, const SiteParameters& site);

/// Why wire_settings() cannot do with these parameters, in words; empty: it can.
std::string batch_refusal(const SiteParameters& site);
std::string profile_refusal(const SiteParameters& site);

/// The epoch's readings of services.
void publish_settings(SiteState& state, const SiteParameters& site, const SiteEpoch& epoch);

/// The turn of the batch controller, if it is due.
void set_batches(SiteState& state, const SiteParameters& site);
/// That of the profiles, after the power policy's with what it has read.
void set_profiles(SiteState& state, const SiteParameters& site, const PowerView& seen);

/// Set-points that act by now reach the replicas. True: power limits are to be applied anew.
bool turn_settings(SiteState& state, const SiteParameters& site);
sim::Time next_setting(const SiteState& state);

/// The highest power of a GPU that the profile of its service allows, W; infinite: any.
double profile_limit_w(const SiteState& state, const SiteParameters& site, std::int32_t service,
                       double rated_w);

}  // namespace mw::models
