#pragma once
#include <array>
#include <vector>

#include "models/site/site.hpp"
#include "sim/thread_pool.hpp"

// One step of the site's clock. Order inside it: work -> watts -> heat -> coolant -> electrical
// losses -> points published -> controller -> set-points.
namespace mw::models {

/// What one epoch was like; powers are means over it, in W. Buffers are kept between epochs.
struct SiteEpoch {
  sim::Time start = 0, end = 0;
  double seconds() const { return sim::to_seconds(end - start); }

  double meter = 0, it = 0, gpu = 0, compute = 0;
  double rack_loss = 0, electrical_loss = 0;
  double pumping = 0, heat_rejection = 0, lighting = 0;
  double room_heat = 0;                    // losses of the IT branch, into the air of their rooms
  double peak_meter = 0;                   // highest sub-step
  double capped_share = 0;                 // GPU power limits over rated power, all limited GPUs
  std::array<double, purposes> purpose{};  // W
  Weather weather{};
  CoolingPower cooling;
  double hottest_junction_c = -273.15;  // mean GPU of the hottest rack

  std::vector<double> rack_input, rack_gpu, rack_junction_c;  // by rack
  std::vector<double> meter_bins;                             // by sub-step
  std::vector<PodCounts> services;                            // this epoch, by service
  std::vector<Latencies> latencies;                           // this epoch, by service

  // Work space.
  std::vector<PodEpoch> pods;                   // the simulated ones
  std::vector<Generation> fronts;               // by service
  std::vector<PodSeen> seen;                    // by pod of the site
  std::vector<PodPast> cut;                     // by pod of the site: some that follow
  std::vector<double> gpu_bins;                 // [rack][bin], W
  std::vector<std::vector<Latencies>> counted;  // [thread][service], empty in between
};

/// Where the next epoch ends: the next multiple of the physics step, decision of the controller,
/// effect of a set-point, or the end, whichever comes first.
sim::Time next_boundary(const SiteState& state, const SiteParameters& site);

/// Moves the site to next_boundary(). Pods run on the pool's threads; their number changes nothing.
/// Cost: requests and iterations of the epoch, plus racks x sub-steps.
void step_epoch(SiteState& state, const SiteParameters& site, sim::ThreadPool& pool,
                SiteEpoch& epoch);

}  // namespace mw::models
