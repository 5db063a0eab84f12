#pragma once
#include <optional>
#include <vector>

#include "models/site/site.hpp"
#include "sim/io/hdf5.hpp"

namespace mw::analysis {

/// The group /electrical of a run's file: what each node of the tree may carry, carried and lost.
class ElectricalGroup {
 public:
  ElectricalGroup(const sim::h5::Group& root, const models::SiteParameters& site);
  void write(const models::SiteParameters& site, const models::SiteState& state);

 private:
  std::optional<sim::h5::Dataset> peak_, mean_, lost_, stranded_, overloaded_, opened_;
};

}  // namespace mw::analysis
