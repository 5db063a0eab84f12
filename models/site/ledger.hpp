#pragma once
#include <array>
#include <cstdint>
#include <span>

#include "models/site/exact_energy.hpp"
#include "sim/describe.hpp"

// The two ledgers: every joule at the meter has a purpose, every token asked for an outcome.
namespace mw::models {

enum class Purpose {
  prefill,
  decode,
  training,
  ingest,
  network,
  storage,
  idle,
  conversion,
  pumping,
  heat_rejection,
  lighting,
  measured,
  stored,
  generated
};
inline constexpr std::size_t purposes = 14;
inline std::span<const char* const> enum_names(Purpose) {
  static constexpr const char* names[purposes] = {
      "prefill",    "decode",  "training",       "ingest",   "network",  "storage", "idle",
      "conversion", "pumping", "heat_rejection", "lighting", "measured", "stored",  "generated"};
  return names;
}

/// Energy at the meter by purpose. Two may be negative: what batteries hold more than at the start
/// (`stored`), and less what the site's own generators made (`generated`), which never passed the
/// meter. The meter is their sum by construction; that the models' own
/// meter power integrates to the same is a test, not an assumption.
struct EnergyLedger {
  std::array<ExactEnergy, purposes> by_purpose{};

  ExactEnergy& operator[](Purpose p) { return by_purpose[static_cast<std::size_t>(p)]; }
  const ExactEnergy& operator[](Purpose p) const { return by_purpose[static_cast<std::size_t>(p)]; }
  ExactEnergy meter() const {
    ExactEnergy sum;
    for (const auto& e : by_purpose) sum += e;
    return sum;
  }
};

/// What becomes of the output tokens that users asked for. Those not delivered in time are booked
/// on one cause each: a request that the KV cache can never hold (`kv_memory`), one that missed its
/// targets after an outage of its replica (`failure`, `grid`, `heat`, `shed`) or a preemption for
/// lack of KV blocks (`kv_memory`), on a replica held below its top clock by a power limit (`cap`)
/// or by heat
/// (`heat`), or else by waiting and batching (`queue`).
enum class TokenOutcome { good, cap, heat, kv_memory, queue, host, failure, grid, shed, in_flight };
inline constexpr std::size_t token_outcomes = 10;
inline std::span<const char* const> enum_names(TokenOutcome) {
  static constexpr const char* names[token_outcomes] = {
      "good", "cap", "heat", "kv_memory", "queue", "host", "failure", "grid", "shed", "in_flight"};
  return names;
}

}  // namespace mw::models
