#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "models/site/summary.hpp"

namespace mw::models {

/// Figures of a world: `without` is -1, or the simulated pod that it does without.
using MetricsOf = std::function<std::vector<Metric>(const SiteState& world, std::int32_t without)>;

/// The figures, each with half of its 95 % interval where sampling pods made it uncertain: what a
/// run of every request of this very site would say lies within as often as that.
///
/// Stratified jackknife (Efron and Stein, Ann. Statist. 9 (1981) 586; Cochran, Sampling Techniques,
/// 3rd ed. 1977, 5A): every figure is computed anew without each of the n simulated pods of a
/// stratum of N, the others of the stratum standing for it;
///
///   variance = sum over strata (1 - n/N) (n - 1)/n sum over its pods (figure without - mean)^2
///
/// where 1 - n/N is the correction for a finite population, and the half-width is the quantile of
/// Student's t with Satterthwaite's degrees of freedom, of each stratum as many as of n pods that
/// all stand for as many others (Kish, Survey Sampling, 1965, 11.7: n = (sum w)^2 / sum w^2). A pod
/// counts with all that follow it, so what their lags do is in it. Energy at the meter is taken to
/// follow the GPUs' in proportion, which is careful: a part of it does not follow at all.
std::vector<Metric> with_intervals(const SiteParameters& site, const SiteState& state,
                                   const MetricsOf& metrics_of);

}  // namespace mw::models
