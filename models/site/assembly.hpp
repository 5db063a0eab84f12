#pragma once
#include <span>

#include "models/site/site.hpp"

// What follows from the parts of a site once they stand: sizes, set-points, points.
namespace mw::models {

/// What the racks together are designed for.
struct RackDesign {
  sim::Power it;  // at the racks' inputs
  CoolingDesign cooling;
};
RackDesign rack_design(std::span<const SiteRacks> racks);

/// The same racks as the electrical tree sees them.
std::vector<FedRacks> fed_racks(std::span<const SiteRacks> racks);

/// Sizes the plant and the electrical chain for the racks' design power, and sets the lights
/// (`lighting_share` of it). Racks, cooling, electrical chain and climate are there; check_sizing()
/// has nothing against them.
void size_plant(SiteParameters& site, const RackDesign& design, double lighting_share);

/// Divides the plant into loops and lets it be followed in time. Racks and sizes are there.
void follow_plant(SiteParameters& site);

}  // namespace mw::models
