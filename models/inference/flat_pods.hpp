#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "gpu/space.hpp"
#include "models/inference/pod.hpp"
#include "sim/time.hpp"

// Pods that advance on a device. Their requests stay there from epoch to epoch; up go requests that
// arrive and set-points, down come counts, energy by bin, histograms and trace hashes.
namespace mw::models {

/// Why a pod cannot advance in flat memory; empty if it can.
std::string flat_obstacle(const PodParameters& parameters);

struct FlatOptions {
  // Where `space` is ordinary memory: lanes of a tile (a power of two), and which goes first.
  int lanes = 32;
  bool backwards = false;
  std::int64_t room = INT64_MAX;  // for the pods, bytes; else what the space has
  bool required = true;           // a full space is an error: gpu::NoRoom
};

class FlatPods {
 public:
  /// Takes those of the pods that can advance in flat memory. Space and parameters stay where they
  /// are.
  FlatPods(gpu::Space& space, std::vector<const PodParameters*> parameters,
           FlatOptions options = {});
  ~FlatPods();

  bool takes(std::size_t pod) const;
  bool empty() const;  // takes none
  /// What a user should know: where the pods are, which stay on the host and why.
  std::string notice() const;
  /// In how many parts the pods go through the device: 1 where all fit at once.
  int parts() const;

  /// advance() for all pods it takes. `arrivals[i]` and `epochs[i]` belong to pod i; latencies are
  /// added to epochs[i].latencies. Of a pod's state only trace hashes come back; the rest is held
  /// here until fetch(). Where the space has no room for the epoch and need not have, they advance
  /// on the host, where they then are. Set-points are the caller's, and are read anew in each call.
  void advance(std::span<PodState> pods, std::span<const std::span<const Arrival>> arrivals,
               sim::Time until, std::span<PodEpoch> epochs);

  /// Why the pods came back to the host in the last call of advance(); else empty.
  const std::string& given_up() const;

  /// Brings the pods' whole state back to the host: for checkpoints, forks and the end.
  void fetch(std::span<PodState> pods);

 private:
  struct Inside;
  std::unique_ptr<Inside> inside_;
};

}  // namespace mw::models
