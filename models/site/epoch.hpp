#pragma once
#include <array>
#include <memory>
#include <string>
#include <vector>

#include "gpu/space.hpp"
#include "models/inference/flat_pods.hpp"
#include "models/site/site.hpp"
#include "sim/io/lockstep.hpp"
#include "sim/thread_pool.hpp"

// One step of the site's clock. Order inside it: work -> watts -> heat -> coolant -> electrical
// losses -> points published -> controller -> set-points.
namespace mw::models {

/// Something that happened by itself, for the run file's list of events.
struct SiteNote {
  sim::Time at = 0;
  std::string kind, object, detail;
};

/// What one epoch was like; powers are means over it, in W. Buffers are kept between epochs.
struct SiteEpoch {
  sim::Time start = 0, end = 0;
  double seconds() const { return sim::to_seconds(end - start); }

  double meter = 0, it = 0, gpu = 0, compute = 0;
  double rack_loss = 0, electrical_loss = 0;
  double pumping = 0, heat_rejection = 0, lighting = 0;
  double stored = 0;                       // growth of what batteries hold
  double generated = 0;                    // by the site's own generators
  double room_heat = 0;                    // losses of the IT branch, into the air of their rooms
  double peak_meter = 0;                   // highest sub-step
  double capped_share = 0;                 // GPU power limits over rated power, all limited GPUs
  std::array<double, purposes> purpose{};  // W
  Weather weather{};
  CoolingPower cooling;
  double hottest_junction_c = -273.15;  // mean GPU of the hottest rack, at its hottest

  std::vector<double> rack_input, rack_gpu, rack_liquid, rack_junction_c;  // by rack
  std::vector<double> meter_bins;                                          // by sub-step
  std::vector<PodCounts> services;                                         // this epoch, by service
  std::vector<Latencies> latencies;                                        // this epoch, by service

  // Empty where all are on.
  std::vector<std::uint8_t> rack_off;            // by rack
  std::vector<std::vector<Outage>> replica_off;  // by pod of the site and replica

  // Work space.
  PlantWork plant;
  std::vector<PodEpoch> pods;      // the simulated ones
  std::vector<Generation> fronts;  // by service
  std::vector<KnownFlow> flows;    // by pod that flows
  std::vector<PodSeen> seen;       // by pod of the site
  std::vector<PodPast> cut;        // by pod of the site: some that follow
  std::vector<double> rack_bins;   // [rack][bin], W at the inputs
  std::vector<SiteNote> notes;     // of this epoch and its end
  Feeding feeding;                 // who feeds whom in the electrical tree
  DistributionFlow flow;
  std::vector<double> gpu_bins;                 // [rack][bin], W
  std::vector<double> measured;                 // [bin][series], W
  std::vector<std::vector<Latencies>> counted;  // [thread][service], empty in between

  std::unique_ptr<sim::LockstepProcess> controller;  // outside, of the policy `exec`

  // Where pods advance if not on the processor's threads (see use_device).
  std::unique_ptr<gpu::Space> space;
  std::unique_ptr<FlatPods> device;
  std::string notice;  // what a user should know of it, since it was last read
};

/// Where the next epoch ends: the next multiple of the physics step, decision of the controller,
/// effect of a set-point, begin or end of an event, or the end, whichever comes first.
sim::Time next_boundary(const SiteState& state, const SiteParameters& site);

/// Moves the site to next_boundary(). Pods run on the pool's threads; their number changes nothing.
/// Cost: requests and iterations of the epoch, plus racks x sub-steps.
void step_epoch(SiteState& state, const SiteParameters& site, sim::ThreadPool& pool,
                SiteEpoch& epoch);

/// From now on the pods that can advance on a device do so in `space`; what a user should know of
/// it. Results are the same to the last bit. Their requests are then not in the SiteState until
/// fetch_pods(): call that before the state is saved, copied or stepped with another SiteEpoch.
/// Without a pod that can, there is no device afterwards. One that has no room left for an epoch is
/// given up, with a word in `notice`, unless it is `required`: then gpu::NoRoom leaves
/// step_epoch().
std::string use_device(SiteEpoch& epoch, const SiteParameters& site,
                       std::unique_ptr<gpu::Space> space, bool required = false);
void fetch_pods(SiteState& state, SiteEpoch& epoch);

}  // namespace mw::models
