#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "models/inference/outage.hpp"
#include "models/inference/request.hpp"
#include "sim/describe.hpp"
#include "sim/host_device.hpp"
#include "sim/time.hpp"

// What the jump engine keeps of a replica: sums over the decoding requests, which is all that an
// iteration of them depends on, and one record per request that is touched when the request joins,
// leaves or is sent back, and at no token in between.
namespace mw::models {

/// A request that has not run yet.
struct JumpArrival {
  std::uint64_t id = 0;
  sim::Time arrival = 0;
  std::int32_t prompt = 1, output = 1;
  std::int32_t charge = 0;
  std::int16_t priority = 0;
  Outage outage = Outage::none;  // that threw it back to its router
};
MW_HD inline Urgency urgency(const JumpArrival& r) {
  return {r.priority, r.arrival, r.id};
}
template <sim::Describes<JumpArrival> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("id", self.id, About{.text = "Number of the request in its service"});
  visit("arrival", self.arrival, About{.text = "Arrival at the router, ns"});
  visit("prompt", self.prompt, About{.text = "Prompt tokens", .min = 1});
  visit("output", self.output, About{.text = "Output tokens in the end", .min = 1});
  visit("charge", self.charge, About{.text = "Tokens its router charged the replica", .min = 0});
  visit("priority", self.priority, About{.text = "How urgent it is: smaller numbers first"});
  visit("outage", self.outage, About{.text = "What threw it back to its router"});
}

/// Whether a request was swapped out, while its prompt was computed or later.
enum class Resumes : std::uint8_t { no, prefilling, decoding };
inline std::span<const char* const> enum_names(Resumes) {
  static constexpr const char* names[] = {"no", "prefilling", "decoding"};
  return names;
}

/// A request that runs, or that ran and was sent back. Moments are picoseconds after its arrival.
struct JumpRequest {
  std::uint64_t id = 0;
  sim::Time arrival = 0;
  std::int64_t first_ps = 0;  // first token, once there is one
  std::int64_t last_key = 0;  // decoding: the iteration that gives its last token
  std::int64_t marks = 0;     // see Marks
  std::int32_t prompt = 1, output = 1;
  std::int32_t charge = 0;
  std::int32_t preemptions = 0;
  // Up to here: what its completion reads.
  std::int64_t admitted_ps = 0;          // start of the iteration that first ran it
  std::int64_t last_ps = 0;              // token with which it joined; sent back: its newest
  std::uint32_t order = 0;               // number of its admission
  std::int32_t emitted = 0;              // output tokens when it last joined the decoding ones
  std::int32_t computed = 0;             // prefilling or swapped out: tokens in the KV cache
  std::int32_t computed_once = 0;        // prefilling: the most that `computed` ever was
  std::uint16_t phase = 0;               // decoding: takes a block in iterations of this remainder
  std::uint16_t older = 0, younger = 0;  // its neighbours in order of admission
  std::int8_t priority = 0;
  Resumes resumes = Resumes::no;  // as what it goes on, or does in the iteration that runs
};
MW_HD inline Urgency urgency(const JumpRequest& r) {
  return {r.priority, r.arrival, r.id};
}
/// All its tokens so far: those of a prompt, and those emitted before it joined the decoding ones.
MW_HD inline std::int32_t tokens_to_prefill(const JumpRequest& r) {
  return r.prompt + r.emitted;
}
template <sim::Describes<JumpRequest> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("id", self.id, About{.text = "Number of the request in its service"});
  visit("arrival", self.arrival, About{.text = "Arrival at the router, ns"});
  visit("first_ps", self.first_ps, About{.text = "First token, ps after the arrival"});
  visit("last_key", self.last_key, About{.text = "Iteration of its last token; -1: not decoding"});
  visit("marks", self.marks,
        About{.text = "Slow iterations of the replica before it was admitted, and outages"});
  visit("prompt", self.prompt, About{.text = "Prompt tokens", .min = 1});
  visit("output", self.output, About{.text = "Output tokens in the end", .min = 1});
  visit("charge", self.charge, About{.text = "Tokens its router charged the replica", .min = 0});
  visit("preemptions", self.preemptions, About{.text = "Times it was sent back", .min = 0});
  visit("admitted_ps", self.admitted_ps, About{.text = "Its first start, ps after the arrival"});
  visit("last_ps", self.last_ps,
        About{.text = "Token with which it joined; sent back: the newest; ps after the arrival"});
  visit("order", self.order, About{.text = "Number of its admission, modulo 2^32"});
  visit("emitted", self.emitted, About{.text = "Output tokens when it joined", .min = 0});
  visit("computed", self.computed, About{.text = "Prefilling: tokens in the KV cache", .min = 0});
  visit("computed_once", self.computed_once, About{.text = "Most tokens it had in the cache"});
  visit("phase", self.phase, About{.text = "Remainder of the iterations that take a block"});
  visit("older", self.older, About{.text = "Slot of the request admitted before it"});
  visit("younger", self.younger, About{.text = "Slot of the request admitted after it"});
  visit("priority", self.priority, About{.text = "How urgent it is: smaller numbers first"});
  visit("resumes", self.resumes, About{.text = "As what it goes on after it was swapped out"});
}

/// Decoding requests whose newest token came at one moment, before the iteration that runs: there
/// were iterations of prompts alone in between.
struct JumpStalled {
  sim::FineTime since{};
  std::int64_t requests = 0;
};
template <sim::Describes<JumpStalled> Self>
void describe(Self& self, auto&& visit) {
  visit("since", self.since, sim::About{.text = "Their newest token"});
  visit("requests", self.requests, sim::About{.text = "How many", .min = 0});
}

/// The sums, and who stands where: the same on the host and on a device.
struct JumpSums {
  static constexpr std::uint16_t none = 0xffff;

  std::uint16_t oldest = none, youngest = none;  // slots, in order of admission
  std::uint32_t admissions = 0;                  // since the start, modulo 2^32

  // Those that decode. Iterations are numbered; `iteration` is the one that runs or comes next.
  std::int64_t iteration = 0;
  std::int32_t decodes = 0;
  std::int64_t kv_tokens = 0;  // context of that iteration, all of them together

  // Of those that prefill at most one has a prompt that goes beyond the iteration that runs.
  std::uint16_t partial = none;
  std::int32_t partial_chunk = 0;  // its tokens in the iteration that runs

  bool prompts_alone = false;  // the iteration that runs has no decodes: they wait for it
};

struct JumpState : JumpSums {
  // Those that wait: first the ones sent back, the newest of them first, then the others as they
  // came, from `head` on. By priority: the ones sent back in order, the first of them last, and a
  // heap of the others.
  std::vector<JumpRequest> sent_back;
  std::vector<JumpArrival> arrived;
  std::uint64_t head = 0;

  std::vector<JumpRequest> slots;
  std::vector<std::uint16_t> free_slots;
  std::vector<std::uint16_t> block_takers;  // by remainder of the iteration that takes a block
  std::vector<std::uint64_t> last_keys;     // 4-heap of last_key and slot; may hold outdated ones
  // Those whose prompt ends in the iteration that runs or who decode again in it after they were
  // swapped out.
  std::vector<std::uint16_t> finishing;

  std::vector<JumpStalled> stalled;  // decode, but wait for prompts alone; oldest first

  // Those that have not run yet, in order of arrival.
  void add_arrived(const JumpArrival& a) { arrived.push_back(a); }
  const JumpArrival& first_arrived() const { return arrived[head]; }
  void drop_first_arrived() {
    // Give the space back when half of it is unused: amortised constant time.
    if (++head == arrived.size()) {
      arrived.clear();
      head = 0;
    } else if (head >= 64 && 2 * head >= arrived.size()) {
      arrived.erase(arrived.begin(), arrived.begin() + static_cast<std::ptrdiff_t>(head));
      head = 0;
    }
  }

  bool waits() const { return !sent_back.empty() || head != arrived.size(); }
  std::size_t waiting() const { return sent_back.size() + arrived.size() - head; }
  std::size_t running() const { return slots.size() - free_slots.size(); }
};
template <sim::Describes<JumpState> Self>
void describe(Self& self, auto&& visit) {
  using sim::About;
  visit("sent_back", self.sent_back, About{.text = "Sent back and waiting, the next one last"});
  visit("arrived", self.arrived, About{.text = "Waiting to run, those before `head` already gone"});
  visit("head", self.head, About{.text = "Index of the first that waits"});
  visit("slots", self.slots, About{.text = "Those that run"});
  visit("free_slots", self.free_slots, About{.text = "Slots that hold nobody"});
  visit("oldest", self.oldest, About{.text = "Slot of the first admitted"});
  visit("youngest", self.youngest, About{.text = "Slot of the last admitted"});
  visit("admissions", self.admissions, About{.text = "Admissions since the start, modulo 2^32"});
  visit("iteration", self.iteration, About{.text = "Number of the iteration that runs or is next"});
  visit("decodes", self.decodes, About{.text = "Requests that decode", .min = 0});
  visit("kv_tokens", self.kv_tokens, About{.text = "Their context in that iteration", .min = 0});
  visit("block_takers", self.block_takers,
        About{.text = "How many of them take a KV block, by remainder of the iteration"});
  visit("last_keys", self.last_keys, About{.text = "Heap of their last iterations"});
  visit("partial", self.partial, About{.text = "Slot of the partial prefill"});
  visit("partial_chunk", self.partial_chunk,
        About{.text = "Its tokens in the iteration", .min = 0});
  visit("finishing", self.finishing, About{.text = "Slots whose prefill ends in the iteration"});
  visit("prompts_alone", self.prompts_alone,
        About{.text = "The iteration that runs holds prompts alone"});
  visit("stalled", self.stalled,
        About{.text = "Those that decode, by their newest token, where prompts came in between"});
}

}  // namespace mw::models
