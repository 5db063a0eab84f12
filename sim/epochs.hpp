#pragma once
// Partitions run side by side from one epoch boundary to the next, then hand over their messages.
// Nothing is shared inside an epoch, and every event key carries the partition it comes from and
// that partition's count; so neither the number of threads nor their timing can change a result.
#include <cstddef>
#include <span>
#include <vector>

#include "sim/simulation.hpp"
#include "sim/thread_pool.hpp"

namespace mw::sim {

/// Hands the messages of all partitions over, in the order of (time, phase, source partition,
/// source sequence). Partition i has id i.
template <EventQueue Queue>
void deliver(std::span<Partition<Queue>> partitions) {
  for (Partition<Queue>& source : partitions) {
    for (const Message& message : source.outbox()) {
      MW_INVARIANT(message.to < partitions.size(), "a message to a partition that is not there");
      // The receiving queue sorts by that very order: it is the event's key.
      partitions[message.to].receive(message.event);
    }
    source.outbox().clear();
  }
}

/// One epoch: partition i runs over worlds[i] to `until`, on the pool's threads; then messages.
template <class World, EventQueue Queue>
void run_epoch(ThreadPool& pool, std::span<Partition<Queue>> partitions, std::span<World> worlds,
               std::span<const Handler<World, Partition<Queue>>> handlers, Time until) {
  pool.for_each(partitions.size(),
                [&](std::size_t i) { run_until(partitions[i], worlds[i], handlers, until); });
  deliver(partitions);
}

/// The hashes of all partitions as one, in partition order.
template <EventQueue Queue>
TraceHash combined_hash(std::span<const Partition<Queue>> partitions) {
  std::vector<TraceHash> hashes;
  for (const Partition<Queue>& p : partitions) hashes.push_back(p.hash());
  return combine(hashes);
}

}  // namespace mw::sim
