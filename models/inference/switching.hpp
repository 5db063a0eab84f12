#pragma once
#include "models/inference/counts.hpp"
#include "models/inference/pod.hpp"

// Replicas that are switched off and on. A replica's set-point `outage` is read when its pod goes
// on, ahead of anything else at that moment:
//   - The iteration that runs is lost, with the energy it has drawn. Requests that ran lose their
//     KV cache and their blocks in the host's memory, which are of the same rack, and keep the
//     tokens that their users have: they begin anew with those as part of their prompts.
//   - All requests of the replica go back to the router in the order of its queue, those that ran
//     ahead of it in their order of admission, and are dispatched again as if they had just come:
//     one that ran is charged for its prompt and its tokens so far and joins the queue behind those
//     that ran before and ahead of those that never did; another joins its end. Where priorities
//     count, each goes to its place.
//   - Where no replica is on, requests wait at the front, and so do those that arrive: until one is
//     switched on, in the order in which they came there. Users of a closed loop wait for their
//     answers as ever.
//   - A replica that is off draws nothing and gets nothing. Switched on, it is empty.
// The set-point `draining`, read at the same moment, only keeps new requests away: those that the
// replica has, it works off. Where all others are off or drain too, new ones wait at the front.
namespace mw::models {

/// Whether some replica is to be switched, or its cause changes.
bool switching_due(const PodState& pod);

/// Whether a draining replica has nothing left to do.
bool is_drained(const PodState& pod, std::size_t replica);

/// Switches them at pod.now, when no run of the jump engine is under way.
void switch_replicas(PodState& pod, const PodParameters& parameters, PodCounts& counts);

}  // namespace mw::models
