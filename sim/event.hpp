#pragma once
#include <cstdint>

#include "sim/describe.hpp"
#include "sim/host_device.hpp"
#include "sim/time.hpp"

namespace mw::sim {

/// Order of what happens in the same nanosecond: the world moves, work ends, work comes, control
/// acts on it, and the samplers see the outcome.
enum class Phase : std::uint8_t { physics, completion, arrival, control, sampling };
inline std::span<const char* const> enum_names(Phase) {
  static constexpr const char* names[] = {"physics", "completion", "arrival", "control",
                                          "sampling"};
  return names;
}

/// Place of an event in the total order (time, phase, partition, sequence). The last three share
/// one word, so that two keys compare in two steps. `partition` is the one that scheduled the event
/// and `sequence` its own count, so no two keys are equal and no thread can change the order.
struct EventKey {
  Time t = 0;
  std::uint64_t order = 0;

  static constexpr int sequence_bits = 40, partition_bits = 20;
  static constexpr std::uint64_t sequences = 1ull << sequence_bits;
  static constexpr std::uint32_t partitions = 1u << partition_bits;

  MW_HD static constexpr EventKey make(Time t, Phase phase, std::uint32_t partition,
                                       std::uint64_t sequence) {
    return {t, static_cast<std::uint64_t>(phase) << (sequence_bits + partition_bits) |
                   static_cast<std::uint64_t>(partition) << sequence_bits | sequence};
  }
  MW_HD constexpr Phase phase() const {
    return static_cast<Phase>(order >> (sequence_bits + partition_bits));
  }
  MW_HD constexpr std::uint32_t partition() const {
    return static_cast<std::uint32_t>(order >> sequence_bits) & (partitions - 1);
  }
  MW_HD constexpr std::uint64_t sequence() const { return order & (sequences - 1); }

  /// One comparison of 128 bits without a branch: heaps compare keys at random, and mispredicted
  /// branches would cost more than all else. Times are not negative.
  MW_HD constexpr bool before(const EventKey& o) const {
    return (static_cast<Wide>(static_cast<std::uint64_t>(t)) << 64 | order) <
           (static_cast<Wide>(static_cast<std::uint64_t>(o.t)) << 64 | o.order);
  }
  MW_HD constexpr bool operator==(const EventKey& o) const { return t == o.t && order == o.order; }

 private:
  __extension__ typedef unsigned __int128 Wide;
};
template <Describes<EventKey> Self>
void describe(Self& self, auto&& visit) {
  visit("t", self.t, About{.text = "Time"});
  visit("order", self.order, About{.text = "Phase, partition and sequence"});
}

/// What happens: which handler is called, for whom, with what. Plain data, so that a queue can be
/// written to a checkpoint.
struct Payload {
  std::uint32_t handler = 0;
  std::uint32_t entity = 0;
  std::uint64_t argument = 0;
};
template <Describes<Payload> Self>
void describe(Self& self, auto&& visit) {
  visit("handler", self.handler, About{.text = "Place in the dispatch table"});
  visit("entity", self.entity, About{.text = "Whom it concerns"});
  visit("argument", self.argument, About{.text = "Whatever the handler needs"});
}

struct Event {
  EventKey key;
  Payload payload;
};
static_assert(sizeof(Event) == 32);
template <Describes<Event> Self>
void describe(Self& self, auto&& visit) {
  visit("key", self.key, About{.text = "When"});
  visit("payload", self.payload, About{.text = "What"});
}

/// Names a scheduled event until it happens or is cancelled; afterwards it is stale, and a queue
/// says so instead of touching whatever took the slot.
struct Handle {
  std::uint32_t slot = UINT32_MAX;
  std::uint32_t generation = 0;
  bool operator==(const Handle&) const = default;
};
template <Describes<Handle> Self>
void describe(Self& self, auto&& visit) {
  visit("slot", self.slot, About{.text = "Slot in the queue"});
  visit("generation", self.generation, About{.text = "Which tenant of the slot"});
}

/// What the kernel asks of a pending-event set.
template <class Q>
concept EventQueue = requires(Q q, const Q& c, Event e, Handle h, EventKey k) {
  { q.schedule(e) } -> std::same_as<Handle>;
  { q.cancel(h) } -> std::same_as<bool>;         // false: stale handle, nothing done
  { q.reschedule(h, k) } -> std::same_as<bool>;  // false: stale handle, nothing done
  { c.scheduled(h) } -> std::same_as<bool>;
  { c.empty() } -> std::same_as<bool>;
  { c.size() } -> std::same_as<std::size_t>;
  { q.top() } -> std::same_as<EventKey>;  // of the first event; not when empty
  { q.pop() } -> std::same_as<Event>;     // not when empty
};

}  // namespace mw::sim
