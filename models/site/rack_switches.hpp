#pragma once
#include "models/site/epoch.hpp"

// Racks that controllers switch off and on. Two set-points lie on each: `shed`, for want of power,
// acts at once, and its requests are thrown back; `parked`, for placement, lets the replicas of the
// rack drain and then switches it off. A rack that neither holds down starts: it draws what it
// draws idle, and works when its start is over. One that was only draining works on.
namespace mw::models {

/// Racks that may be switched, if the site is no cohort, and what a policy of wants knows of them.
void wire_switches(SiteParameters& site);

/// The switches as the design leaves them, and the steering that left them so.
void start_switches(SiteState& state, const SiteParameters& site);

/// Asks for what the power policy has decided.
void ask_switches(SiteState& state, const SiteParameters& site);

/// Set-points that act by now reach racks, replicas and fronts.
void turn_switches(SiteState& state, const SiteParameters& site, SiteEpoch& epoch);

/// When they change by themselves.
sim::Time next_switch(const SiteState& state);

/// By switched rack: 1 where it is out of service and draws nothing.
std::vector<std::uint8_t> racks_out(const SiteState& state, const SiteParameters& site);

}  // namespace mw::models
