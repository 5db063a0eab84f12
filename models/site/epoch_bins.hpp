#pragma once
#include <algorithm>

#include "models/site/epoch.hpp"

// The sub-grid of an epoch.
namespace mw::models {

inline int bins_of(const SiteEpoch& epoch, const SiteParameters& site) {
  return static_cast<int>((epoch.end - epoch.start + site.sub_step - 1) / site.sub_step);
}

/// Seconds of a bin; the last may be shorter.
inline double bin_seconds(const SiteEpoch& epoch, const SiteParameters& site, int bin) {
  const sim::Time from = epoch.start + bin * site.sub_step;
  return sim::to_seconds(std::min(epoch.end, from + site.sub_step) - from);
}

}  // namespace mw::models
