#pragma once
#include "models/inference/jump_replica.hpp"
#include "sim/host_device.hpp"
#include "sim/time.hpp"

// What happens to one replica, one event at a time: the same on the host, where a pod's loop asks
// for the first of all replicas, and on a device, where replicas go side by side between arrivals.
namespace mw::models {

// The order of pod.hpp in one number: four phases a nanosecond. A boundary within the nanosecond
// comes after the arrivals at its start, one at its start before them.
enum Phase : sim::Time { end_phase = 0, arrival_phase = 1, start_phase = 2 };
MW_HD constexpr sim::Time key_at(sim::Time t, Phase phase) {
  return 4 * t + phase;
}
MW_HD inline sim::Time key_of_end(sim::FineTime t) {
  return key_at(t.ns, t.ps == 0 ? end_phase : start_phase);
}

/// The replica's next event where a call of advance() begins, or sim::never. One that is idle has
/// work then only if it got it of a replica that was switched off.
template <class Replica>
MW_HD sim::Time first_moment(const Replica& replica, sim::Time now) {
  if (replica.busy) return key_of_end(replica.ends);
  return replica.jump.waits() ? key_at(now, start_phase) : sim::never;
}

/// The replica's event at `moment` happens; when its next one will, or sim::never.
template <class Engine>
MW_HD sim::Time happen(Engine& engine, typename Engine::Replica& replica, JumpLane& lane,
                       std::int32_t r, sim::Time moment) {
  sim::FineTime now{moment / 4, 0};
  if (replica.busy || lane.run.iterations > 0) {
    now = Engine::ends(replica, lane);
    engine.finish(replica, lane, r);
    if (now.ps == 0) return key_at(now.ns, start_phase);  // arrivals at this moment come first
  }
  return engine.start(replica, lane, r, now) ? key_of_end(Engine::ends(replica, lane)) : sim::never;
}

/// A request reaches the replica; when its next event will now be, or sim::never if that stays.
template <class Engine>
MW_HD sim::Time next_after_arrival(Engine& engine, typename Engine::Replica& replica,
                                   JumpLane& lane, const Arrival& a, std::int32_t charge,
                                   std::int32_t priority) {
  const bool idle = !replica.busy && lane.run.iterations == 0;
  const bool earlier = engine.arrive(replica, lane, a, charge, priority);
  if (idle) return key_at(a.t, start_phase);
  return earlier ? key_of_end(lane.run.ends) : sim::never;
}

}  // namespace mw::models
