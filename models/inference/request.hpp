#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "models/inference/outage.hpp"
#include "models/inference/priority.hpp"
#include "sim/describe.hpp"
#include "sim/time.hpp"

namespace mw::models {

/// A request as it reaches a pod's router. Both lengths are at least 1.
struct Arrival {
  sim::Time t = 0;
  std::uint64_t id = 0;
  std::int32_t prompt_tokens = 1, output_tokens = 1;
};

/// A request inside a replica. Its tokens are `prompt + emitted`; `computed` of them have their
/// keys and values in the cache. While it decodes exactly one token, the last, is not computed yet.
struct Request {
  std::uint64_t id = 0;
  sim::Time arrival = 0;
  sim::FineTime admitted{};    // start of the iteration that first ran it
  sim::FineTime first{};       // end of the iteration that gave its first token
  sim::FineTime last_token{};  // end of the iteration that gave its newest token
  std::int32_t prompt = 1, output = 1;
  std::int32_t emitted = 0;
  std::int32_t computed = 0;
  std::int32_t computed_once = 0;  // the most that `computed` ever was: below it, work is redone
  std::int32_t chunk = 0;          // tokens in the iteration that now runs
  std::int32_t blocks = 0;         // KV blocks held
  std::int32_t preemptions = 0;    // times it was sent back to a queue after it had run
  std::int32_t charge = 0;         // what its router charged the replica for it
  std::int64_t marks = 0;          // see Marks
  bool prefilling = true;
  std::int32_t priority = 0;
  std::int32_t host_blocks = 0;  // swapped out: KV blocks in the host's memory
};
inline Urgency urgency(const Request& r) {
  return {r.priority, r.arrival, r.id};
}

template <sim::Describes<Request> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("id", self.id, About{.text = "Number of the request in its service"});
  visit("arrival", self.arrival, About{.text = "Arrival at the router, ns"});
  visit("admitted", self.admitted, About{.text = "Start of its first iteration"});
  visit("first", self.first, About{.text = "Moment of its first token"});
  visit("last_token", self.last_token, About{.text = "Moment of its newest token"});
  visit("prompt", self.prompt, About{.text = "Prompt tokens", .min = 1});
  visit("output", self.output, About{.text = "Output tokens in the end", .min = 1});
  visit("emitted", self.emitted, About{.text = "Output tokens so far", .min = 0});
  visit("computed", self.computed, About{.text = "Tokens in the KV cache", .min = 0});
  visit("computed_once", self.computed_once, About{.text = "Most tokens it had in the cache"});
  visit("chunk", self.chunk, About{.text = "Tokens in the running iteration", .min = 0});
  visit("blocks", self.blocks, About{.text = "KV blocks held", .min = 0});
  visit("preemptions", self.preemptions, About{.text = "Times it was sent back", .min = 0});
  visit("charge", self.charge, About{.text = "Tokens its router charged the replica", .min = 0});
  visit("marks", self.marks,
        About{.text = "Slow iterations of the replica before it was admitted, and outages"});
  visit("prefilling", self.prefilling, About{.text = "Its prompt is not in the cache yet"});
  visit("priority", self.priority, About{.text = "How urgent it is: smaller numbers first"});
  visit("host_blocks", self.host_blocks,
        About{.text = "Swapped out: KV blocks in the host's memory", .min = 0});
}

/// First in, first out, except that a preempted request returns to the front; or by urgency.
struct RequestQueue {
  std::vector<Request> items;
  std::size_t head = 0;  // items before it are gone

  bool empty() const { return head == items.size(); }
  std::size_t size() const { return items.size() - head; }
  const Request& front() const { return items[head]; }
  void push_back(const Request& r) { items.push_back(r); }
  void push_front(const Request& r) {
    if (head > 0) {
      items[--head] = r;
    } else {
      items.insert(items.begin(), r);
    }
  }
  void insert_by_urgency(const Request& r) {
    const auto first = items.begin() + static_cast<std::ptrdiff_t>(head);
    items.insert(std::upper_bound(
                     first, items.end(), r,
                     [](const Request& a, const Request& b) { return urgency(a) < urgency(b); }),
                 r);
  }
  /// Behind those that ran before, ahead of those that never did.
  void insert_returned(const Request& r) {
    const auto first = items.begin() + static_cast<std::ptrdiff_t>(head);
    items.insert(std::find_if(first, items.end(),
                              [](const Request& other) { return other.preemptions == 0; }),
                 r);
  }
  void pop_front() {
    ++head;
    // Give the space back when half of it is unused: amortised constant time.
    if (head >= 64 && 2 * head >= items.size()) {
      items.erase(items.begin(), items.begin() + static_cast<std::ptrdiff_t>(head));
      head = 0;
    }
  }
};

template <sim::Describes<RequestQueue> Self>
void describe(Self& self, auto&& visit) {
  visit("items", self.items, sim::About{.text = "Requests, those before `head` already gone"});
  visit("head", self.head, sim::About{.text = "Index of the first that waits", .min = 0});
}

}  // namespace mw::models
