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

  /// Places after the end hold this key, so that a line of siblings is always complete.
  static constexpr EventKey nobody{never, ~0ull};

  struct alignas(64) Line {
    std::array<EventKey, 4> key{nobody, nobody, nobody, nobody};
    template <Describes<Line> Self>
    friend void describe(Self& self, auto&& visit) {
      visit("key", self.key, About{.text = "Four keys"});
    }
  };

  EventKey* flat_keys() { return keys_.data()->key.data(); }  // lines lie one behind the other
  EventKey& key(std::size_t at) { return flat_keys()[at]; }

  /// Which of four siblings comes first. Times alone decide unless two are equal. No branch depends
  /// on which is earlier: that cannot be predicted, and this is the innermost loop of everything.
  static std::size_t earliest(const EventKey* k) {
    const std::size_t b = k[1].t < k[0].t, d = k[3].t < k[2].t;
    const Time left = k[1].t < k[0].t ? k[1].t : k[0].t;
    const Time right = k[3].t < k[2].t ? k[3].t : k[2].t;
    if (k[0].t == k[1].t || k[2].t == k[3].t || left == right) [[unlikely]] {
      std::size_t best = 0;
      for (std::size_t i = 1; i < 4; ++i) {
        if (k[i].before(k[best])) best = i;
      }
      return best;
    }
    const std::size_t right_mask = -static_cast<std::size_t>(right < left);
    return b ^ ((b ^ (2 + d)) & right_mask);
  }

  void sift_up(std::size_t at, EventKey k, std::uint32_t slot) {
    EventKey* const keys = flat_keys();
    std::uint32_t* const slots = slots_.data();
    std::uint32_t* const positions = positions_.data();
    while (at > root) {
      const std::size_t up = parent(at);
      if (!k.before(keys[up])) break;
      keys[at] = keys[up];
      slots[at] = slots[up];
      positions[slots[at]] = static_cast<std::uint32_t>(at);
      at = up;
    }
    keys[at] = k;
    slots[at] = slot;
    positions[slot] = static_cast<std::uint32_t>(at);
  }

  void sift_down(std::size_t at, EventKey k, std::uint32_t slot) {
    EventKey* const keys = flat_keys();
    std::uint32_t* const slots = slots_.data();
    std::uint32_t* const positions = positions_.data();
    const std::size_t end = end_;
    for (std::size_t first; (first = first_child(at)) < end;) {
      const std::size_t down = first + earliest(keys + first);
      const EventKey child = keys[down];
      if (!child.before(k)) break;
      const std::uint32_t moved = slots[down];
      keys[at] = child;
      slots[at] = moved;
      positions[moved] = static_cast<std::uint32_t>(at);
      at = down;
    }
    keys[at] = k;
    slots[at] = slot;
    positions[slot] = static_cast<std::uint32_t>(at);
  }

  /// Takes the event at `at` out of the heap; its slot is the caller's business.
  void remove(std::size_t at) {
    const std::size_t last = --end_;
    const EventKey k = key(last);
    const std::uint32_t slot = slots_[last];
    key(last) = nobody;
    if (at == last) return;
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
