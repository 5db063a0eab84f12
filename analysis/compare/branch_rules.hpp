#pragma once
#include <string>
#include <string_view>

#include "models/site/site.hpp"

// What a run in its middle can be changed to.
namespace mw::analysis {

/// Whether the value at this path of a scenario may change in mid-run: those that the site's state
/// does not depend on.
bool may_branch(std::string_view path);

/// Why a state of `was` cannot go on as one of `will` at `now`; empty: it can.
std::string why_not(const models::SiteParameters& was, const models::SiteParameters& will,
                    sim::Time now);

/// A state of `was` as one of `will`: what a changed controller would have measured and remembered
/// starts afresh, limits in force stay until it moves them.
models::SiteState carried_over(const models::SiteState& state, const models::SiteParameters& will,
                               bool control_changes);

}  // namespace mw::analysis
