#pragma once
#include "models/site/site.hpp"

// What events do to the plant.
namespace mw::models {

/// What is broken in an epoch that begins then. What stands by takes over after its time.
PlantFaults faults_at(const SiteParameters& site, sim::Time now);

/// Pumps and fans stand still for want of power.
void stop_all(const SiteParameters& site, PlantFaults& faults);

/// Events that name what is not there, or a plant that is not followed in time; `at` is
/// `events[i].key`.
void check_plant_events(const SiteParameters& site, sim::Problems& problems);

}  // namespace mw::models
