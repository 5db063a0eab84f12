#pragma once
// A partition: one ordered event loop. Its state is a value (queue, counters, hash); its code is a
// dispatch table of plain functions over a world of the model's own.
//
//   enum Kind : std::uint32_t { arrive, depart };
//   constexpr Handler<Station> handlers[] = {on_arrive, on_depart};   // in the order of Kind
//   Partition<> p(0);
//   p.schedule(t, Phase::arrival, {arrive, customer, 0});
//   run_until(p, station, std::span(handlers), end);
#include <cstdint>
#include <span>
#include <vector>

#include "sim/describe.hpp"
#include "sim/event.hpp"
#include "sim/event_queue.hpp"
#include "sim/invariant.hpp"
#include "sim/time.hpp"
#include "sim/trace_hash.hpp"

namespace mw::sim {

/// An event for another partition; handed over at the end of the epoch.
struct Message {
  std::uint32_t to = 0;
  Event event;
};
template <Describes<Message> Self>
void describe(Self& self, auto&& visit) {
  visit("to", self.to, About{.text = "Partition that receives it"});
  visit("event", self.event, About{.text = "What it receives"});
}

template <EventQueue Queue = IndexedHeap>
class Partition {
 public:
  Partition() = default;
  explicit Partition(std::uint32_t id) : id_(id) {
    MW_INVARIANT(id < EventKey::partitions, "more partitions than an event key can number");
  }

  std::uint32_t id() const { return id_; }
  Time now() const { return now_; }
  std::uint64_t events() const { return events_; }  // handled so far
  const TraceHash& hash() const { return hash_; }
  bool empty() const { return queue_.empty(); }
  std::size_t pending() const { return queue_.size(); }

  Handle schedule(Time t, Phase phase, Payload payload) {
    return queue_.schedule({next_key(t, phase), payload});
  }
  /// False: the event has happened or was cancelled, and nothing is changed.
  [[nodiscard]] bool cancel(Handle h) { return queue_.cancel(h); }
  /// Moves an event, as if it were cancelled and scheduled anew; its handle stays good.
  [[nodiscard]] bool reschedule(Handle h, Time t, Phase phase) {
    return queue_.scheduled(h) && queue_.reschedule(h, next_key(t, phase));
  }
  bool scheduled(Handle h) const { return queue_.scheduled(h); }

  /// An event for another partition, at or after the end of this epoch: within an epoch partitions
  /// do not see each other.
  void send(std::uint32_t to, Time t, Phase phase, Payload payload) {
    MW_INVARIANT(t >= epoch_end_, "a message to another partition before the end of the epoch");
    outbox_.push_back({to, {next_key(t, phase), payload}});
  }

  /// Records a semantic transition (admitted, completed ...) at the present moment.
  void fold(std::uint32_t what, std::uint64_t entity, std::uint64_t detail) {
    hash_.fold(now_, what, entity, detail);
  }

  // For the loop below and for epochs.
  template <class Dispatch>
  void run(Time until, Dispatch&& dispatch) {
    epoch_end_ = until;
    while (!queue_.empty() && queue_.top().t < until) {
      const Event event = queue_.pop();
      now_ = event.key.t;
      ++events_;
      dispatch(event);
    }
    now_ = until;
  }
  void receive(const Event& event) {
    MW_INVARIANT(event.key.t >= now_, "a message from the past");
    queue_.schedule(event);
  }
  std::vector<Message>& outbox() { return outbox_; }

  template <Describes<Partition> Self>
  friend void describe(Self& self, auto&& visit) {
    visit("id", self.id_, About{.text = "Number of the partition"});
    visit("now", self.now_, About{.text = "Time of the last event, or the end of the last epoch"});
    visit("epoch_end", self.epoch_end_, About{.text = "End of the last epoch"});
    visit("sequence", self.sequence_, About{.text = "Events scheduled so far"});
    visit("events", self.events_, About{.text = "Events handled so far"});
    visit("hash", self.hash_, About{.text = "Fingerprint of the transitions so far"});
    visit("queue", self.queue_, About{.text = "Pending events"});
    visit("outbox", self.outbox_, About{.text = "Messages not yet handed over"});
  }

 private:
  EventKey next_key(Time t, Phase phase) {
    MW_INVARIANT(t >= now_, "an event scheduled in the past");
    MW_INVARIANT(sequence_ < EventKey::sequences, "more events than an event key can number");
    return EventKey::make(t, phase, id_, sequence_++);
  }

  std::uint32_t id_ = 0;
  Time now_ = 0, epoch_end_ = 0;
  std::uint64_t sequence_ = 0, events_ = 0;
  TraceHash hash_;
  Queue queue_;
  std::vector<Message> outbox_;
};

template <class World, class P = Partition<>>
using Handler = void (*)(World&, P&, const Event&);

/// Handles every event before `until` and leaves the clock there.
template <class World, EventQueue Queue>
void run_until(Partition<Queue>& partition, World& world,
               std::span<const Handler<World, Partition<Queue>>> handlers, Time until) {
  partition.run(until, [&](const Event& event) {
    MW_INVARIANT(event.payload.handler < handlers.size(), "an event without a handler");
    handlers[event.payload.handler](world, partition, event);
  });
}

}  // namespace mw::sim
