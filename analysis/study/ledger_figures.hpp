#pragma once
#include <vector>

#include "models/site/summary.hpp"

namespace mw::analysis {

/// The two ledgers as figures, for tables of many runs: mean power at the meter by purpose (MW;
/// sums to `mean_power_mw`), energy of an output token by purpose (J; sums to `j_per_token`, so
/// without what batteries hold and generators gave; NaN without tokens), output tokens asked for a
/// second by what became of them (with their sum, `tokens_asked_per_s`; not where rates stand for
/// requests).
std::vector<models::Metric> ledger_figures(const models::SiteParameters& site,
                                           const models::SiteState& state);

}  // namespace mw::analysis
