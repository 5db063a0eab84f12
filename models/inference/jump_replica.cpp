#include "models/inference/jump_replica.hpp"

#include <algorithm>

#include "models/inference/jump_engine.hpp"

namespace mw::models {

template class JumpEngineOn<HostMemory>;

ReplicaState in_plain_words(const ReplicaState& replica, const EngineParameters& engine) {
  ReplicaState plain = replica;
  plain.jump = {};
  if (!replica.busy) {  // what the last iteration was is no longer of interest
    plain.started = plain.ends = {};
    plain.prefill_nj = plain.decode_nj = 0;
  }
  plain.waiting = {};
  for (std::size_t i = replica.waiting.head; i < replica.waiting.items.size(); ++i) {
    plain.waiting.push_back(replica.waiting.items[i]);
  }
  if (engine.stepping == Stepping::plain) return plain;

  const JumpState& jump = replica.jump;
  const auto common = [&](const JumpRequest& j) {
    const sim::FineTime arrival{j.arrival, 0};
    Request r;
    r.id = j.id;
    r.arrival = j.arrival;
    r.admitted = arrival.plus_ps(j.admitted_ps);
    r.prompt = j.prompt;
    r.output = j.output;
    r.emitted = j.emitted;
    r.computed = j.computed;
    r.computed_once = j.computed_once;
    r.preemptions = j.preemptions;
    r.charge = j.charge;
    r.marks = j.marks;
    r.priority = j.priority;
    r.prefilling = j.resumes != Resumes::decoding;
    if (r.emitted > 0) {
      r.first = arrival.plus_ps(j.first_ps);
      r.last_token = arrival.plus_ps(j.last_ps);
    }
    return r;
  };
  for (std::size_t i = jump.sent_back.size(); i-- > 0;) {
    Request r = common(jump.sent_back[i]);
    r.host_blocks = static_cast<std::int32_t>(blocks_for(r.computed, engine.block_size));
    plain.waiting.push_back(r);
  }
  for (std::size_t i = jump.head; i < jump.arrived.size(); ++i) {
    const JumpArrival& j = jump.arrived[i];
    Request r;
    r.id = j.id;
    r.arrival = j.arrival;
    r.prompt = j.prompt;
    r.output = j.output;
    r.charge = j.charge;
    r.priority = j.priority;
    r.marks = mark_of(j.outage);
    plain.waiting.push_back(r);
  }
  if (engine.scheduling == Scheduling::priority) {
    auto& waiting = plain.waiting.items;
    std::sort(waiting.begin(), waiting.end(),
              [](const Request& a, const Request& b) { return urgency(a) < urgency(b); });
  }
  for (std::uint16_t slot = jump.oldest; slot != JumpState::none; slot = jump.slots[slot].younger) {
    const JumpRequest& j = jump.slots[slot];
    Request r = common(j);
    if (j.last_key >= 0) {
      r.prefilling = false;
      r.emitted = emitted_before(j, jump.iteration);
      r.computed = r.prompt + r.emitted - 1;
      r.chunk = jump.prompts_alone ? 0 : 1;
      r.computed_once = r.computed + r.chunk;
      r.last_token = sim::FineTime{j.arrival, 0}.plus_ps(newest_token(jump, j, replica.started));
    } else {
      r.chunk = slot == jump.partial ? jump.partial_chunk : r.prompt + r.emitted - r.computed;
    }
    r.blocks = static_cast<std::int32_t>(
        blocks_for(std::int64_t{r.computed} + r.chunk, engine.block_size));
    plain.running.push_back(r);
  }
  return plain;
}

}  // namespace mw::models
