#pragma once
#include "models/economics/costs.hpp"
#include "models/site/epoch.hpp"

// What of a site's meter and bill belongs to one service. Shares of all services add up to the
// whole: energy and money without an owner (free GPUs, network racks, the plant) are spread over
// the services as what they own is. Docs: docs/models/site.md.
namespace mw::models {

/// Adds the epoch's rack energy to the services whose GPUs it fed: within a rack, by the energy of
/// their GPUs. Cost: linear in the rows of the allocation.
void book_services(SiteState& state, const SiteParameters& site, const SiteEpoch& epoch);

/// Share of the energy at the meter since the start; NaN before anything ran.
double energy_share(const SiteState& state, std::size_t service);

/// The run stands for the year: its means for the energy, its peak for the demand.
YearOfSite year_of_site(const SiteParameters& site, const SiteState& state);

/// The part of that year which belongs to a service: racks by the GPUs it holds, energy, peak and
/// water by its energy.
YearOfSite year_of_service(const SiteParameters& site, const SiteState& state, std::size_t service);

}  // namespace mw::models
