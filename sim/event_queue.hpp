#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "sim/event.hpp"
#include "sim/invariant.hpp"

namespace mw::sim {

/// Pending events in a 4-ary heap that knows where each event stands, so cancelling and
/// rescheduling cost O(log n) and leave no corpses behind.
///
/// What makes it fast: only keys move, and four siblings fill one cache line; slots, positions and
/// payloads lie in arrays of their own. And a handler nearly always schedules right after its event
/// was popped, so pop() leaves the root empty and the next schedule() starts from there: one way
/// down instead of one down and one up.
class IndexedHeap {
 public:
  Handle schedule(const Event& event) {
    const std::uint32_t slot = take_slot();
    payloads_[slot] = event.payload;
    if (hole_) {
      hole_ = false;
      sift_down(root, event.key, slot);
    } else {
      const std::size_t at = end_++;
      if (at >= keys_.size() * 4) keys_.emplace_back();
      if (at >= slots_.size()) slots_.resize(keys_.size() * 4);
      sift_up(at, event.key, slot);
    }
    return {slot, generations_[slot]};
  }

  [[nodiscard]] bool cancel(Handle h) {
    if (!scheduled(h)) return false;
    fill_hole();
    remove(positions_[h.slot]);
    release(h.slot);
    return true;
  }

  [[nodiscard]] bool reschedule(Handle h, EventKey to) {
    if (!scheduled(h)) return false;
    fill_hole();
    const std::size_t at = positions_[h.slot];
    if (to.before(key(at))) {
      sift_up(at, to, h.slot);
    } else {
      sift_down(at, to, h.slot);
    }
    return true;
  }

  bool scheduled(Handle h) const {
    return h.slot < generations_.size() && generations_[h.slot] == h.generation &&
           (h.generation & 1) != 0;
  }

  bool empty() const { return size() == 0; }
  std::size_t size() const { return end_ - root - (hole_ ? 1 : 0); }

  EventKey top() {
    fill_hole();
    MW_INVARIANT(end_ > root, "top of an empty event queue");
    return key(root);
  }

  Event pop() {
    fill_hole();
    MW_INVARIANT(end_ > root, "pop of an empty event queue");
    const std::uint32_t slot = slots_[root];
    const Event event{key(root), payloads_[slot]};
    release(slot);
    hole_ = true;
    return event;
  }

  template <Describes<IndexedHeap> Self>
  friend void describe(Self& self, auto&& visit) {
    visit("keys", self.keys_, About{.text = "Heap of keys, four to a line"});
    visit("slots", self.slots_, About{.text = "Slot of the event at each place of the heap"});
    visit("positions", self.positions_, About{.text = "Place in the heap of each slot's event"});
    visit("generations", self.generations_, About{.text = "Tenants so far; odd while occupied"});
    visit("payloads", self.payloads_, About{.text = "What happens, by slot"});
    visit("free", self.free_, About{.text = "Slots without a tenant"});
    visit("end", self.end_, About{.text = "One past the last place of the heap"});
    visit("hole", self.hole_, About{.text = "The root was popped and not yet filled"});
  }

 private:
  // Children of i are 4 (i - 2) ... 4 (i - 2) + 3, a whole line, if the root stands at 3.
  static constexpr std::size_t root = 3;
  static std::size_t first_child(std::size_t i) { return 4 * (i - 2); }
  static std::size_t parent(std::size_t i) { return i / 4 + 2; }

  struct alignas(64) Line {
    std::array<EventKey, 4> key;
    template <Describes<Line> Self>
    friend void describe(Self& self, auto&& visit) {
      visit("key", self.key, About{.text = "Four keys"});
    }
  };

  EventKey& key(std::size_t at) { return keys_[at / 4].key[at % 4]; }

  void put(std::size_t at, EventKey k, std::uint32_t slot) {
    key(at) = k;
    slots_[at] = slot;
    positions_[slot] = static_cast<std::uint32_t>(at);
  }

  void sift_up(std::size_t at, EventKey k, std::uint32_t slot) {
    while (at > root) {
      const std::size_t up = parent(at);
      if (!k.before(key(up))) break;
      put(at, key(up), slots_[up]);
      at = up;
    }
    put(at, k, slot);
  }

  std::size_t earliest_child(std::size_t first) const {
    const std::array<EventKey, 4>& k = keys_[first / 4].key;
    if (first + 4 <= end_) {  // no branches: which child is earliest cannot be predicted
      const std::size_t left = k[1].before(k[0]) ? 1u : 0u;
      const std::size_t right = k[3].before(k[2]) ? 3u : 2u;
      return first + (k[right].before(k[left]) ? right : left);
    }
    std::size_t best = 0;
    for (std::size_t i = 1; first + i < end_; ++i) {
      if (k[i].before(k[best])) best = i;
    }
    return first + best;
  }

  void sift_down(std::size_t at, EventKey k, std::uint32_t slot) {
    for (std::size_t first; (first = first_child(at)) < end_;) {
      const std::size_t down = earliest_child(first);
      if (!key(down).before(k)) break;
      put(at, key(down), slots_[down]);
      at = down;
    }
    put(at, k, slot);
  }

  /// Takes the event at `at` out of the heap; its slot is the caller's business.
  void remove(std::size_t at) {
    const std::size_t last = --end_;
    if (at == last) return;
    const EventKey k = key(last);
    const std::uint32_t slot = slots_[last];
    if (at > root && k.before(key(parent(at)))) {
      sift_up(at, k, slot);
    } else {
      sift_down(at, k, slot);
    }
  }

  void fill_hole() {
    if (!hole_) return;
    hole_ = false;
    remove(root);
  }

  std::uint32_t take_slot() {
    if (free_.empty()) {
      const auto slot = static_cast<std::uint32_t>(generations_.size());
      generations_.push_back(1);
      positions_.push_back(0);
      payloads_.emplace_back();
      return slot;
    }
    const std::uint32_t slot = free_.back();
    free_.pop_back();
    ++generations_[slot];
    return slot;
  }
  void release(std::uint32_t slot) {
    ++generations_[slot];
    free_.push_back(slot);
  }

  std::vector<Line> keys_{1};
  std::vector<std::uint32_t> slots_ = std::vector<std::uint32_t>(4);
  std::vector<std::uint32_t> positions_, generations_;  // by slot
  std::vector<Payload> payloads_;                       // by slot
  std::vector<std::uint32_t> free_;
  std::uint64_t end_ = root;
  bool hole_ = false;
};
static_assert(EventQueue<IndexedHeap>);

}  // namespace mw::sim
