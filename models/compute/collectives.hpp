#pragma once
#include "models/compute/gpu.hpp"

// What groups of GPUs need to send each other data. Ranks are consecutive GPUs: the first `domain`
// of a group share NVLink (or its like), the next `domain` too, and between such domains lies a
// network. Constants, their fit and its error: docs/models/compute.md, section "Collectives".
namespace mw::models {

/// What joins the GPUs of a replica.
struct Fabric {
  int domain = 8;            // GPUs joined by links
  double link = 0;           // B/s each way per GPU, as far as kernels reach it
  double launch = 0;         // s, before the first byte moves
  double hop = 0;            // s, one step of a ring
  double scale_out = 0;      // B/s each way per GPU beyond the domain; 0: nothing beyond it
  double scale_out_hop = 0;  // s, one step across the network
};
Fabric fabric_of(const GpuParameters& gpu, int domain);

/// Of one collective. Bytes are those sent by all its ranks together.
struct CollectiveCost {
  double latency = 0;   // s, of an empty message
  double transfer = 0;  // s, more for its bytes
  double link_bytes = 0;
  double scale_out_bytes = 0;

  double time() const { return latency + transfer; }
};

/// `direct`: short messages go in one shot from every rank to every other (the all-reduce kernels
/// of serving engines), where that is faster than the library's ring or switch.
enum class Reduction { ring, direct };

/// `bytes`: the vector that every rank holds before and after.
CollectiveCost all_reduce(const Fabric& fabric, int ranks, double bytes, Reduction kind);
/// `bytes`: the whole result; every rank brings one part of it.
CollectiveCost all_gather(const Fabric& fabric, int ranks, double bytes);
/// `bytes`: what every rank brings; it keeps one part of the sum.
CollectiveCost reduce_scatter(const Fabric& fabric, int ranks, double bytes);
/// `bytes`: what every rank sends, one part to each rank.
CollectiveCost all_to_all(const Fabric& fabric, int ranks, double bytes);

/// How experts on other ranks get their tokens. `all_gather`: every rank gets all tokens, and the
/// sums are scattered back. The others send a token once to each rank that has one of its experts:
/// in one kernel each way, or in several that first exchange counts.
enum class ExpertExchange { all_gather, one_sided, two_sided };
inline std::span<const char* const> enum_names(ExpertExchange) {
  static constexpr const char* names[] = {"all_gather", "one_sided", "two_sided"};
  return names;
}

/// Tokens on their way to experts: `tokens` on every GPU, each to `experts_per_token` experts that
/// lie uniformly on the ranks.
struct ExchangeLoad {
  int ranks = 1;          // expert-parallel
  int gpus_per_rank = 1;  // which share the experts of their rank; each needs the rank's tokens
  double tokens = 0;
  double experts_per_token = 1;
  double bytes_out = 0;   // of one token towards its experts
  double bytes_back = 0;  // and back
};
/// There and back.
CollectiveCost expert_exchange(const Fabric& fabric, const ExchangeLoad& load, ExpertExchange kind);

/// A message from every GPU of one pipeline stage to its partner in the next, `distance` GPUs away.
CollectiveCost hand_over(const Fabric& fabric, int senders, int distance, double bytes_per_sender);

}  // namespace mw::models
