#pragma once
#include <limits>
#include <string>
#include <vector>

#include "models/site/site.hpp"

namespace mw::models {

/// One headline figure: name as in files and JSON, value in `unit`, and what it means. NaN where it
/// has no meaning (tokens per joule of a run without tokens).
struct Metric {
  std::string name;
  double value;
  std::string unit;
  std::string meaning;
  // Half of the 95 % interval that follows from simulating only some pods; NaN where all are, or
  // where none can be told.
  double half_width = std::numeric_limits<double>::quiet_NaN();
};

/// In a cohort figures come with intervals (intervals.hpp); extremes, such as the peak, have none.
///
/// The site's headline figures from the start until now; definitions in docs/metrics.md. Which
/// there are follows from the parameters alone, since a run file lays them out before the start;
/// one that cannot be told is NaN.
std::vector<Metric> site_metrics(const SiteParameters& site, const SiteState& state);

/// The figures of one service, latencies included.
std::vector<Metric> service_metrics(const SiteParameters& site, const SiteState& state,
                                    std::size_t service);

/// Latencies of the service's requests since the start; in a cohort those of the simulated pods,
/// each as often as pods follow it.
Latencies service_latencies(const SiteParameters& site, const SiteState& state,
                            std::size_t service);

/// Output tokens that users asked for, by what became of them; sums to what was asked for.
std::array<std::int64_t, token_outcomes> token_ledger(const SiteState& state);

/// Value of the metric of this name; it must exist.
double value_of(const std::vector<Metric>& metrics, const std::string& name);

}  // namespace mw::models
