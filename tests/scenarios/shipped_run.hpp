#pragma once
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "models/site/epoch.hpp"
#include "models/site/summary.hpp"
#include "scenarios/build.hpp"
#include "sim/thread_pool.hpp"

namespace mw::scenarios::test {

/// The site of a scenario that ships with the program, with changes.
inline models::SiteParameters shipped_site(const std::string& name, std::vector<std::string> sets) {
  const std::string folder = MILLWRIGHT_SOURCE_DIR "/scenarios/";
  return build_site(read_document<Scenario>(folder + name, {std::move(sets)}, Catalog()), folder);
}

/// Such a site, run to its end.
struct ShippedRun {
  models::SiteParameters site;
  models::SiteState state;
  double highest_w = 0;  // sub-step

  ShippedRun(const std::string& name, std::vector<std::string> sets)
      : site(shipped_site(name, std::move(sets))) {
    state = models::initial_site(site);
    const auto names = [&] {
      std::vector<std::string> all;
      for (const auto& m : models::site_metrics(site, state)) all.push_back(m.name);
      return all;
    };
    const auto at_start = names();
    sim::ThreadPool pool(2);
    models::SiteEpoch epoch;
    while (state.now < site.duration) {
      models::step_epoch(state, site, pool, epoch);
      for (const double w : epoch.meter_bins) highest_w = std::max(highest_w, w);
    }
    CHECK(names() == at_start);  // run files lay figures out before the start
  }
  double figure(const char* name) const {
    return models::value_of(models::site_metrics(site, state), name);
  }
  double tokens(std::size_t service) const {
    return static_cast<double>(state.counts[service].output_tokens);
  }
  bool overloaded() const {
    return std::any_of(state.feeds.begin(), state.feeds.end(),
                       [](const auto& node) { return node.overloaded > 0; });
  }
};

}  // namespace mw::scenarios::test
