#pragma once
#include <queue>
#include <vector>

#include "sim/event.hpp"
#include "sim/invariant.hpp"

namespace mw::sim {

/// The obvious pending-event set, kept as the oracle that IndexedHeap is tested against: the
/// standard priority queue, where cancelled events stay until they surface.
class OracleQueue {
 public:
  Handle schedule(const Event& event) {
    const Handle h{static_cast<std::uint32_t>(entries_.size()), 1};
    entries_.push_back({event.key, event.payload, true});
    queue_.push({event.key, h.slot});
    ++live_;
    return h;
  }
  [[nodiscard]] bool cancel(Handle h) {
    if (!scheduled(h)) return false;
    entries_[h.slot].live = false;
    --live_;
    return true;
  }
  [[nodiscard]] bool reschedule(Handle h, EventKey to) {
    if (!scheduled(h)) return false;
    entries_[h.slot].key = to;
    queue_.push({to, h.slot});
    return true;
  }
  bool scheduled(Handle h) const { return h.slot < entries_.size() && entries_[h.slot].live; }
  bool empty() const { return live_ == 0; }
  std::size_t size() const { return live_; }
  EventKey top() {
    drop_dead();
    MW_INVARIANT(!queue_.empty(), "top of an empty event queue");
    return queue_.top().key;
  }
  Event pop() {
    drop_dead();
    MW_INVARIANT(!queue_.empty(), "pop of an empty event queue");
    Entry& entry = entries_[queue_.top().slot];
    queue_.pop();
    entry.live = false;
    --live_;
    return {entry.key, entry.payload};
  }

 private:
  struct Entry {
    EventKey key;
    Payload payload;
    bool live;
  };
  struct Queued {
    EventKey key;
    std::uint32_t slot;
    bool operator<(const Queued& o) const { return o.key.before(key); }
  };
  void drop_dead() {
    while (!queue_.empty()) {
      const Queued& first = queue_.top();
      const Entry& entry = entries_[first.slot];
      if (entry.live && entry.key == first.key) return;
      queue_.pop();
    }
  }

  std::priority_queue<Queued> queue_;
  std::vector<Entry> entries_;  // one for every event ever scheduled: slots are never used twice
  std::size_t live_ = 0;
};
static_assert(EventQueue<OracleQueue>);

}  // namespace mw::sim
